"""The records of a store are of one kind, and each has the method ``replace``."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from flask_tokenauth.core.encoding.digests import digest_of
from flask_tokenauth.core.records.api_key import ApiKey, ApiKeyToKeep
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.records.record import Record
from flask_tokenauth.core.records.reference_token import ReferenceToken
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.core.records.session import NewSession, Outcome, Redemption, Session, Terms

from ..encoding.test_immutable_json import nested

DAY = timedelta(days=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEW = NewSession(session_id="s", user_id="alice", grant=Grant(), idle_lifetime=DAY, lifetime=DAY)
SESSION = Session(
    session_id="s",
    user_id="alice",
    grant=Grant(scopes=("a", "b")),
    label=None,
    user_agent=None,
    started_at=NOON,
    refreshed_at=None,
    idle_expires_at=NOON + DAY,
    expires_at=NOON + DAY,
    generation=0,
    epoch=0,
)
REVOCATION = Revocation(kind="token", subject="t1", expires_at=1)
KEY = ApiKey(
    id="k",
    user_id="alice",
    name="a script",
    hint="ta_…abcd",
    grant=Grant(scopes=("a", "b")),
    created_at=NOON,
    last_used_at=None,
    expires_at=None,
    key_epoch=0,
)
CHANGES: list[tuple[Record, dict[str, Any]]] = [
    (Grant(scopes=("a", "b"), client_id="c"), {"scopes": ("a",)}),
    (NEW, {"label": "Alice's phone"}),
    (SESSION, {"grant": Grant(scopes=("a",))}),
    (REVOCATION, {"expires_at": 2}),
    (Terms(idle_lifetime=DAY, retry_window=DAY, retention=DAY), {"retention": 2 * DAY}),
    (Redemption(outcome=Outcome.SWAPPED, session=SESSION), {"rolled_back": True}),
    (RevocationPage(entries=(REVOCATION,), cursor="1"), {"more": True}),
    (
        ApiKeyToKeep(digest=digest_of("k"), user_id="alice", name="a", hint="", grant=Grant()),
        {"lifetime": DAY, "name": "b"},
    ),
    (KEY, {"last_used_at": NOON}),
    (
        ReferenceToken(digest=digest_of("t"), user_id="alice", epoch=0, claims="{}", expires_at=1),
        {"expires_at": 2},
    ),
]


@pytest.mark.parametrize(("record", "changes"), CHANGES, ids=[type(record).__name__ for record, _ in CHANGES])
def test_replace_returns_another_record_that_differs_in_what_was_given(record: Record, changes: dict[str, Any]) -> None:
    before = msgspec.structs.asdict(record)

    changed = record.replace(**changes)

    assert type(changed) is type(record)
    assert msgspec.structs.asdict(changed) == before | changes != before
    assert msgspec.structs.asdict(record) == before


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        (None, "got NoneType: use () for no scopes"),
        ("reports:read", 'got str: use ("reports:read",)'),
        ((scope for scope in "ab"), "got generator: use tuple(…)"),
    ],
    ids=["None", "str", "generator"],
)
def test_the_scopes_of_a_grant_are_a_collection(scopes: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Grant().replace(scopes=scopes)

    assert str(caught.value) == f"scopes must be a tuple, a list or a set of strings, {message}"


@pytest.mark.parametrize(("record", "changes"), CHANGES, ids=[type(record).__name__ for record, _ in CHANGES])
def test_no_field_of_a_record_can_be_assigned(record: Record, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        with pytest.raises(AttributeError):
            setattr(record, name, value)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (Grant(), {"scopes": ("a b",)}),
        (Grant(), {"lifetime": timedelta(0)}),
        (Grant(), {"audience": frozenset()}),
        (Grant(), {"client_id": ""}),
        (Grant(), {"auth_time": -1}),
        (Grant(), {"claims": {"a": nested(32)}}),
        (NEW, {"lifetime": timedelta(0)}),
        (SESSION, {"generation": -1}),
        (REVOCATION, {"kind": "x"}),
    ],
)
def test_replace_checks_what_it_makes(record: Record, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        record.replace(**changes)


@pytest.mark.parametrize("record", [Grant(), NEW, SESSION, REVOCATION], ids=lambda record: type(record).__name__)
def test_replace_knows_the_fields_of_the_record(record: Record) -> None:
    with pytest.raises(TypeError, match="scope"):
        record.replace(scope="a")


def test_replace_returns_the_grant_that_the_same_fields_would_make() -> None:
    old = Grant(scopes=("b", "a"), claims={"teams": ["blue"]}, client_id="c", auth_time=1)

    changed = old.replace(scopes={"z", "y"}, audience="a", lifetime=DAY, claims={"teams": ["red"]})

    assert changed == Grant(
        scopes=("y", "z"),
        claims={"teams": ["red"]},
        audience=frozenset({"a"}),
        client_id="c",
        lifetime=DAY,
        auth_time=1,
    )
    assert old == Grant(scopes=("b", "a"), claims={"teams": ["blue"]}, client_id="c", auth_time=1)


def test_claims_that_are_given_to_replace_are_as_immutable_as_others() -> None:
    claims = {"teams": ["blue"]}

    grant = Grant().replace(claims=claims)
    claims["teams"].append("red")

    assert grant.claims["teams"] == ("blue",)


@pytest.mark.parametrize("grant", [None, "x", {}])
def test_a_session_has_a_grant(grant: Any) -> None:
    with pytest.raises(TypeError, match="grant must be a Grant, got"):
        SESSION.replace(grant=grant)
