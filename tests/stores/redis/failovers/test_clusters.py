"""Nodes of a cluster fail, are replaced, and give slots to each other."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.redis.connecting import LimitedConnection
from flask_tokenauth.testing.store_contract.kit import is_live, list_all, outcome, start

from ....conftest import ISSUER
from ....engines.cluster import Cluster
from ....engines.redis import RedisServer
from ..kit import PREFIX
from .conftest import MakeWorker
from .kit import (
    HOUR,
    INTERVAL,
    SHARED,
    STALENESS,
    error_of,
    id_of_token,
    issue,
    name_on,
    pass_time,
    statuses,
    token_revocation,
)

pytestmark = [pytest.mark.once, pytest.mark.slow]

SENTENCE = re.compile(
    "the server, or a proxy before it, has not answered within the time limit"
    "|the connection was (refused|lost, or could not be opened)"
    "|the cluster is down, or some of its slots have no server"
)
MOMENT = timedelta(milliseconds=1)


def session_key(session_id: str) -> bytes:
    return f"{PREFIX}:session:{session_id}".encode()


def list_key(user_id: str) -> bytes:
    return f"{PREFIX}:sessions:{user_id}".encode()


@pytest.fixture
def shared(cluster: Cluster) -> RedisServer:
    """The primary that has all revocations."""
    return cluster.primary_of(cluster.slot_of(SHARED))


@pytest.fixture
def others(cluster: Cluster, shared: RedisServer) -> list[RedisServer]:
    """The other two primaries."""
    primaries = [server for server in cluster.servers if server.role == "master"]
    return [server for server in primaries if server is not shared]


@pytest.mark.usefixtures("patient")
def test_a_write_waits_for_the_end_of_a_failover(cluster: Cluster, cluster_store: RedisStore) -> None:
    start(cluster_store)
    cluster.replica_of(cluster.primary_of(cluster.slot_of(session_key("session")))).await_primary(
        cluster.primary_of(cluster.slot_of(session_key("session")))
    )

    cluster.kill_primary_of(session_key("session"))
    swapped = outcome(cluster_store)

    assert swapped is Outcome.SWAPPED
    assert is_live(cluster_store)


def test_a_worker_goes_on_until_it_may_be_stale(
    cluster: Cluster, shared: RedisServer, cluster_store: RedisStore, make_worker: MakeWorker
) -> None:
    worker = make_worker(cluster_store)
    good, revoked = issue(worker), issue(worker)
    cluster_store.revoke(token_revocation(id_of_token(revoked)))
    pass_time(worker, INTERVAL)
    assert statuses(worker, good, revoked) == [200, 401]
    replica = cluster.replica_of(shared)
    replica.await_primary(shared)
    replica.pause()
    shared.kill()
    seen = []
    for duration in INTERVAL, STALENESS - INTERVAL - MOMENT, MOMENT:
        pass_time(worker, duration)
        seen.append(statuses(worker, good, revoked))
    replica.resume()
    cluster.wait_until_ok()
    pass_time(worker, STALENESS)

    assert seen == [[200, 401], [200, 401], [503, 503]]
    assert statuses(worker, good, revoked) == [200, 401]


@pytest.fixture
def without_replica(cluster: Cluster, others: list[RedisServer]) -> Iterator[RedisServer]:
    """A primary that no other server replaces. The others go on without its slots."""
    cluster.replica_of(others[0]).kill()
    set_full_coverage(cluster, "no")
    yield others[0]
    cluster.restore()
    set_full_coverage(cluster, "yes")


def set_full_coverage(cluster: Cluster, value: str) -> None:
    for server in cluster.servers:
        if server.answers:
            server.ask("CONFIG", "SET", "cluster-require-full-coverage", value)


@pytest.fixture
def contacted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports of the servers to which a store has sent something, or to which it has connected."""
    ports: list[int] = []
    for name in "connect", "exchange":
        original = getattr(LimitedConnection, name)

        def note(self: Any, *args: Any, original: Any = original) -> Any:
            ports.append(self._place[1])
            return original(self, *args)

        monkeypatch.setattr(LimitedConnection, name, note)
    return ports


@pytest.fixture
def names(cluster: Cluster, others: list[RedisServer]) -> list[str]:
    """A session on the first of the other primaries, one on the second, and a user whose list is there too."""
    first, second = others
    places: list[tuple[Callable[[str], bytes], RedisServer]] = [
        (session_key, first), (session_key, second), (list_key, second),
    ]  # fmt: skip
    return [name_on(cluster, key_of, server) for key_of, server in places]


@pytest.mark.parametrize("stop", [RedisServer.pause, RedisServer.kill], ids=["paused", "killed"])
@pytest.mark.usefixtures("impatient")
def test_a_dead_node_delays_no_calls_for_keys_on_other_nodes(
    names: list[str],
    without_replica: RedisServer,
    cluster_store: RedisStore,
    contacted: list[int],
    stop: Callable[[RedisServer], None],
) -> None:
    dead, living, user_id = names
    start(cluster_store, dead, user_id)
    start(cluster_store, living, user_id)
    stop(without_replica)

    error = error_of(lambda: outcome(cluster_store, session_id=dead))
    contacted.clear()
    swapped = outcome(cluster_store, session_id=living)
    found = is_live(cluster_store, living)
    ports = set(contacted)
    cluster_store.bind(ISSUER, timeout=timedelta(seconds=0.5), lifetime=HOUR, leeway=timedelta(0))
    of_list = error_of(lambda: list_all(cluster_store, user_id))

    assert SENTENCE.match(error)
    assert (swapped, found) == (Outcome.SWAPPED, True)
    assert without_replica.port not in ports
    assert SENTENCE.match(of_list)


def test_sessions_of_a_user_lie_on_several_nodes(
    others: list[RedisServer], shared: RedisServer, cluster: Cluster, cluster_store: RedisStore
) -> None:
    names = [name_on(cluster, session_key, server) for server in (shared, *others)]
    for name in names:
        start(cluster_store, name)

    assert {session.session_id for session in list_all(cluster_store, limit=2)} == set(names)


def test_a_slot_that_has_moved_costs_one_question_more_once(
    others: list[RedisServer], cluster: Cluster, cluster_store: RedisStore, contacted: list[int]
) -> None:
    """The moved call, then the map of the cluster before the next call."""
    session_id = name_on(cluster, session_key, others[0])
    start(cluster_store, session_id)
    start(cluster_store, name_on(cluster, session_key, others[1]))
    slot = cluster.slot_of(session_key(session_id))
    cluster.move_slot(slot, others[1])

    asked = []
    for _ in range(4):
        contacted.clear()
        is_live(cluster_store, session_id)
        asked.append(len(contacted))
    cluster.move_slot(slot, others[0])

    assert asked[1:] == [asked[1]] * 3
    assert asked[0] > asked[1]
