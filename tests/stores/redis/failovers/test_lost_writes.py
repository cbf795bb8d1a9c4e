"""A replica takes over that lacks the last writes: what workers know comes back, and sessions go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.signals import store_rolled_back
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import RETENTION, is_live, is_revoked, outcome, start

from ....engines.cluster import Cluster
from ....engines.redis import RedisServer
from ....engines.sentinels import Sentinels
from ..kit import PREFIX
from .conftest import MakeWorker
from .kit import (
    INTERVAL,
    SHARED,
    cut,
    id_of_token,
    is_token_revoked,
    issue,
    name_on,
    open_store,
    pass_time,
    statuses,
    token_revocation,
)

pytestmark = [pytest.mark.once, pytest.mark.slow]


@contextmanager
def lost_writes(sentinels: Sentinels) -> Iterator[None]:
    """Let the writes of the block be lost with the primary. At the end, the replica has taken over."""
    primary, replica = sentinels.primary, sentinels.replica
    replica.await_primary(primary)
    cut(replica, primary)
    yield
    sentinels.kill_primary()


@contextmanager
def lost_shard(cluster: Cluster, primary: RedisServer) -> Iterator[None]:
    """Let the writes of the block be lost that go to one primary of a cluster."""
    replica = cluster.replica_of(primary)
    replica.await_primary(primary)
    cut(replica, primary)
    yield
    primary.kill()
    cluster.wait_until_ok()


def test_what_a_worker_knows_is_back_within_two_intervals(
    sentinels: Sentinels, sentinel_store: RedisStore, make_worker: MakeWorker
) -> None:
    worker = make_worker(sentinel_store)
    good, revoked, of_user = issue(worker), issue(worker), issue(worker, "bob")
    start(sentinel_store)
    with lost_writes(sentinels):
        sentinel_store.revoke(token_revocation(id_of_token(revoked)))
        sentinel_store.end_session("session", retention=RETENTION)
        epoch = sentinel_store.revoke_user("bob", retention=RETENTION, api_keys=True)
        pass_time(worker, INTERVAL)
        before = statuses(worker, good, revoked, of_user)
    other = open_store(sentinels)
    lost = [is_token_revoked(other, id_of_token(revoked)), is_revoked(other), other.read_epoch("bob")]

    for _ in range(2):
        pass_time(worker, INTERVAL)
        assert statuses(worker, good, revoked, of_user) == [200, 401, 401]
    found = [is_token_revoked(other, id_of_token(revoked)), is_revoked(other), other.read_epoch("bob")]
    session_is_live = is_live(other)
    other.close()

    assert before == [200, 401, 401]
    assert lost == [False, False, 0]
    assert found == [True, True, epoch]
    assert not session_is_live


def log_in(app: Flask) -> str:
    answer: str = app.test_client().post("/login").json["refresh_token"]  # type: ignore[index]
    return answer


def refresh(app: Flask, token: str) -> Any:
    """Return the status, and the next refresh token if there is one."""
    answer = app.test_client().post("/auth/refresh", data={"grant_type": "refresh_token", "refresh_token": token})
    return answer.status_code, (answer.json or {}).get("refresh_token")


def test_a_session_that_was_refreshed_in_the_lost_writes_goes_on(
    sentinels: Sentinels, sentinel_store: RedisStore, make_worker: MakeWorker
) -> None:
    worker, signals = make_worker(sentinel_store), []

    def note(_: object, **facts: object) -> None:
        signals.append(facts)

    first = log_in(worker)
    with lost_writes(sentinels):
        _, second = refresh(worker, first)
        _, third = refresh(worker, second)

    with store_rolled_back.connected_to(note):
        status, fourth = refresh(worker, third)
    older, _ = refresh(worker, first)
    after_theft, _ = refresh(worker, fourth)

    assert (status, older, after_theft) == (200, 400, 400)
    assert len(signals) == 1


def test_an_end_that_was_lost_with_its_shard_is_completed(cluster: Cluster, cluster_store: RedisStore) -> None:
    """The revocation is on another shard, which has lost nothing."""
    shared = cluster.primary_of(cluster.slot_of(SHARED))
    shard = next(server for server in cluster.servers if server.role == "master" and server is not shared)
    session_id = name_on(cluster, session_key, shard)
    start(cluster_store, session_id)
    with lost_shard(cluster, shard):
        cluster_store.end_session(session_id, retention=RETENTION)
    new = cluster.primary_of(cluster.slot_of(session_key(session_id)))
    lost = new.ask("HGET", session_key(session_id), "ended_at")

    assert lost is None
    assert not is_live(cluster_store, session_id)
    assert outcome(cluster_store, session_id=session_id) is Outcome.GONE
    assert new.ask("HGET", session_key(session_id), "ended_at") is not None


def session_key(session_id: str) -> bytes:
    return f"{PREFIX}:session:{session_id}".encode()


def _key_for(call: str) -> Callable[[str], bytes]:
    """Return a function that returns the key of the session for a call."""
    return lambda name: session_key(f"{name}-{call}")


CALLS: dict[str, Callable[[RedisStore, str], object]] = {
    "redeem": lambda store, session_id: outcome(store, session_id=session_id),
    "end_session": lambda store, session_id: store.end_session(session_id, retention=RETENTION),
}


def test_a_revocation_that_was_lost_with_its_shard_is_completed(cluster: Cluster, cluster_store: RedisStore) -> None:
    """The session is on another shard, and marked as ended."""
    shared = cluster.primary_of(cluster.slot_of(SHARED))
    shard = next(server for server in cluster.servers if server.role == "master" and server is not shared)
    sessions = {call: f"{name_on(cluster, _key_for(call), shard)}-{call}" for call in CALLS}
    for session_id in sessions.values():
        start(cluster_store, session_id)
    with lost_shard(cluster, shared):
        for session_id in sessions.values():
            cluster_store.end_session(session_id, retention=RETENTION)
    lost = [is_revoked(cluster_store, session_id) for session_id in sessions.values()]

    answers = [CALLS[call](cluster_store, session_id) for call, session_id in sessions.items()]

    assert lost == [False, False]
    assert answers == [Outcome.GONE, None]
    assert [is_revoked(cluster_store, session_id) for session_id in sessions.values()] == [True, True]
