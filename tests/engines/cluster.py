"""A cluster of three primaries, each with a replica. The commands of ``CLUSTER`` alone make it of single servers."""

from contextlib import ExitStack
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from .failovers import FailsOver
from .polling import poll
from .redis import ADMINISTRATOR, ADMINISTRATORS_PASSWORD, RedisServer
from .server import LOCAL, PASSWORD, PATIENCE, USER

if TYPE_CHECKING:
    from redis import Redis

SLOTS = 16_384
SIZE = 3  # primaries
DOWN_AFTER = 1000  # milliseconds without an answer, after which a server is taken for dead
OPTIONS = [
    "cluster-enabled yes",
    "cluster-config-file nodes.conf",
    f"cluster-node-timeout {DOWN_AFTER}",
    "cluster-migration-barrier 100",  # each replica stays with its primary
    "cluster-replica-validity-factor 0",  # a replica takes over however long ago its primary was heard of
]


class Range(NamedTuple):
    """Slots of one primary, as a server of the cluster sees them.

    Attributes:
        first: number of a slot.
        last: number of a slot.
        primary: the port of the server.
        replicas: ports.
    """

    first: int
    last: int
    primary: int
    replicas: tuple[int, ...]


class Cluster(FailsOver):
    """Three primaries with three replicas. It is a context manager, and all end with the block.

    Args:
        program: of all of them.

    Attributes:
        servers: all six; the first three are the first primaries.
    """

    down_after = DOWN_AFTER

    def __init__(self, program: Path) -> None:
        self.servers = [RedisServer(program, *OPTIONS) for _ in range(2 * SIZE)]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            for server in self.servers:
                stack.enter_context(server)
            self._join()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def url(self) -> str:
        """Return the URL of the store for the user of the tests. It names three of the servers."""
        places = ",".join(f"{LOCAL}:{server.port}" for server in self.servers[:SIZE])
        return f"redis+cluster://{USER}:{PASSWORD}@{places}"

    def primaries(self) -> "list[Redis]":
        """Return the clients of the servers that have slots, in the order of these."""
        ports = dict.fromkeys(part.primary for part in slots_of(self._any_server))
        return [self._at(port).client() for port in ports]

    def set_down_after(self, milliseconds: int) -> None:
        for server in self.servers:
            server.ask("CONFIG", "SET", "cluster-node-timeout", milliseconds)

    def flush(self) -> None:
        """Delete all keys."""
        for client in self.primaries():
            client.execute_command("FLUSHALL")

    def slot_of(self, key: str | bytes) -> int:
        """Return the number of the slot of a key."""
        return int(self._any_server.ask("CLUSTER", "KEYSLOT", key))

    def primary_of(self, slot: int) -> RedisServer:
        """Return the server that has a slot, as the first server that answers sees it."""
        parts = slots_of(self._any_server)
        return self._at(next(part.primary for part in parts if part.first <= slot <= part.last))

    def replica_of(self, primary: RedisServer) -> RedisServer:
        """Return the replica of a primary."""
        parts = slots_of(self._any_server)
        return next(self._at(port) for part in parts if part.primary == primary.port for port in part.replicas)

    def kill_primary_of(self, key: str | bytes) -> RedisServer:
        """Kill the primary of a key and return it. Then ``wait_until_ok`` waits until its replica has taken over."""
        primary = self.primary_of(self.slot_of(key))
        primary.kill()
        return primary

    def wait_until_ok(self) -> None:
        """Wait until all servers that answer agree which of them have the slots, and replicas follow primaries."""
        poll(self._is_ok, "for a cluster that is well")

    def restore(self) -> None:
        """Start and resume all that a test has stopped, and wait until each primary has its replica again."""
        for server in self.servers:
            if server.process is None:
                server.start()
            if server.is_paused:
                server.resume()
        poll(lambda: self._is_ok() and self._is_whole(), "for a cluster with all its servers")

    def move_slot(self, slot: int, to: RedisServer) -> None:
        """Move a slot and its keys to another primary."""
        self.begin_move(slot, to).finish()

    def begin_move(self, slot: int, to: RedisServer) -> "SlotMove":
        """Begin to move a slot: the old primary sends clients to the new one for keys that it does not have."""
        return SlotMove(self, slot, self.primary_of(slot), to)

    def _join(self) -> None:
        """Make a cluster of the servers."""
        primaries, replicas = self.servers[:SIZE], self.servers[SIZE:]
        for number, server in enumerate(self.servers):
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for number, primary in enumerate(primaries):
            slots = range(SLOTS * number // SIZE, SLOTS * (number + 1) // SIZE)
            primary.ask("CLUSTER", "ADDSLOTS", *slots)
        for one, other in combinations(self.servers, 2):
            one.ask("CLUSTER", "MEET", LOCAL, other.port)
        for primary, replica in zip(primaries, replicas, strict=True):
            poll(partial(knows, replica, primary), "for servers that know each other")
            replica.ask("CLUSTER", "REPLICATE", id_of(primary))
        poll(lambda: self._is_ok() and self._is_whole(), "for a new cluster")

    def _is_ok(self) -> bool:
        """Return whether the servers that answer agree, and answer for all slots."""
        answering = [server for server in self.servers if server.answers]
        seen = {tuple(part[:3] for part in slots_of(server)) for server in answering}
        primaries = {self._at(port) for parts in seen for _, _, port in parts}
        ok = all(b"cluster_state:ok" in server.ask("CLUSTER", "INFO") for server in answering)
        return ok and len(seen) == 1 and all(server.answers and server.role == "master" for server in primaries)

    def _is_whole(self) -> bool:
        """Return whether all servers see that each primary has a replica, and it follows."""
        return all(
            len(part.replicas) == 1 and self._at(part.replicas[0]).follows(self._at(part.primary))
            for server in self.servers
            for part in slots_of(server)
        )

    @property
    def _any_server(self) -> RedisServer:
        return next(server for server in self.servers if server.answers)

    def _at(self, port: int) -> RedisServer:
        return next(server for server in self.servers if server.port == port)


class SlotMove:
    """A slot that is being moved. A test can stop in the middle.

    Args:
        cluster: of the slot.
        slot: its number.
        source: its primary.
        target: its next primary.
    """

    def __init__(self, cluster: Cluster, slot: int, source: RedisServer, target: RedisServer) -> None:
        self.cluster, self.slot, self.source, self.target = cluster, slot, source, target
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", id_of(target))

    def keys(self) -> list[bytes]:
        """Return the keys that are still on the old primary."""
        keys: list[bytes] = self.source.ask("CLUSTER", "GETKEYSINSLOT", self.slot, 1000)
        return sorted(keys)

    def move_key(self, key: bytes) -> None:
        """Move one key."""
        self.source.ask(
            "MIGRATE", LOCAL, self.target.port, "", 0, PATIENCE * 1000,
            "AUTH2", ADMINISTRATOR, ADMINISTRATORS_PASSWORD, "KEYS", key,
        )  # fmt: skip

    def finish(self) -> None:
        """Move the rest of the keys, and tell all primaries who has the slot. Return when all servers agree."""
        while keys := self.keys():
            for key in keys:
                self.move_key(key)
        new = id_of(self.target)
        others = {server for server in self.cluster.servers if server.answers and server.role == "master"}
        for server in [self.target, self.source, *(others - {self.target, self.source})]:
            server.ask("CLUSTER", "SETSLOT", self.slot, "NODE", new)
        self.cluster.wait_until_ok()


def id_of(server: RedisServer) -> str:
    """Return the ID of a server in its cluster."""
    return str(server.ask("CLUSTER", "MYID"), "ascii")


def knows(server: RedisServer, other: RedisServer) -> bool:
    """Return whether a server knows another one in its cluster."""
    return id_of(other).encode() in server.ask("CLUSTER", "NODES")


def slots_of(server: RedisServer) -> list[Range]:
    """Return which servers have the slots, as a server of the cluster sees it."""
    return sorted(
        Range(first, last, primary[1], tuple(sorted(replica[1] for replica in replicas)))
        for first, last, primary, *replicas in server.ask("CLUSTER", "SLOTS")
    )
