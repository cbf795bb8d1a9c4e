"""The cluster of the tests loses servers, gets them back, and moves slots, in steps if a test wants."""

from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest

from .cluster import SLOTS, Cluster, slots_of
from .redis import RedisServer

pytest.importorskip("redis")

from redis import RedisCluster
from redis.exceptions import AskError, MovedError

from .server import LOCAL, PASSWORD, USER


@pytest.fixture
def cluster(valkey_cluster: Cluster) -> Iterator[Cluster]:
    """An empty cluster, in which all is well."""
    valkey_cluster.flush()
    yield valkey_cluster
    valkey_cluster.restore()
    valkey_cluster.flush()


@pytest.fixture
def client(cluster: Cluster) -> Iterator["RedisCluster"]:
    """The driver's client of the cluster, for the user of the tests."""
    with RedisCluster(LOCAL, cluster.servers[0].port, username=USER, password=PASSWORD, protocol=2) as client:
        yield client


def other_primary(cluster: Cluster, server: RedisServer) -> RedisServer:
    """Return a primary that is another server."""
    return next(cluster.primary_of(slot) for slot in (0, SLOTS - 1) if cluster.primary_of(slot) is not server)


def test_the_ranges_of_slots_are_sorted() -> None:
    server = MagicMock()
    server.ask.return_value = [[6, 9, [b"", 1, b"id"], [b"", 3, b"id"], [b"", 2, b"id"]], [0, 5, [b"", 1, b"id"]]]

    assert slots_of(server) == [(0, 5, 1, ()), (6, 9, 1, (2, 3))]


@pytest.mark.once
@pytest.mark.slow
def test_three_primaries_have_all_slots_and_a_replica_each(cluster: Cluster) -> None:
    parts = slots_of(cluster.servers[0])

    assert sum(part.last - part.first + 1 for part in parts) == SLOTS
    assert len(cluster.primaries()) == len({part.primary for part in parts}) == 3
    assert len({replica for part in parts for replica in part.replicas}) == 3


@pytest.mark.once
@pytest.mark.slow
def test_the_url_names_servers_of_the_cluster(cluster: Cluster) -> None:
    places = cluster.url().removeprefix(f"redis+cluster://{USER}:{PASSWORD}@").split(",")

    assert places == [f"{LOCAL}:{server.port}" for server in cluster.servers[:3]]


@pytest.mark.once
@pytest.mark.slow
def test_a_key_in_braces_has_the_slot_of_what_they_enclose(cluster: Cluster) -> None:
    assert cluster.slot_of("{a}:1") == cluster.slot_of(b"a") == 15_495


@pytest.mark.once
@pytest.mark.slow
def test_a_key_lies_on_the_primary_of_its_slot(cluster: Cluster, client: "RedisCluster") -> None:
    client.execute_command("SET", "a", 1)
    primary = cluster.primary_of(cluster.slot_of("a"))

    assert primary.ask("GET", "a") == b"1"
    with pytest.raises(MovedError):
        other_primary(cluster, primary).ask("GET", "a")


@pytest.mark.once
@pytest.mark.slow
def test_the_replica_of_a_killed_primary_takes_over(cluster: Cluster, client: "RedisCluster") -> None:
    client.execute_command("SET", "a", 1)
    slot = cluster.slot_of("a")
    replica = cluster.replica_of(cluster.primary_of(slot))
    replica.await_primary(cluster.primary_of(slot))

    killed = cluster.kill_primary_of("a")
    cluster.wait_until_ok()

    assert killed.process is None
    assert cluster.primary_of(slot) is replica
    assert replica.ask("GET", "a") == b"1"


@pytest.mark.once
@pytest.mark.slow
def test_a_killed_primary_comes_back_as_a_replica(cluster: Cluster) -> None:
    killed = cluster.kill_primary_of("a")
    cluster.wait_until_ok()

    cluster.restore()

    assert cluster.replica_of(cluster.primary_of(cluster.slot_of("a"))) is killed


@pytest.mark.once
@pytest.mark.slow
def test_a_primary_that_was_paused_comes_back_as_a_replica(cluster: Cluster) -> None:
    paused = cluster.primary_of(cluster.slot_of("a"))
    paused.pause()
    cluster.wait_until_ok()

    cluster.restore()

    assert cluster.replica_of(cluster.primary_of(cluster.slot_of("a"))) is paused


@pytest.mark.once
@pytest.mark.slow
def test_a_moved_slot_takes_its_keys_along(cluster: Cluster, client: "RedisCluster") -> None:
    for key in ("{a}:1", "{a}:2"):
        client.execute_command("SET", key, 1)
    slot = cluster.slot_of("a")
    source = cluster.primary_of(slot)
    target = other_primary(cluster, source)

    cluster.move_slot(slot, target)

    assert [cluster.primary_of(slot) is target, target.ask("GET", "{a}:1"), target.ask("GET", "{a}:2")] == [
        True,
        b"1",
        b"1",
    ]
    cluster.move_slot(slot, source)
    assert cluster.primary_of(slot) is source


@pytest.mark.once
@pytest.mark.slow
def test_in_the_middle_of_a_move_the_old_primary_sends_clients_to_the_new_one(
    cluster: Cluster, client: "RedisCluster"
) -> None:
    for key in ("{a}:1", "{a}:2"):
        client.execute_command("SET", key, 1)
    slot = cluster.slot_of("a")
    source = cluster.primary_of(slot)

    move = cluster.begin_move(slot, other_primary(cluster, source))
    assert move.keys() == [b"{a}:1", b"{a}:2"]
    move.move_key(b"{a}:1")

    with pytest.raises(AskError):
        source.ask("GET", "{a}:1")
    assert source.ask("GET", "{a}:2") == b"1"
    assert client.execute_command("GET", "{a}:1") == b"1"
    move.finish()
    cluster.move_slot(slot, source)
