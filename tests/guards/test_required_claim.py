"""A required claim: the claims that satisfy it, and the mistakes in it that are found at import."""

from enum import IntEnum, StrEnum
from typing import Any

import pytest

from flask_tokenauth import require_claim
from flask_tokenauth.core.tokens.claims import read_claims
from flask_tokenauth.guards.required_claim import RequiredClaim

from .kit import make_view


def is_met(name: str, *values: Any, claims: str) -> bool:
    """Return whether a claims set, in JSON, satisfies the requirement."""
    return RequiredClaim.of(name, values).is_met_by(read_claims(claims.encode()))


# The value


@pytest.mark.parametrize(
    "claims",
    [
        '{"role": "editor"}',
        '{"role": "admin"}',
        '{"role": ["reader", "editor"]}',
        '{"role": [1, null, {"a": 1}, ["x"], "admin"]}',
    ],
)
def test_a_claim_that_equals_one_of_the_values_or_holds_one_passes(claims: str) -> None:
    assert is_met("role", "editor", "admin", claims=claims)


@pytest.mark.parametrize(
    "claims",
    [
        "{}",
        '{"role": null}',
        '{"role": "reader"}',
        '{"role": "Editor"}',
        '{"role": "editor "}',
        '{"role": "editor admin"}',
        '{"role": ""}',
        '{"role": []}',
        '{"role": ["reader"]}',
        '{"role": [["editor"]]}',
        '{"role": {"editor": true}}',
        '{"role": [{"role": "editor"}]}',
        '{"Role": "editor"}',
        '{"roles": "editor"}',
        '{"role": true}',
        '{"role": 1}',
    ],
)
def test_any_other_claim_is_refused(claims: str) -> None:
    assert not is_met("role", "editor", "admin", claims=claims)


@pytest.mark.parametrize(
    ("value", "same", "others"),
    [
        (True, "true", ["1", "1.0", '"true"', '"True"', '"1"', "false"]),
        (False, "false", ["0", "0.0", '""', '"false"', "null", "[]", "true"]),
        (1, "1", ["true", "1.0", '"1"', "[true]", "[1.0]", "2"]),
        (0, "0", ["false", "0.0", "-1", '"0"', "null"]),
        ("1", '"1"', ["1", "true", '"01"']),
        ("true", '"true"', ["true"]),
        ("null", '"null"', ["null"]),
    ],
)
def test_values_are_compared_with_their_json_types(value: object, same: str, others: list[str]) -> None:
    assert is_met("a", value, claims=f'{{"a": {same}}}')
    assert is_met("a", value, claims=f'{{"a": [null, {same}]}}')
    assert [other for other in others if is_met("a", value, claims=f'{{"a": {other}}}')] == []


class Role(StrEnum):
    EDITOR = "editor"


class Level(IntEnum):
    HIGH = 3


def test_members_of_an_enum_are_their_strings_and_numbers() -> None:
    assert is_met("role", Role.EDITOR, claims='{"role": "editor"}')
    assert is_met("level", Level.HIGH, claims='{"level": 3}')
    assert RequiredClaim.of("role", (Role.EDITOR,)) == RequiredClaim.of("role", ("editor",))
    assert str(RequiredClaim.of("role", (Role.EDITOR, Level.HIGH))) == 'claim role: "editor" or 3'


def test_true_and_1_are_two_requirements() -> None:
    """In Python they are equal and have the same hash. One would then count as the other, which was checked."""
    assert RequiredClaim.of("a", (True,)) != RequiredClaim.of("a", (1,))


