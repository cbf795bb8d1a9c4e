"""Scope strings: RFC 6749 section 3.3."""

import pytest

from flask_tokenauth.core.scopes import format_scope, parse_scope


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("", set()),
        ("a", {"a"}),
        ("reports:read profile", {"reports:read", "profile"}),
        ("a a", {"a"}),
        ("!#[]~", {"!#[]~"}),
    ],
)
def test_a_scope_string_is_a_set_of_scope_tokens(text: str, scopes: set[str]) -> None:
    assert parse_scope(text) == scopes


@pytest.mark.parametrize(
    "text", [" ", "a ", " a", "a  b", "a\tb", "a\n", 'a"b', "a\\b", "é", "a\x00", "a\x7f", "a\x1f"]
)
def test_what_breaks_the_grammar_of_scope_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a scope string$"):
        parse_scope(text)


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        ((), ""),
        (["b", "a"], "b a"),
        (["a", "b", "a"], "a b"),
        (set("gfedcba"), "a b c d e f g"),
        (frozenset("gfedcba"), "a b c d e f g"),
    ],
)
def test_scopes_are_written_each_once(scopes: list[str], text: str) -> None:
    assert format_scope(scopes) == text


def test_scopes_may_come_from_a_generator() -> None:
    assert format_scope(each for each in ("b", "a")) == "b a"


def test_one_text_is_not_a_collection_of_scopes() -> None:
    with pytest.raises(TypeError, match=r"^scopes are a collection of texts: .*, not \"reports:read\"$"):
        format_scope("reports:read")


@pytest.mark.parametrize("scope", ["", "a b", 'a"', "a\\", "é", "a\n", "\x7f"])
def test_a_scope_outside_the_grammar_is_not_written(scope: str) -> None:
    with pytest.raises(ValueError, match="not a scope"):
        format_scope([scope])


@pytest.mark.parametrize("scope", [None, 1, b"a", ["a"], 1.5])
def test_a_scope_that_is_no_text_is_not_written(scope: object) -> None:
    with pytest.raises(TypeError, match=f"a scope is a text, not {type(scope).__name__}"):
        format_scope([scope])  # type: ignore[list-item]  # the mistake under test
