"""The nodes of a cluster, and the map that says which of them has a slot."""

from collections.abc import Iterable
from typing import Any

from redis.crc import key_slot

from ...core.time_limit import remaining, time_limit
from .asking import ask_in_turn
from .errors import PASSING, NotFound
from .places import Place, Source


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
                    "no node of the cluster has the slot of a key: look at CLUSTER INFO of its nodes", reason=PASSING
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
                    f"and belong to a cluster. One of them: {error}",
                    reason=error.reason,
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
        self._slots = dict(ask_in_turn(places, self._source.login, ("CLUSTER", "SLOTS"), self._read))
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
