"""The records of a store: only values are written that can be read again, and only such values are read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from flask_tokenauth.core.encoding.limits import is_identifier
from flask_tokenauth.core.errors import Refusal, SettingsError, StoreUnavailable
from flask_tokenauth.core.records.grant import Grant, read_grant, write_grant
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.records.session import MAX_GENERATION, NewSession, Session, check_generation

DAY = timedelta(days=1)
GRANT = Grant(
    scopes=("b", "a"),
    claims={"deep": [{"a": [1, None]}]},
    audience=frozenset({"y", "x"}),
    client_id="app",
    lifetime=timedelta(minutes=5),
    auth_time=1_700_000_000,
)
WRITTEN = (
    '{"scopes":["b","a"],"claims":{"deep":[{"a":[1,null]}]},"audience":["x","y"],"client_id":"app","lifetime":300.0,'
    '"auth_time":1700000000}'
)


def new(**changes: Any) -> NewSession:
    usual: dict[str, Any] = {"session_id": "s", "user_id": "alice", "grant": Grant()}
    return NewSession(**(usual | {"idle_lifetime": DAY, "lifetime": DAY} | changes))


def kept(**changes: Any) -> Session:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    usual: dict[str, Any] = {
        "session_id": "s", "user_id": "alice", "grant": Grant(), "label": None, "user_agent": None, "started_at": now,
        "refreshed_at": None, "idle_expires_at": now, "expires_at": now, "generation": 0, "epoch": 0,
    }  # fmt: skip
    return Session(**(usual | changes))


def test_a_store_out_of_reach_is_neither_a_refusal_nor_a_mistake_of_the_programmer() -> None:
    assert not issubclass(StoreUnavailable, (Refusal, SettingsError))


def test_a_grant_is_written_as_one_json_text_and_read_as_it_was() -> None:
    assert write_grant(GRANT) == WRITTEN
    assert read_grant(WRITTEN) == GRANT
    assert read_grant(write_grant(Grant())) == Grant()


def test_the_claims_of_a_grant_are_its_own_and_stay_as_they_were() -> None:
    claims: dict[str, Any] = {"list": [1]}
    grant: Any = Grant(claims=claims)

    claims["list"].append(2)

    assert grant.claims == {"list": (1,)}
    with pytest.raises(TypeError):
        grant.claims["more"] = 1


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": ("a b",)},
        {"scopes": ("",)},
        {"scopes": (1,)},
        {"scopes": "ab"},
        {"scopes": ["a b"]},
        {"scopes": {"a": "b"}},
        {"audience": frozenset()},
        {"audience": frozenset({""})},
        {"audience": ["a", 1]},
        {"audience": ""},
        {"audience": 1},
        {"claims": None},
        {"claims": [("team", "blue")]},
        {"scopes": None},
        {"scopes": {1, "a"}},
        {"lifetime": 900},
        {"client_id": ""},
        {"client_id": "x" * 256},
        {"lifetime": timedelta(0)},
        {"lifetime": timedelta(days=36525, microseconds=1)},
        {"auth_time": -1},
        {"auth_time": 253402300800},
        {"auth_time": True},
        {"auth_time": 1.5},
    ],
)
def test_a_grant_that_no_token_could_have_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Grant(**changes)


@pytest.mark.parametrize(
    "changes", [{"auth_time": 0}, {"auth_time": 253402300799}, {"lifetime": timedelta(days=36525)}]
)
def test_a_grant_may_be_at_the_limits(changes: dict[str, Any]) -> None:
    assert read_grant(write_grant(Grant(**changes))) == Grant(**changes)


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "claims",
    [
        {"n": float("nan")},
        {"n": float("inf")},
        {"d": datetime(2024, 1, 1, tzinfo=UTC)},
        {"s": {1}},
        {1: 1},
        {"\ud800": 1},
        {"o": object()},
        {"s": "\ud800"},
        {"b": b"x"},
    ],
)
def test_claims_that_are_not_json_cannot_be_written(claims: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="claims must be JSON values"):
        write_grant(Grant(claims=claims))


def test_claims_nest_thirty_two_deep_and_no_deeper() -> None:
    write_grant(Grant(claims={"a": deep(31)}))

    with pytest.raises(ValueError, match="nested too deeply"):
        Grant(claims={"a": deep(32)})


@pytest.mark.parametrize(
    "text",
    [None, 1, 1.5, True, b"{}", WRITTEN.encode(), "", "x", "null", "[]", "{}", '"x"', WRITTEN[:-1], WRITTEN + "x",
     "[" * 100_000, '{"scopes":' + "[" * 100_000, "\x00", "{\"scopes\":[],\"claims\":{},\"audience\":null}"],
)  # fmt: skip
def test_what_is_no_grant_is_not_read(text: object) -> None:
    with pytest.raises(StoreUnavailable):
        read_grant(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": "a b"},
        {"scopes": ["a b"]},
        {"scopes": [1]},
        {"scopes": None},
        {"claims": []},
        {"claims": None},
        {"claims": {"a": deep(32)}},
        {"audience": []},
        {"audience": "x"},
        {"audience": [""]},
        {"client_id": ""},
        {"client_id": 1},
        {"lifetime": "900"},
        {"lifetime": 0},
        {"lifetime": -1},
        {"lifetime": 1e300},
        {"lifetime": True},
        {"auth_time": -1},
        {"auth_time": "0"},
        {"auth_time": 1.5},
        {"auth_time": 10**30},
        {"cnf": {"jkt": "x"}},  # it could be a limit, written by a newer release
    ],
)
def test_a_grant_with_a_member_that_could_not_be_ours_is_not_read(changes: dict[str, Any]) -> None:
    text = json.dumps(json.loads(WRITTEN) | changes)

    with pytest.raises(StoreUnavailable):
        read_grant(text)


def test_the_error_of_a_grant_that_cannot_be_read_has_nothing_of_it_in_the_message() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        read_grant('{"scopes": "hunter"}')

    assert "hunter" not in str(caught.value)
    assert isinstance(caught.value.__cause__, msgspec.ValidationError)


@pytest.mark.parametrize("make", [new, kept])
@pytest.mark.parametrize(
    "changes",
    [
        {name: value}
        for name in ("session_id", "user_id")
        for value in ("", "x" * 256, "a\x00", "a\x7f", "\ud800", 1, None)
    ]
    + [{"label": value} for value in ("x" * 256, "\n", "\ud800", 1)]
    + [{"user_agent": value} for value in ("x" * 501, "\x1b", "\udfff", b"x")],
)
def test_a_session_has_identifiers_and_clean_texts(make: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        make(**changes)


@pytest.mark.parametrize("name", ["idle_lifetime", "lifetime"])
@pytest.mark.parametrize("duration", [timedelta(0), -DAY, timedelta(days=36525, microseconds=1), timedelta.max])
def test_a_session_lives_for_more_than_no_time_and_less_than_a_hundred_years(name: str, duration: timedelta) -> None:
    with pytest.raises(ValueError, match=name):
        new(**{name: duration})


@pytest.mark.parametrize(
    "changes",
    [{"generation": value} for value in (-1, MAX_GENERATION + 2, "0", None, True, 0.0)]
    + [{"epoch": value} for value in (-1, 2**63, "0", None, False, 1.0)],
)
def test_a_session_has_whole_numbers(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(changes))} must be a whole number from 0 to "):
        kept(**changes)


def test_a_session_may_be_at_the_limits() -> None:
    kept(session_id="x" * 255, user_id="é", label="", generation=MAX_GENERATION + 1, epoch=2**63 - 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "x"},
        {"kind": "t"},
        {"subject": ""},
        {"value": -1},
        {"value": 2**63},
        {"value": 1.5},
        {"value": True},
        {"expires_at": -1},
        {"expires_at": 253402300799_001},
        {"expires_at": 1.5},
    ],
)
def test_a_revocation_is_of_a_kind_and_has_whole_numbers(changes: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"kind": "token", "subject": "x", "expires_at": 1}
    Revocation(**usual)

    with pytest.raises(ValueError, match=f"^{next(iter(changes))} "):
        Revocation(**(usual | changes))


@pytest.mark.parametrize("value", ["a", "x" * 255, "é", "e\u0301", " ", "a b", "\u200d", "\u00a0", "\U0001f511" * 255])
def test_texts_without_control_characters_are_identifiers(value: str) -> None:
    assert is_identifier(value)


@pytest.mark.parametrize("value", ["", "x" * 256, "\x00", "a\n", "\x7f", "\x85", "\ud800", None, 1, b"a", ["a"]])
def test_other_things_are_no_identifiers(value: object) -> None:
    assert not is_identifier(value)


@pytest.mark.parametrize("generation", [0, MAX_GENERATION])
def test_a_generation_has_four_bytes(generation: int) -> None:
    check_generation(generation)


@pytest.mark.parametrize("generation", [-1, MAX_GENERATION + 1, 0.0, True, "0", None])
def test_what_has_not_is_no_generation(generation: Any) -> None:
    with pytest.raises(ValueError, match="generation"):
        check_generation(generation)


@pytest.mark.parametrize("audience", ["a", ["a"], ("a",), {"a"}, frozenset({"a"})])
def test_the_audience_of_a_grant_comes_as_people_have_it(audience: Any) -> None:
    grant = Grant(audience=audience)

    assert grant.audience == frozenset({"a"})
    assert read_grant(write_grant(grant)) == grant


def test_a_grant_whose_strings_json_cannot_keep_is_not_written() -> None:
    class Name(str):
        __slots__ = ()

    with pytest.raises(ValueError, match="must be of the type str"):
        write_grant(Grant(client_id=Name("app")))


@pytest.mark.parametrize("scopes", [("a", "b"), ["a", "b"], {"b", "a"}, frozenset({"a", "b"})])
def test_scopes_of_a_grant_come_as_people_have_them(scopes: Any) -> None:
    assert Grant(scopes=scopes).scopes == ("a", "b")
