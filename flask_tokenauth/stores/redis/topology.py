"""Find the server that has a key: the one server, the primary that Sentinel names, or a node of the cluster."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from redis.crc import key_slot
from redis.exceptions import RedisError

from ...core.time_limit import remaining, time_limit
from .connecting import Command, LimitedConnection
from .errors import NotFound, describe, is_passing, is_timeout
from .places import Login, Place, Source

T = TypeVar("T")


class Topology(Protocol):
    """Knows which server has a key. The object is of one process."""

    share: float  # of the time that is left, for opening a connection: the rest is for finding another server
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
        raise NotFound(
            "the server is a node of a cluster: write redis+cluster:// in the URL, in place of redis://, or pass a "
            "RedisCluster",
            may_pass=False,
        )

    def locate(self, place: tuple[str, int], *, told_by: Place) -> Place:
        """Refuse: a node of a cluster cannot be used alone."""
        return self.move(b"", place, told_by=told_by)

    def primaries(self) -> Iterable[Place]:
        """Return the server."""
        return [self._place]


def ask(place: Place, login: Login, command: Command) -> Any:
    """Send one command over a connection of its own, and return the answer.

    Raises:
        OSError: the server cannot be reached.
        redis.exceptions.RedisError: it answered with an error, or not in time.
    """
    connection = LimitedConnection(place, login)
    try:
        connection.connect()
        [answer] = connection.exchange([command])
    finally:
        connection.close()
    if isinstance(answer, RedisError):
        raise answer
    return answer


def _in_turn(places: Sequence[Place], login: Login, command: Command, read: Callable[[Place, Any], T | None]) -> T:
    """Ask servers in turn until one gives an answer that counts. Each gets an equal share of the time that is left.

    Args:
        places: of the servers. There is at least one.
        login: how to log in there.
        command: to send.
        read: returns the result; None if the answer does not count.

    Raises:
        NotFound: none of them has given such an answer. The message is about the last error.
    """
    failure, may_pass, timed_out = "it does not know the answer", False, False
    for tried, place in enumerate(places):
        try:
            with time_limit(remaining() / (len(places) - tried)):
                answer = ask(place, login, command)
        except (OSError, RedisError) as error:
            failure, may_pass, timed_out = describe(error), may_pass or is_passing(error), is_timeout(error)
            continue
        if (result := read(place, answer)) is not None:
            return result
    raise NotFound(failure, may_pass=may_pass, timed_out=timed_out)


class BySentinel:
    """A primary, which Sentinel replaces by a replica if it fails."""

    share, may_change = 0.5, True

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sentinels = list(source.places)  # the next to be asked comes first
        self._primary: Place | None = None

    def find(self, keys: Iterable[bytes]) -> dict[Place, list[bytes]]:
        """Return the primary for all keys. The sentinels are asked for it unless it is known."""
        return {self._find(): list(keys)}

    def _find(self) -> Place:
        if (known := self._primary) is not None:
            return known
        found: list[Place] = []

        def read(sentinel: Place, answer: Any) -> Place | None:
            place = read_place(answer)
            if place is not None:
                found.append(sentinel)
            return place

        try:
            with time_limit(remaining() * self.share):
                primary: Place = _in_turn(
                    list(self._sentinels),
                    self._source.sentinel_login,
                    ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._source.service),
                    read,
                )
        except NotFound as error:
            raise NotFound(
                "no sentinel has named a primary: check that the sentinels of the URL run, and the name of the "
                f"primary, which is the first part of the path. The last one: {error}",
                may_pass=error.may_pass,
                timed_out=error.timed_out,
            ) from None
        self._primary = primary
        self._put(found[0], first=True)
        return primary

    def suspect(self, place: Place) -> None:
        """Forget the primary. Another sentinel is asked first: the one that named it may be cut off from the others."""
        if place == self._primary:
            self._primary = None
            self._put(self._sentinels[0], first=False)

    def move(self, key: bytes, place: tuple[str, int], *, told_by: Place) -> Place:
        """Refuse: a node of a cluster cannot be used alone."""
        return OneServer(self._source).move(key, place, told_by=told_by)

    def locate(self, place: tuple[str, int], *, told_by: Place) -> Place:
        """Refuse: a node of a cluster cannot be used alone."""
        return self.move(b"", place, told_by=told_by)

    def primaries(self) -> Iterable[Place]:
        """Return the primary."""
        return [self._find()]

    def _put(self, sentinel: Place, *, first: bool) -> None:
        others = [place for place in self._sentinels if place != sentinel]
        self._sentinels = [sentinel, *others] if first else [*others, sentinel]


class Cluster:
    """A cluster, whose nodes tell which of them has a key."""

    share, may_change = 0.5, True

    def __init__(self, source: Source) -> None:
        self._source = source
        self._slots: dict[int, Place] = {}
        self._suspects: set[Place] = set()
        self._is_outdated = True
        self._first: list[Place] = []  # the node to be asked for the map first: it has told us of a change

    def find(self, keys: Iterable[bytes]) -> dict[Place, list[bytes]]:
        """Return the nodes that have *keys*, as far as it is known. The map is fetched if it may have changed."""
        slots = {key: key_slot(key) for key in keys}
        known = [self._slots.get(slot) for slot in slots.values()]
        if self._is_outdated or any(place is None or place in self._suspects for place in known):
            self._try_to_refresh(is_needed=None in known)
        nodes: dict[Place, list[bytes]] = {}
        for key, slot in slots.items():
            if (place := self._slots.get(slot)) is None:
                raise NotFound(
                    "no node of the cluster has the slot of a key: look at CLUSTER INFO of its nodes", may_pass=True
                )
            nodes.setdefault(place, []).append(key)
        return nodes

    def _try_to_refresh(self, *, is_needed: bool) -> None:
        try:
            with time_limit(remaining() * self.share):
                self._refresh()
        except NotFound as error:
            if is_needed:
                raise NotFound(
                    "no node of the cluster has told which of them has a key: check that the nodes of the URL run "
                    f"and belong to a cluster. The last one: {error}",
                    may_pass=error.may_pass,
                    timed_out=error.timed_out,
                ) from None

    def suspect(self, place: Place) -> None:
        """Note that a node does not answer or is no primary. The map is fetched before this node is used again."""
        self._suspects.add(place)

    def move(self, key: bytes, place: tuple[str, int], *, told_by: Place) -> Place:
        """Note the node that has a key now, and return its place. The map is fetched before the next call."""
        new = self.locate(place, told_by=told_by)
        self._slots[key_slot(key)] = new
        self._first, self._is_outdated = [new], True
        return new

    def primaries(self) -> Iterable[Place]:
        """Return the nodes that have slots."""
        self._refresh()
        return sorted(set(self._slots.values()), key=str)

    def _refresh(self) -> None:
        """Fetch the map.

        Raises:
            NotFound: no node has answered.
        """
        known = [*self._first, *dict.fromkeys(self._slots.values()), *self._source.places]
        places = sorted(dict.fromkeys(known), key=lambda place: place in self._suspects)
        self._slots = dict(_in_turn(places, self._source.login, ("CLUSTER", "SLOTS"), self._read))
        self._suspects, self._first, self._is_outdated = set(), [], False

    def _read(self, node: Place, answer: Any) -> dict[int, Place] | None:
        slots: dict[int, Place] = {}
        try:
            for first, last, (host, port, *_), *_replicas in answer:
                place = self.locate((host.decode() if host else "", int(port)), told_by=node)
                slots.update(dict.fromkeys(range(first, last + 1), place))
        except (TypeError, ValueError, AttributeError):
            return None
        return slots or None

    def locate(self, place: tuple[str, int], *, told_by: Place) -> Place:
        """Return the place of a node that another one has named."""
        host, port = place
        if host in ("", "?"):  # it does not know its own name: it is the one that was asked
            host = told_by[0]
        return (host, port) if self._source.remap is None else self._source.remap((host, port))


def read_place(answer: Any) -> Place | None:
    """Return the place in an answer of a sentinel; None if there is none."""
    try:
        host, port = answer
        return host.decode(), int(port)
    except (TypeError, ValueError, AttributeError):
        return None


def make_topology(source: Source) -> Topology:
    """Return an object that finds the servers of a source."""
    kinds: dict[str, Callable[[Source], Topology]] = {
        "server": OneServer, "sentinel": BySentinel, "cluster": Cluster,
    }  # fmt: skip
    return kinds[source.kind](source)