# The name


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("realm_access.roles", '{"realm_access": {"roles": ["editor"]}}'),
        ("a.b.c", '{"a": {"b": {"c": "editor"}}}'),
        ("https://example.com/roles", '{"https://example.com/roles": ["editor"]}'),
        ("https://example.com/app.roles", '{"https://example.com/app": {"roles": ["editor"]}}'),
        ("resource_access.org.example.app.roles", '{"resource_access": {"org.example.app": {"roles": ["editor"]}}}'),
        (".", '{".": "editor"}'),
        ("a.", '{"a": {"": "editor"}}'),
        (".a", '{"": {"a": "editor"}}'),
        ("é", '{"é": "editor"}'),
    ],
)
def test_a_name_may_be_a_path_whose_parts_may_have_dots(name: str, claims: str) -> None:
    assert is_met(name, "editor", claims=claims)


@pytest.mark.parametrize(
    "claims",
    [
        '{"a": "editor"}',
        '{"b": "editor"}',
        '{"a": ["b", "editor"]}',
        '{"a": [{"b": "editor"}]}',
        '{"a": null, "b": "editor"}',
        '{"a": {"c": {"b": "editor"}}}',
        '{"a": {"B": "editor"}}',
        '{"a": {"b": {"b": "editor"}}}',
    ],
)
def test_a_path_leads_only_through_objects(claims: str) -> None:
    assert not is_met("a.b", "editor", claims=claims)


@pytest.mark.parametrize(
    ("claims", "passes"),
    [
        ('{"a.b": "reader", "a": {"b": "editor"}}', False),
        ('{"a.b": null, "a": {"b": "editor"}}', False),
        ('{"a.b": "editor", "a": {"b": "reader"}}', True),
        ('{"a.b": "editor", "a": "reader"}', True),
    ],
)
def test_a_claim_with_exactly_this_name_wins_over_a_path(claims: str, passes: bool) -> None:  # noqa: FBT001
    assert is_met("a.b", "editor", claims=claims) is passes


def test_the_longest_name_on_a_path_wins() -> None:
    assert not is_met("a.b.c", "editor", claims='{"a.b": {"c": "reader"}, "a": {"b.c": "editor"}}')
    assert not is_met("a.b.c", "editor", claims='{"a.b": "reader", "a": {"b.c": "editor"}}')


# Mistakes


def test_without_parentheses_the_error_shows_the_right_form() -> None:
    """Without this error, the decorator would take the view as a name and guard nothing."""
    with pytest.raises(TypeError) as caught:
        require_claim(make_view())

    assert str(caught.value) == (
        'require_claim must be called with a claim and its values: @require_claim("role", "editor")'
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("role",), ValueError, 'require_claim needs a value of claim role: @require_claim("role", "editor")'),
        (("", "editor"), ValueError, 'the name of a claim must not be empty: @require_claim("role", "editor")'),
        ((None, "editor"), TypeError, "the name of a claim must be a string, got NoneType"),
        ((["role"], "editor"), TypeError, "the name of a claim must be a string, got list"),
        (
            ("role", ["editor"]),
            TypeError,
            "the values of claim role must be strings, integers or booleans, got list: pass them separately",
        ),
        (
            ("role", "editor", {"admin"}),
            TypeError,
            "the values of claim role must be strings, integers or booleans, got set: pass them separately",
        ),
        (
            ("role", None),
            TypeError,
            "the values of claim role must be strings, integers or booleans, got NoneType",
        ),
        (
            ("level", 1.5),
            TypeError,
            "the values of claim level must be strings, integers or booleans, got float: compare it in the view",
        ),
        (("role", ""), ValueError, "the values of claim role must not be empty strings"),
        (
            ("scope", "reports:read"),
            ValueError,
            'claim scope has a guard of its own, which knows implied scopes: @require_scope("reports:read")',
        ),
        (
            ("auth_time", 1),
            ValueError,
            "claim auth_time has a guard of its own: @login_required(max_age=300)",
        ),
    ],
)
def test_a_mistake_is_an_error_at_import(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        require_claim(*arguments)

    assert str(caught.value) == message


def test_a_name_with_an_empty_part_may_be_the_name_of_a_claim() -> None:
    assert RequiredClaim.of("a..b", ("c",)).is_met_by({"a..b": "c"})
