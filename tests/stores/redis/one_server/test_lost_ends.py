"""A server that has lost an end, in a failover, gets it back: from the revocations, or from a process that knows it."""

from collections.abc import Callable

import pytest

from flask_tokenauth.core.records.revocation import RevocationPage
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import (
    RETENTION,
    add_key,
    find_key,
    id_for,
    is_live,
    list_all,
    list_keys,
    outcome,
    redeem,
    start,
)
from flask_tokenauth.testing.store_contract.revocation_pages import Reader, revoke

from ....engines.redis import RedisServer
from .. import kit

pytestmark = [pytest.mark.once, pytest.mark.slow]

OF_SESSIONS: dict[str, Callable[[RedisStore], object]] = {
    "found": is_live,
    "listed": list_all,
    "redeemed": redeem,
    "purged": lambda store: store.purge(force=True),
}
OF_API_KEYS: dict[str, Callable[[RedisStore], object]] = {
    "found": find_key,
    "listed": list_keys,
    "purged": lambda store: store.purge(force=True),
}


@pytest.mark.parametrize("look", OF_SESSIONS.values(), ids=OF_SESSIONS)
def test_a_session_whose_end_was_lost_ends_when_it_is(
    server: RedisServer, store: RedisStore, look: Callable[[RedisStore], object]
) -> None:
    start(store)
    store.end_session("session", retention=RETENTION)
    server.ask("HDEL", "tokenauth:session:session", "ended_at", "ended_by")

    look(store)
    kit.revocation_ager(server)(2 * RETENTION)

    assert outcome(store) is Outcome.GONE
    assert not is_live(store)


@pytest.mark.parametrize("look", OF_API_KEYS.values(), ids=OF_API_KEYS)
def test_an_api_key_whose_end_was_lost_ends_when_it_is(
    server: RedisServer, store: RedisStore, look: Callable[[RedisStore], object]
) -> None:
    add_key(store)
    store.revoke_api_key(id_for("key"), retention=RETENTION)
    server.ask("HDEL", f"tokenauth:api_key:{id_for('key')}", "revoked_at", "revoked_by")

    look(store)
    kit.revocation_ager(server)(2 * RETENTION)

    assert find_key(store) is None


def test_a_session_whose_end_was_lost_stays_over_after_its_revocation_has_expired(
    server: RedisServer, store: RedisStore
) -> None:
    """Its refresh token lives longer than the revocation, and nobody may have looked at it meanwhile."""
    start(store)
    store.end_session("session", retention=RETENTION)
    server.ask("HDEL", "tokenauth:session:session", "ended_at", "ended_by")

    kit.revocation_ager(server)(2 * RETENTION)

    assert outcome(store) is Outcome.GONE
    assert not is_live(store)


def test_an_api_key_whose_end_was_lost_stays_revoked_after_its_revocation_has_expired(
    server: RedisServer, store: RedisStore
) -> None:
    add_key(store)
    store.revoke_api_key(id_for("key"), retention=RETENTION)
    server.ask("HDEL", f"tokenauth:api_key:{id_for('key')}", "revoked_at", "revoked_by")

    kit.revocation_ager(server)(2 * RETENTION)

    assert list_keys(store) == []
    assert find_key(store) is None


def test_a_restarted_server_wants_its_readers_to_reload(server: RedisServer, store: RedisStore) -> None:
    """It may have lost writes that no reader has fetched: then the entry of the cursor is still there."""
    revoke(store, "a")
    reader = Reader(store)
    reader.fetch()

    server.kill()
    server.start()

    assert store.revocations_since(reader.cursor) == RevocationPage()
    assert reader.reload() == {("token", "a")}
    assert reader.fetch() == set()
