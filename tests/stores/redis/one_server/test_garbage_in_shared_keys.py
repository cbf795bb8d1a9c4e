"""Keys of revocations and numbers that another program has changed: outages, and never an exception of another kind."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from flask_tokenauth.core.errors import PurgeRefused, StoreUnavailable
from flask_tokenauth.core.records.revocation import LAST
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import (
    RETENTION,
    add_key,
    id_for,
    is_revoked,
    redeem,
    start,
    token_of,
    until,
)

from ....engines.redis import RedisServer
from ...calls import DAY, READS, WRITES
from .garbage import AFTER_9999, BYTES, FEW_NOT_NUMBERS, NOT_NUMBERS, name_of

pytestmark = [pytest.mark.once, pytest.mark.slow]

ABOUT, LIVE, VALUES, NEWS = (f"{{tokenauth}}:{name}" for name in ("about", "live", "values", "news"))
EPOCHS, KEY_EPOCHS, RINGS = (f"{{tokenauth}}:{name}" for name in ("epochs", "key_epochs", "rings"))
LATER = until(DAY)
CALLS: dict[str, Callable[[Any], object]] = {**READS, **WRITES}
KEYS = [
    ABOUT, LIVE, VALUES, NEWS, EPOCHS, KEY_EPOCHS, RINGS,
    "tokenauth:session:session", "tokenauth:session:over", "tokenauth:sessions:alice", "tokenauth:spent:ticket",
    f"tokenauth:api_key:{id_for('key')}", "tokenauth:api_keys:alice", f"tokenauth:reference:{id_for('token')}",
]  # fmt: skip


@pytest.fixture
def store(store: RedisStore) -> RedisStore:
    """A store with something in each key."""
    start(store)
    start(store, "over")
    store.end_session("over", retention=RETENTION)
    store.revoke_user("bob", retention=RETENTION, api_keys=True)
    add_key(store)
    store.add_reference_token(token_of())
    store.spend("ticket", expires_at=LATER)
    store.report_ring("ring")
    return store


def use(store: RedisStore) -> dict[str, str]:
    """Run all calls, and return the names of their exceptions."""
    raised = {}
    for name, call in CALLS.items():
        try:
            call(store)
        except Exception as error:  # noqa: BLE001  # of any kind
            raised[name] = type(error).__name__
    return raised


def test_each_key_is_one_of_these_tests(server: RedisServer, store: RedisStore) -> None:
    assert {key.decode() for key in server.ask("KEYS", "*")} == set(KEYS)
    assert use(store) == {}


@pytest.mark.parametrize("key", [key for key in KEYS if not key.endswith(":over")])
def test_a_key_of_a_wrong_type_is_an_outage(server: RedisServer, store: RedisStore, key: str) -> None:
    server.ask("DEL", key)
    server.ask("RPUSH", key, "1")

    assert set(use(store).values()) == {"StoreUnavailable"}


@pytest.mark.parametrize("value", ["", *FEW_NOT_NUMBERS, AFTER_9999], ids=name_of)
@pytest.mark.parametrize("name", ["store_id", "issuer", "lifetime", "leeway", "last_purge", "newest_epoch"])
def test_a_fact_that_is_garbage_raises_no_other_exception(
    server: RedisServer, store: RedisStore, name: str, value: str | bytes
) -> None:
    server.ask("HSET", ABOUT, name, value)

    assert set(use(store).values()) <= {"StoreUnavailable", "SettingsError"}


@pytest.mark.parametrize("value", [*NOT_NUMBERS, AFTER_9999], ids=name_of)
@pytest.mark.parametrize(("key", "field"), [(ABOUT, "lifetime"), (ABOUT, "leeway"), (VALUES, "ubob")])
def test_nobody_passes_who_was_revoked_because_a_number_is_garbage(
    server: RedisServer, store: RedisStore, key: str, field: str, value: str | bytes
) -> None:
    server.ask("HSET", key, field, value)

    passes = False
    with suppress(StoreUnavailable):
        passes = not store.is_revoked(token_id=None, session_id="over", user_id="stranger", epoch=0)
    with suppress(StoreUnavailable):
        passes |= not store.is_revoked(token_id=None, session_id=None, user_id="bob", epoch=5)

    assert not passes


@pytest.mark.parametrize("value", [10**15, AFTER_9999, str(2**63 - 1)])
@pytest.mark.parametrize("name", ["lifetime", "leeway"])
def test_a_duration_that_no_setting_allows_makes_no_revocation_that_cannot_be_read(
    server: RedisServer, store: RedisStore, name: str, value: str
) -> None:
    server.ask("HSET", ABOUT, name, value)

    store.revoke_user("alice", retention=RETENTION, api_keys=False)

    page = store.revocations_since(None)
    assert "alice" in {entry.subject for entry in page.entries}
    assert store.is_revoked(token_id=None, session_id=None, user_id="alice", epoch=1)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, AFTER_9999, str(LAST)], ids=name_of)
@pytest.mark.parametrize("key", [EPOCHS, KEY_EPOCHS])
def test_an_epoch_that_cannot_be_raised_spoils_nothing_else(
    server: RedisServer, store: RedisStore, key: str, value: str | bytes
) -> None:
    server.ask("HSET", key, "alice", value)
    with suppress(StoreUnavailable):
        store.revoke_user("alice", retention=RETENTION, api_keys=True)

    store.revoke_user("carol", retention=RETENTION, api_keys=True)

    assert {entry.subject for entry in store.revocations_since(None).entries} >= {"bob", "carol", "over"}
    assert int(server.ask("HGET", ABOUT, "newest_epoch")) < LAST


@pytest.mark.parametrize("value", [*NOT_NUMBERS], ids=name_of)
def test_an_epoch_that_is_garbage_is_an_outage(server: RedisServer, store: RedisStore, value: str | bytes) -> None:
    server.ask("HSET", EPOCHS, "alice", value)

    for call in (
        lambda: store.read_epoch("alice"),
        lambda: start(store, "other"),
        lambda: redeem(store),
        lambda: store.find_session("session"),
    ):
        with pytest.raises(StoreUnavailable):
            call()

    assert server.ask("EXISTS", "tokenauth:session:other") == 0


@pytest.mark.parametrize("value", [AFTER_9999, str(LAST)])
def test_an_epoch_that_cannot_be_raised_is_an_outage(server: RedisServer, store: RedisStore, value: str) -> None:
    server.ask("HSET", EPOCHS, "alice", value)

    with pytest.raises(StoreUnavailable):
        store.revoke_user("alice", retention=RETENTION, api_keys=False)


@pytest.mark.parametrize(
    "fields",
    [
        ("member", ""),
        ("member", "t"),
        ("member", "x1"),
        ("member", BYTES),
        ("member", "s" + "x" * 256),
        ("member", "sa\nb"),
        ("member", "tsubject"),
        ("member", "tsubject", "value", "0"),
        *(("member", "tsubject", "value", value, "expires_at", LATER) for value in NOT_NUMBERS),
        *(("member", "tsubject", "value", "0", "expires_at", value) for value in NOT_NUMBERS),
        ("mark", BYTES),
    ],
    ids=lambda _: None,  # by position: the end is another one in each process
)
def test_a_new_entry_that_is_garbage_is_an_outage_for_the_feed(
    server: RedisServer, store: RedisStore, fields: tuple[str | bytes | int, ...]
) -> None:
    cursor = store.revocations_since(None).cursor
    server.ask("XADD", NEWS, "*", *fields)

    with pytest.raises(StoreUnavailable):
        store.revocations_since(cursor)


@pytest.mark.parametrize("mark", ["", "x y", "1 2 tadmin", "A" * 33, "f" * 100_000], ids=name_of)
def test_an_entry_with_a_mark_that_is_garbage_lets_a_reader_load_all_again(
    server: RedisServer, store: RedisStore, mark: str
) -> None:
    server.ask("XADD", NEWS, "*", "mark", mark)
    cursor = store.revocations_since(None).cursor

    page = store.revocations_since(cursor)

    assert page.cursor is None
    assert page.entries == ()


@pytest.mark.parametrize("member", ["", "t", "x1", "ta\nb", "s" + "x" * 256, BYTES], ids=name_of)
def test_a_revocation_that_is_garbage_is_an_outage_for_the_first_load(
    server: RedisServer, store: RedisStore, member: str | bytes
) -> None:
    server.ask("ZADD", LIVE, LATER, member)

    with pytest.raises(StoreUnavailable):
        store.revocations_since(None)


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "1\n2 3 tsubject", AFTER_9999, BYTES], ids=name_of)
def test_the_value_of_a_revocation_that_is_garbage_is_an_outage_for_the_first_load(
    server: RedisServer, store: RedisStore, value: str | bytes
) -> None:
    server.ask("HSET", VALUES, "ubob", value)

    with pytest.raises(StoreUnavailable):
        store.revocations_since(None)


@pytest.mark.parametrize("score", [AFTER_9999, "1e300", "inf"])
def test_a_revocation_that_never_ends_spoils_no_other_one(server: RedisServer, store: RedisStore, score: str) -> None:
    server.ask("ZADD", LIVE, score, "sforever")

    store.end_session("session", retention=RETENTION)
    store.revoke_user("carol", retention=RETENTION, api_keys=True)

    assert is_revoked(store, "session")
    assert is_revoked(store, "forever")
    assert store.purge() >= 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("other", "x"), ("other", ""), ("other", "1"), ("other", "-1 5"), ("other", f"1 {'9' * 5000}"), ("a b", "1 2"),
     (BYTES, "1 2"), ("other", BYTES), ("x" * 65, "1 2")],
    ids=name_of,
)  # fmt: skip
def test_a_ring_that_is_garbage_is_an_outage(
    server: RedisServer, store: RedisStore, field: str | bytes, value: str | bytes
) -> None:
    server.ask("HSET", RINGS, field, value)

    with pytest.raises(StoreUnavailable):
        store.list_rings()


@pytest.mark.parametrize("kind", ["session", "sessions", "api_key", "api_keys", "reference", "spent"])
def test_a_purge_of_keys_with_garbage_in_their_names_raises_no_other_exception(
    server: RedisServer, store: RedisStore, kind: str
) -> None:
    for name in BYTES, b"", b"x" * 100_000, b"a\nb", b"{}", b"*":
        server.ask("HSET", f"tokenauth:{kind}:".encode() + name, "started_at", "9" * 5000, "created_at", "9" * 5000)
    server.ask("HDEL", ABOUT, "newest_epoch")

    with suppress(StoreUnavailable, PurgeRefused):
        store.purge()


def test_nothing_of_garbage_is_logged_or_shown(
    server: RedisServer, store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    server.ask("HSET", "tokenauth:session:session", "granted", "secret-garbage", "epoch", "secret-garbage")

    with caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailable) as caught:
        store.find_session("session")

    assert "secret-garbage" not in caplog.text + str(caught.value) + repr(caught.value)
