"""Sessions, API keys, reference tokens and lists that another program has changed are an outage, or are not found."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import (
    RETENTION,
    add_key,
    find_key,
    has_reference_token,
    id_for,
    is_live,
    is_revoked,
    list_all,
    list_keys,
    outcome,
    redeem,
    start,
    token_of,
)

from ....engines.redis import RedisServer
from .garbage import AFTER_9999, BYTES, FEW_NOT_NUMBERS, NOT_GRANTS, NOT_IDENTIFIERS, NOT_NUMBERS, cases, name_of

pytestmark = [pytest.mark.once, pytest.mark.slow]

SESSION, SESSIONS = "tokenauth:session:session", "tokenauth:sessions:alice"
Ask = Callable[[RedisStore], object]

ASK: dict[str, Ask] = {
    "find": lambda store: store.find_session("session"),
    "list": list_all,
    "redeem": lambda store: redeem(store, 3).session,
    "repeat": lambda store: redeem(store, 2).session,
}
SESSION_VALUES: dict[str, list[str | bytes]] = {
    "user_id": NOT_IDENTIFIERS,
    "granted": NOT_GRANTS,
    "started_at": [*NOT_NUMBERS, AFTER_9999],
    "idle_expires_at": FEW_NOT_NUMBERS,
    "expires_at": FEW_NOT_NUMBERS,
    "generation": FEW_NOT_NUMBERS,
    "epoch": FEW_NOT_NUMBERS,
}
OPTIONAL: dict[str, list[str | bytes]] = {
    "label": ["a\nb", "x" * 256, BYTES],
    "user_agent": ["a\nb", "x" * 501, BYTES],
    "ended_at": [*FEW_NOT_NUMBERS, AFTER_9999],
}
OPTIONAL_CASES = [(field, value) for field, wrong in OPTIONAL.items() for value in wrong]


def change(server: RedisServer, key: str, field: str, value: str | bytes | None) -> None:
    """Change a field of a hash; None: delete it."""
    if value is None:
        server.ask("HDEL", key, field)
    else:
        server.ask("HSET", key, field, value)


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
@pytest.mark.parametrize(("field", "value"), [*cases(SESSION_VALUES), *OPTIONAL_CASES], ids=name_of)
def test_a_session_that_is_garbage_is_never_a_session(
    server: RedisServer, store: RedisStore, ask: Ask, field: str, value: str | bytes | None
) -> None:
    start(store)
    server.ask("HSET", SESSION, "generation", 3)
    change(server, SESSION, field, value)

    found: object = None
    with suppress(StoreUnavailable):
        found = ask(store)

    assert not found


@pytest.mark.parametrize("ask", ["find", "list", "repeat"])
@pytest.mark.parametrize("value", [*FEW_NOT_NUMBERS, AFTER_9999], ids=name_of)
def test_a_session_that_was_refreshed_at_a_time_that_is_garbage_is_never_a_session(
    server: RedisServer, store: RedisStore, ask: str, value: str | bytes
) -> None:
    start(store)
    server.ask("HSET", SESSION, "generation", 3, "rotated_at", value)

    with pytest.raises(StoreUnavailable):
        ASK[ask](store)


@pytest.mark.parametrize("field", ["generation", "idle_expires_at", "expires_at"])
@pytest.mark.parametrize("value", NOT_NUMBERS, ids=name_of)
def test_a_session_with_a_number_that_is_garbage_does_not_change(
    server: RedisServer, store: RedisStore, field: str, value: str | bytes
) -> None:
    start(store)
    server.ask("HSET", SESSION, field, value)
    before = server.ask("HGETALL", SESSION)

    with pytest.raises(StoreUnavailable, match="cannot be read"):
        redeem(store, 50)

    assert server.ask("HGETALL", SESSION) == before


@pytest.mark.parametrize(
    ("field", "value"), [*cases(SESSION_VALUES)[len(NOT_IDENTIFIERS) :], *OPTIONAL_CASES], ids=name_of
)
def test_a_session_that_is_garbage_ends_for_a_new_one_and_is_no_error(
    server: RedisServer, store: RedisStore, field: str, value: str | bytes | None
) -> None:
    start(store)
    change(server, SESSION, field, value)

    start(store, "new", most=1)
    start(store, "newer", most=1)

    assert [session.session_id for session in list_all(store)] == ["newer"]
    assert server.ask("HEXISTS", SESSION, "ended_at") == 1


@pytest.mark.parametrize("value", [*NOT_NUMBERS, AFTER_9999], ids=name_of)
def test_an_end_at_a_time_that_is_garbage_spoils_no_other_revocation(
    server: RedisServer, store: RedisStore, value: str | bytes
) -> None:
    start(store)
    start(store, "other")
    server.ask("HSET", SESSION, "ended_at", value)
    with suppress(StoreUnavailable):
        store.end_session("session", retention=RETENTION)

    store.end_session("other", retention=RETENTION)

    assert is_revoked(store, "other")
    assert "other" in {entry.subject for entry in store.revocations_since(None).entries}


@pytest.mark.parametrize("ask", [find_key, list_keys], ids=["find", "list"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *cases({"digest": NOT_IDENTIFIERS, "user_id": NOT_IDENTIFIERS, "granted": NOT_GRANTS}),
        *cases({"name": ["", "a\nb", BYTES], "hint": ["a\nb", BYTES]}),
        *cases({"created_at": [*NOT_NUMBERS, AFTER_9999], "key_epoch": FEW_NOT_NUMBERS}),
        *(
            (field, value)
            for field in ("last_used_at", "expires_at", "revoked_at")
            for value in (*FEW_NOT_NUMBERS, AFTER_9999)
        ),
    ],
    ids=name_of,
)
def test_an_api_key_that_is_garbage_is_never_an_api_key(
    server: RedisServer, store: RedisStore, ask: Callable[[RedisStore], object], field: str, value: str | bytes | None
) -> None:
    add_key(store)
    change(server, f"tokenauth:api_key:{id_for('key')}", field, value)

    found: object = None
    with suppress(StoreUnavailable):
        found = ask(store)

    assert not found or (field == "digest" and ask is list_keys)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *cases({"digest": NOT_IDENTIFIERS, "user_id": NOT_IDENTIFIERS, "claims": [BYTES]}),
        *cases({"epoch": NOT_NUMBERS, "expires_at": FEW_NOT_NUMBERS}),
        ("expires_at", AFTER_9999),
        *(("revoked_at", value) for value in FEW_NOT_NUMBERS),
    ],
    ids=name_of,
)
def test_a_reference_token_that_is_garbage_is_never_a_reference_token(
    server: RedisServer, store: RedisStore, field: str, value: str | bytes | None
) -> None:
    store.add_reference_token(token_of())
    change(server, f"tokenauth:reference:{id_for('token')}", field, value)

    found = False
    with suppress(StoreUnavailable):
        found = has_reference_token(store)

    assert not found


@pytest.mark.parametrize("member", ["", "unknown", "a\nb", "x" * 100_000, "*", "session:session", BYTES], ids=name_of)
@pytest.mark.parametrize("score", ["1", "-5", "1.5", "1e300", "inf", "-inf"])
def test_a_member_of_a_list_that_is_garbage_is_never_a_session(
    server: RedisServer, store: RedisStore, member: str | bytes, score: str
) -> None:
    start(store)
    server.ask("ZADD", SESSIONS, score, member)

    found = []
    with suppress(StoreUnavailable):
        found = list_all(store)
    with suppress(StoreUnavailable):
        start(store, "new", most=1)

    assert {session.session_id for session in found} <= {"session"}
    assert is_live(store, "new") or is_live(store, "session")


def test_a_session_in_the_list_of_another_user_is_not_shown_and_does_not_end(
    server: RedisServer, store: RedisStore
) -> None:
    start(store, "own", "bob")
    start(store)
    server.ask("ZADD", "tokenauth:sessions:bob", 5, "session")

    listed = list_all(store, "bob")
    server.ask("ZADD", "tokenauth:sessions:bob", 5, "session")
    start(store, "new", "bob", most=1)

    assert [session.session_id for session in listed] == ["own"]
    assert not is_revoked(store)
    assert outcome(store) is Outcome.SWAPPED


def test_an_api_key_in_the_list_of_another_user_is_not_shown(server: RedisServer, store: RedisStore) -> None:
    add_key(store, user_id="bob")
    server.ask("ZADD", "tokenauth:api_keys:alice", 5, id_for("key"))

    assert list_keys(store) == []
    assert list_keys(store, "bob") == [id_for("key")]
