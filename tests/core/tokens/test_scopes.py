"""Scope strings: RFC 6749 section 3.3."""

import tracemalloc
from contextlib import suppress

import pytest

from flask_tokenauth.core.tokens.scopes import (
    check_scope_token,
    expand_implied,
    find_placeholders,
    format_scope,
    parse_scope,
)


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


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("reports:read", ()),
        ("projects:{project_id}:write", ("project_id",)),
        ("{a}:{b}", ("a", "b")),
        ("{_x9}", ("_x9",)),
    ],
)
def test_a_placeholder_is_a_whole_segment(scope: str, names: tuple[str, ...]) -> None:
    assert find_placeholders(scope) == names


@pytest.mark.parametrize(
    "scope", ["{", "}", "{}", "a{b}", "{b}c", "{a}{b}", "{a b}", "{1}", "{a-b}", "{{a}}", "{a:b}", "x:{é}"]
)
def test_a_brace_anywhere_else_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="a placeholder is not a whole segment"):
        find_placeholders(scope)


def test_what_implies_a_scope_is_enough_for_it_however_indirectly() -> None:
    enough = expand_implied({"read": (), "write": ("read",), "admin": ("write",), "other": ()})

    assert {scope: set(each) for scope, each in enough.items()} == {
        "read": {"read", "write", "admin"},
        "write": {"write", "admin"},
        "admin": {"admin"},
        "other": {"other"},
    }


def test_scopes_may_imply_each_other() -> None:
    enough = expand_implied({"a": ("b",), "b": ("a",)})

    assert {scope: set(each) for scope, each in enough.items()} == {"a": {"a", "b"}, "b": {"a", "b"}}


def test_what_implies_a_scope_in_two_ways_counts_once() -> None:
    enough = expand_implied({"a": ("b", "c"), "b": ("d",), "c": ("d", "b"), "d": ("c",)})

    assert sorted(enough["d"]) == ["a", "b", "c", "d"]


def test_a_scope_implies_declared_ones() -> None:
    with pytest.raises(ValueError, match="admin implies reed, which is not declared"):
        expand_implied({"admin": ("reed",), "read": ()})


def test_a_scope_implies_those_that_have_all_its_placeholders() -> None:
    expand_implied({"admin": ("x:{a}",), "x:{a}": ("x:{a}:{b}",), "x:{a}:{b}": ()})

    with pytest.raises(ValueError, match="has a placeholder that read"):
        expand_implied({"x:{a}": ("read",), "read": ()})


@pytest.mark.parametrize("length", [511, 512, 513, 100_000])
def test_only_short_texts_are_remembered_and_all_are_judged_alike(length: int) -> None:
    text = "a" * length

    assert parse_scope(text) == {text}
    check_scope_token(text)
    with pytest.raises(ValueError, match="not a scope"):
        check_scope_token(text[:-1] + '"')
    with pytest.raises(ValueError, match="not a scope"):
        parse_scope(text[:-1] + '"')


def test_what_clients_make_up_does_not_fill_the_memory() -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for each in range(300):
        with suppress(ValueError):
            format_scope([f"{each}" + "é" * 100_000])
        with suppress(ValueError):
            parse_scope(f"{each}" + "é" * 100_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 1_000_000
