"""Scope strings (RFC 6749 section 3.3), placeholders, and scopes that imply others."""

import tracemalloc
from contextlib import suppress
from typing import Any

import pytest

from flask_tokenauth.core.tokens.scopes import (
    check_scope_token,
    compile_placeholders,
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
    with pytest.raises(
        ValueError, match=r"^a scope string must be scopes of printable ASCII, with one space between them$"
    ):
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
    assert format_scope(scope for scope in ("b", "a")) == "b a"


def test_one_text_is_not_a_collection_of_scopes() -> None:
    with pytest.raises(
        TypeError, match=r"^scopes must be a collection of strings, got one string: use \[\"reports:read\"\]$"
    ):
        format_scope("reports:read")


@pytest.mark.parametrize("scope", ["", "a b", 'a"', "a\\", "é", "a\n", "\x7f"])
def test_a_scope_outside_the_grammar_is_not_written(scope: str) -> None:
    with pytest.raises(ValueError, match=r"^a scope must be printable ASCII"):
        format_scope([scope])


def test_several_scopes_in_one_string_are_refused_with_advice() -> None:
    with pytest.raises(ValueError, match=r"got 'a b': pass scopes separately$"):
        check_scope_token("a b")


@pytest.mark.parametrize("scope", [" ", "a ", "\n"])
def test_one_scope_with_white_space_around_it_gets_no_advice(scope: str) -> None:
    with pytest.raises(ValueError, match=r"got '.*'$"):
        check_scope_token(scope)


@pytest.mark.parametrize("scope", [None, 1, b"a", ["a"], 1.5])
def test_a_scope_that_is_no_text_is_not_written(scope: object) -> None:
    with pytest.raises(TypeError, match=f"^scopes must be strings, got {type(scope).__name__}: (write|pass)"):
        format_scope([scope])  # type: ignore[list-item]  # the mistake under test


@pytest.mark.parametrize("scope", [["a", "b"], ("a",), {"a"}, frozenset({"a"})])
def test_a_collection_in_place_of_a_scope_is_refused_with_advice(scope: object) -> None:
    with pytest.raises(TypeError, match=f"^scopes must be strings, got {type(scope).__name__}: pass them separately$"):
        check_scope_token(scope)


@pytest.mark.parametrize("scopes", [None, 1])
def test_scopes_are_a_collection(scopes: Any) -> None:
    with pytest.raises(TypeError, match=f"^scopes must be a collection of strings, got {type(scopes).__name__}: use "):
        format_scope(scopes)


def test_a_set_with_a_member_that_is_no_string_is_refused() -> None:
    scopes: set[Any] = {1, "a"}

    with pytest.raises(TypeError, match=r"^scopes must be strings, got int: write \"reports:read\", for example$"):
        format_scope(scopes)


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
    with pytest.raises(ValueError, match=r"^a placeholder must be a whole segment"):
        find_placeholders(scope)


@pytest.mark.parametrize(
    ("template", "scope", "stands"),
    [
        ("projects:{id}:write", "projects:7:write", True),
        ("projects:{id}:write", "projects:a-b_c.d~e:write", True),
        ("projects:{id}:write", "projects::write", False),
        ("projects:{id}:write", "projects:7:8:write", False),
        ("projects:{id}:write", "projects:7:write:more", False),
        ("projects:{id}:write", "projects:{id}:write", False),
        ("projects:{id}:write", "projects:7:write\n", False),
        ("{a}", "x", True),
        ("{a}:{b}", "x:y", True),
        ("{a}:{a}", "x:x", True),
        ("{a}:{a}", "x:y", False),
        ("a.b:{c}", "axb:c", False),
        ("a|b:{c}", "a", False),
    ],
)
def test_a_scope_with_a_placeholder_stands_for_the_same_scope_with_a_value(
    template: str, scope: str, stands: object
) -> None:
    assert (compile_placeholders(template).fullmatch(scope) is not None) is stands


def test_a_brace_outside_of_a_placeholder_is_no_pattern() -> None:
    with pytest.raises(ValueError, match=r"^a placeholder must be a whole segment"):
        compile_placeholders("x{a}:y")


def test_what_implies_a_scope_is_enough_for_it_however_indirectly() -> None:
    granted_by = expand_implied({"read": (), "write": ("read",), "admin": ("write",), "other": ()})

    assert {scope: set(granting) for scope, granting in granted_by.items()} == {
        "read": {"read", "write", "admin"},
        "write": {"write", "admin"},
        "admin": {"admin"},
        "other": {"other"},
    }


def test_scopes_may_imply_each_other() -> None:
    granted_by = expand_implied({"a": ("b",), "b": ("a",)})

    assert {scope: set(granting) for scope, granting in granted_by.items()} == {"a": {"a", "b"}, "b": {"a", "b"}}


def test_what_implies_a_scope_in_two_ways_counts_once() -> None:
    granted_by = expand_implied({"a": ("b", "c"), "b": ("d",), "c": ("d", "b"), "d": ("c",)})

    assert sorted(granted_by["d"]) == ["a", "b", "c", "d"]


def test_a_scope_implies_declared_ones() -> None:
    with pytest.raises(ValueError, match=r"^admin implies reed, which must be declared too$"):
        expand_implied({"admin": ("reed",), "read": ()})


def test_a_scope_implies_those_that_have_all_its_placeholders() -> None:
    expand_implied({"admin": ("x:{a}",), "x:{a}": ("x:{a}:{b}",), "x:{a}:{b}": ()})

    with pytest.raises(ValueError, match=r"^read must have all placeholders of x:\{a\}, which implies it$"):
        expand_implied({"x:{a}": ("read",), "read": ()})


@pytest.mark.parametrize("length", [511, 512, 513, 100_000])
def test_only_short_texts_are_remembered_and_all_are_judged_alike(length: int) -> None:
    text = "a" * length

    assert parse_scope(text) == {text}
    check_scope_token(text)
    with pytest.raises(ValueError, match=r"^a scope must be printable ASCII"):
        check_scope_token(text[:-1] + '"')
    with pytest.raises(ValueError, match=r"^a scope string must be scopes"):
        parse_scope(text[:-1] + '"')


def test_what_clients_make_up_does_not_fill_the_memory() -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(300):
        with suppress(ValueError):
            format_scope([f"{number}" + "é" * 100_000])
        with suppress(ValueError):
            parse_scope(f"{number}" + "é" * 100_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 1_000_000
