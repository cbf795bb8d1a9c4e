"""The connections of one process: a pool for each server, and the known facts about the servers."""

from collections.abc import Callable

from redis.exceptions import RedisError, ResponseError

from .cluster import Cluster
from .errors import NotPrimary, find_code
from .places import Kind, Place, Source
from .pools import Pool
from .sentinel import BySentinel
from .topology import OneServer, Topology

_TAKEN_OVER = {"READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS"}  # another server may be the primary now
_KINDS: dict[Kind, Callable[[Source], Topology]] = {"server": OneServer, "sentinel": BySentinel, "cluster": Cluster}


class Connections:
    """The pools of one process, and what it knows of the servers."""

    def __init__(self, source: Source) -> None:
        self._login = source.login
        self.topology: Topology = _KINDS[source.kind](source)
        self._pools: dict[Place, Pool] = {}

    def pool(self, place: Place) -> Pool:
        """Return the pool for a server."""
        found = self._pools.get(place)
        if found is None:
            new = Pool(place, self._login, share=self.topology.share)
            found = self._pools.setdefault(place, new)  # atomic: one thread wins
        return found

    def note(self, place: Place, error: BaseException) -> None:
        """Note an error of a server. If it may have lost its connections or its place, it is looked for again."""
        is_lost = not isinstance(error, ResponseError) and isinstance(error, RedisError | OSError)
        if is_lost or isinstance(error, NotPrimary) or find_code(error) in _TAKEN_OVER:
            self.pool(place).drop()
            self.topology.suspect(place)

    def close(self) -> None:
        """Close all connections that are not in use; the others when they come back."""
        for pool in list(self._pools.values()):
            pool.drop()
