"""With ``wait=1`` in the URL, a write is acknowledged when a replica has it."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore, servers
from flask_tokenauth.testing.store_contract.kit import RETENTION, is_live, outcome, start

from ....engines.redis import RedisServer
from ....engines.server import PATIENCE
from ..kit import PREFIX
from .kit import error_of, is_token_revoked, limit_writes, open_store, token_revocation

pytestmark = [pytest.mark.once, pytest.mark.slow]

TOO_FEW = "the primary keeps the write, but 0 of 1 replicas have acknowledged it in time"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let writes wait for replicas for 0.3 s alone."""
    limit_writes(monkeypatch, PATIENCE)
    monkeypatch.setattr(servers, "_SHARE_OF_WAIT", 0.3 / PATIENCE)


@pytest.fixture
def waiting(valkey_9: RedisServer, valkey_replica: RedisServer) -> Iterator[RedisStore]:
    """A store on a primary with one replica, which has to acknowledge each write."""
    valkey_9.flush()
    store = open_store(valkey_9, wait=1)
    yield store
    if valkey_replica.is_paused:
        valkey_replica.resume()
    store.close()


WRITES: dict[str, Callable[[RedisStore], object]] = {
    "end_session": lambda store: store.end_session("session", retention=RETENTION),
    "redeem": outcome,
    "revoke": lambda store: store.revoke(token_revocation("token")),
    "revoke_user": lambda store: store.revoke_user("alice", retention=RETENTION, api_keys=False),
    "start_session": lambda store: start(store, "other"),
}

REPEATED = ["redeem", "revoke", "end_session"]


def test_an_acknowledged_write_is_on_the_replica(waiting: RedisStore, valkey_replica: RedisServer) -> None:
    start(waiting)
    outcome(waiting)

    assert valkey_replica.ask("HGET", f"{PREFIX}:session:session", "generation") == b"1"


@pytest.mark.usefixtures("impatient")
def test_a_write_without_a_living_replica_is_an_outage(waiting: RedisStore, valkey_replica: RedisServer) -> None:
    start(waiting)
    valkey_replica.pause()

    errors = {name: error_of(partial(call, waiting)) for name, call in WRITES.items()}

    assert [name for name, error in errors.items() if TOO_FEW not in error] == []


@pytest.mark.usefixtures("impatient")
def test_reads_go_on_without_a_living_replica(
    waiting: RedisStore, valkey_9: RedisServer, valkey_replica: RedisServer
) -> None:
    start(waiting)
    valkey_replica.pause()
    other = open_store(valkey_9, wait=1)  # of a worker that starts now

    found = [is_live(waiting), is_live(other), is_token_revoked(other, "token")]
    page = other.revocations_since(None)
    other.close()

    assert found == [True, True, False]
    assert page.cursor is not None


@pytest.mark.usefixtures("impatient")
def test_a_repeated_write_is_no_success_before_a_replica_has_it(
    waiting: RedisStore, valkey_9: RedisServer, valkey_replica: RedisServer
) -> None:
    """The primary has it already, and a connection that has written nothing has nothing to wait for."""
    start(waiting)
    others = [open_store(valkey_9, wait=1) for _ in REPEATED]
    valkey_replica.pause()
    for name in REPEATED:
        error_of(partial(WRITES[name], waiting))

    errors = {name: error_of(partial(WRITES[name], other)) for name, other in zip(REPEATED, others, strict=True)}
    for other in others:
        other.close()

    assert [name for name, error in errors.items() if TOO_FEW not in error] == []


@pytest.mark.usefixtures("impatient")
def test_a_repeated_write_succeeds_when_the_replica_is_back(waiting: RedisStore, valkey_replica: RedisServer) -> None:
    start(waiting)
    with valkey_replica.paused():
        error_of(lambda: outcome(waiting))

    assert outcome(waiting) is Outcome.RETRIED
    assert valkey_replica.ask("HGET", f"{PREFIX}:session:session", "generation") == b"1"
