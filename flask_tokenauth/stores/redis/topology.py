"""Which server has a key: the contract of the three kinds, and the simplest of them."""

from collections.abc import Iterable
from typing import Protocol

from .errors import LASTING, NotFound
from .places import Place, Source


class Topology(Protocol):
    """Knows which server has a key. The object is of one process."""

    share: float  # of the time that is left, for one server: the rest is for finding another one
    may_change: bool  # whether another server may take over

    def find(self, keys: Iterable[bytes]) -> dict[Place, list[bytes]]:
        """Return the servers that have *keys*, and the keys of each.

        Raises:
            NotFound: no server is known that can be asked.
        """

    def suspect(self, place: Place) -> None:
        """Note that a server does not answer, or is no primary. It is checked before the next use."""

    def move(self, key: bytes, place: tuple[str, int], *, told_by: Place) -> Place:
        """Note the server to which another one has sent us for a key, and return its place."""

    def locate(self, place: tuple[str, int], *, told_by: Place) -> Place:
        """Return the place of a server that another one has named."""

    def primaries(self) -> Iterable[Place]:
        """Return all primaries."""


def no_cluster() -> NotFound:
    """Return the error for a server that sends us on to another one, where no cluster was named."""
    return NotFound(
        "the server is a node of a cluster: write redis+cluster:// in the URL, in place of redis://, or pass a "
        "RedisCluster",
        reason=LASTING,
    )


class OneServer:
    """A server at a fixed place."""

    share, may_change = 1.0, False

    def __init__(self, source: Source) -> None:
        self._place = source.places[0]

    def find(self, keys: Iterable[bytes]) -> dict[Place, list[bytes]]:
        """Return the server for all keys."""
        return {self._place: list(keys)}

    def suspect(self, place: Place) -> None:
        """Do nothing: there is no other server."""

    def move(self, key: bytes, place: tuple[str, int], *, told_by: Place) -> Place:  # noqa: ARG002
        """Refuse: a node of a cluster cannot be used alone."""
        raise no_cluster()

    def locate(self, place: tuple[str, int], *, told_by: Place) -> Place:  # noqa: ARG002
        """Refuse: a node of a cluster cannot be used alone."""
        raise no_cluster()

    def primaries(self) -> Iterable[Place]:
        """Return the server."""
        return [self._place]
