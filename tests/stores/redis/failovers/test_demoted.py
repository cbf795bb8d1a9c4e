"""A server that was a primary, or never was one: an answer that may be old never counts."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import RETENTION, is_live, outcome, start, until

from ....engines.redis import RedisServer
from ....engines.sentinels import Sentinels
from ....engines.server import LOCAL, find_port
from ...calls import READS, WRITES
from ..kit import PREFIX
from .conftest import MakeWorker
from .kit import (
    INTERVAL,
    STALENESS,
    error_of,
    id_of_token,
    issue,
    open_store,
    pass_time,
    statuses,
    token_revocation,
)

pytestmark = [pytest.mark.once, pytest.mark.slow]

REPLICA = "the server is a replica: connect to the primary, or wait for the failover"
READ_ONLY = "the server is a replica, which takes no writes: connect to the primary, or wait for the failover"
MOMENT = timedelta(milliseconds=1)
CALLS: dict[str, Any] = READS | WRITES
REVOCATION = token_revocation("token")


@pytest.fixture
def server_store(valkey_9: RedisServer) -> Iterator[RedisStore]:
    valkey_9.flush()
    store = open_store(valkey_9)
    start(store)
    yield store
    store.close()


@pytest.fixture
def demoted(valkey_9: RedisServer, server_store: RedisStore) -> Iterator[RedisServer]:
    """A server that is made a replica of one that cannot be reached, while the store is connected to it."""
    server_store.revocations_since(None)
    valkey_9.ask("REPLICAOF", LOCAL, find_port())
    yield valkey_9
    valkey_9.replicaof(None)


def read_as_any_program(server: RedisServer) -> list[Any]:
    """Return what a program gets that does not ask for the role of the server."""
    with server.connect() as client:
        news = client.execute_command("XRANGE", f"{{{PREFIX}}}:news", "-", "+")
        session = client.execute_command("HGETALL", f"{PREFIX}:session:session")
    return [news, session]


def test_each_call_to_a_demoted_primary_is_refused_though_it_answers(
    demoted: RedisServer, server_store: RedisStore
) -> None:
    errors = {name: error_of(partial(call, server_store)) for name, call in CALLS.items()}

    assert all(read_as_any_program(demoted))
    assert [(name, error) for name, error in errors.items() if error not in (REPLICA, READ_ONLY)] == []
    assert {errors[name] for name in READS} == {REPLICA}


UNCHANGED: dict[str, Callable[[RedisStore], object]] = {  # calls that change nothing, as the old data are
    "end an unknown session": lambda store: store.end_session("unknown", retention=RETENTION),
    "end a session again": lambda store: store.end_session("ended", retention=RETENTION),
    "redeem a token of an unknown session": lambda store: outcome(store, session_id="unknown"),
    "redeem a token of a session that has ended": lambda store: outcome(store, session_id="ended"),
    "repeat a refresh": outcome,
    "revoke an unknown API key": lambda store: store.revoke_api_key("unknown", retention=RETENTION),
    "revoke a token again": lambda store: store.revoke(REVOCATION),
    "spend again": lambda store: store.spend("spent", expires_at=until(RETENTION)),
    "start a session again": start,
}


def test_a_demoted_primary_is_refused_also_where_a_call_would_change_nothing(
    server_store: RedisStore, valkey_9: RedisServer
) -> None:
    """Servers refuse a script of a writer only when it writes."""
    start(server_store, "ended")
    server_store.end_session("ended", retention=RETENTION)
    outcome(server_store)
    server_store.revoke(REVOCATION)
    server_store.spend("spent", expires_at=until(RETENTION))
    valkey_9.ask("REPLICAOF", LOCAL, find_port())
    answers = {}
    try:
        for name, call in UNCHANGED.items():
            with suppress(StoreUnavailable):
                answers[name] = call(server_store)
    finally:
        valkey_9.replicaof(None)

    assert answers == {}


def test_each_call_to_a_replica_is_refused(valkey_9: RedisServer, valkey_replica: RedisServer) -> None:
    valkey_9.flush()
    primary_store = open_store(valkey_9)
    start(primary_store)
    primary_store.close()
    valkey_replica.await_primary(valkey_9)
    store = open_store(valkey_replica)

    errors = {name: error_of(partial(call, store)) for name, call in CALLS.items()}
    store.close()

    assert all(read_as_any_program(valkey_replica))
    assert set(errors.values()) <= {REPLICA, READ_ONLY}


@pytest.mark.parametrize("reads", [0, 1], ids=["unnoticed before", "noticed before"])
def test_a_worker_of_a_demoted_primary_refuses_all_tokens_when_it_may_be_stale(
    valkey_9: RedisServer, server_store: RedisStore, make_worker: MakeWorker, reads: int
) -> None:
    worker = make_worker(server_store)
    good, revoked = issue(worker), issue(worker)
    other = open_store(valkey_9)
    other.revoke(token_revocation(id_of_token(revoked)))
    other.close()
    valkey_9.ask("REPLICAOF", LOCAL, find_port())
    try:
        for _ in range(reads):
            pass_time(worker, INTERVAL)
            assert statuses(worker, good) == [200]
        pass_time(worker, STALENESS - reads * INTERVAL - MOMENT)
        before = statuses(worker, good)
        pass_time(worker, MOMENT)
        at_the_limit = statuses(worker, good, revoked)
    finally:
        valkey_9.replicaof(None)
    pass_time(worker, STALENESS)

    assert before == [200]
    assert at_the_limit == [503, 503]
    assert statuses(worker, good, revoked) == [200, 401]


def test_a_worker_leaves_a_primary_that_sentinels_have_demoted(
    sentinels: Sentinels, sentinel_store: RedisStore, make_worker: MakeWorker
) -> None:
    worker = make_worker(sentinel_store)
    good, revoked = issue(worker), issue(worker)
    start(sentinel_store)
    sentinels.fail_over()
    other = open_store(sentinels)
    other.revoke(token_revocation(id_of_token(revoked)))
    other.close()

    pass_time(worker, INTERVAL)

    assert statuses(worker, good, revoked) == [200, 401]
    assert is_live(sentinel_store)
