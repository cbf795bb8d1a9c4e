"""Claims of an application: JSON gives a reader the same values, or they are refused."""

import json
import math
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

from flask_tokenauth.core.encoding.immutable_json import freeze
from flask_tokenauth.core.encoding.json_values import to_json_values

from .test_immutable_json import nested


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"a": None, "b": True, "c": -1.5, "d": "é", "e": 2**64},
        {"teams": [{"name": "blue", "of": []}], "pair": (1, 2)},
        {"a": nested(31)},
    ],
)
def test_json_values_come_back_in_plain_dicts_and_lists(claims: dict[str, Any]) -> None:
    plain = to_json_values(claims)

    assert plain == json.loads(json.dumps(claims))
    assert to_json_values(MappingProxyType(claims)) == plain
    assert to_json_values(freeze(claims)) == plain  # type: ignore[arg-type]  # a mapping, as it was


def test_the_values_are_a_copy() -> None:
    claims: dict[str, Any] = {"teams": [("blue", ["red"])]}

    plain: Any = to_json_values(claims)
    plain["teams"][0][1].append("green")

    assert claims == {"teams": [("blue", ["red"])]}
    assert plain == {"teams": [["blue", ["red", "green"]]]}


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [math.inf],
        {1: 2},
        {1, 2},
        b"x",
        date(2026, 1, 1),
        object(),
        "\ud800",
        10**5000,
        nested(32),
        nested(5000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_json_would_change_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^claims must be JSON values .*, at most 32 deep: convert other values"):
        to_json_values({"x": value})


@pytest.mark.parametrize("claims", [None, 5, "team", ["team"]])
def test_claims_are_a_mapping(claims: Any) -> None:
    with pytest.raises(TypeError, match=f"^claims must be a dict, got {type(claims).__name__}$"):
        to_json_values(claims)
