"""Audiences: one string or several in code and in tokens, a set everywhere else."""

from collections.abc import Iterable
from typing import Any

import pytest

from flask_tokenauth.core.tokens.audience import parse_audience, write_audience


@pytest.mark.parametrize(
    ("audience", "names"),
    [
        ("api", {"api"}),
        ("", {""}),
        (["a", "b", "a"], {"a", "b"}),
        (("a",), {"a"}),
        ({"a", "b"}, {"a", "b"}),
        ((name for name in "ab"), {"a", "b"}),
        ([], set()),
    ],
)
def test_an_audience_is_one_string_or_several(audience: str | Iterable[str], names: set[str]) -> None:
    parsed = parse_audience(audience)

    assert type(parsed) is frozenset
    assert parsed == names


@pytest.mark.parametrize(
    ("audience", "came"),
    [
        (None, "NoneType"),
        (1, "int"),
        ([1], "int among them"),
        (["a", None], "NoneType among them"),
        ([b"a"], "bytes among them"),
        ([["a"]], "list"),
    ],
)
def test_other_values_are_no_audience(audience: Any, came: str) -> None:
    with pytest.raises(TypeError, match=f"^audience must be one string or several, got {came}$"):
        parse_audience(audience)


@pytest.mark.parametrize(("names", "written"), [({"a"}, "a"), ({"b", "a"}, ("a", "b")), ((), ())])
def test_one_recipient_is_written_as_a_string_and_several_as_an_array(names: Iterable[str], written: object) -> None:
    assert write_audience(names) == written
