"""A primary that Sentinel names."""

import time
from collections.abc import Iterable
from typing import Any

from ...core.time_limit import remaining, time_limit
from .asking import ask_in_turn
from .errors import NotFound
from .places import Place, Source
from .topology import no_cluster

LONGEST_TRUST = 2.0  # seconds, in what a sentinel has said

# A sentinel has users of its own, and the parameters for them are others than those for its servers.
_SENTENCES = {
    "NOAUTH": "it asks for a password: add ?sentinel_username=USER&sentinel_password=PASSWORD to the URL",
    "NOCOMMAND": "it is no sentinel: the hosts and ports in the URL must be those of the sentinels",
    "NOPERM": "its user may not ask for the primary: run the second command of flask tokenauth init-db --acl on it",
    "WRONGPASS": "it refuses the user or the password: check sentinel_username and sentinel_password in the URL, where "
    "special characters of a password are written as %XX",
}


class BySentinel:
    """A primary, which Sentinel replaces by a replica if it fails.

    The sentinels are asked again now and then. An old primary can still run after a failover: it takes writes that will
    be lost, and does not know the new ones, until Sentinel has made it a replica some seconds later.
    """

    share, may_change = 0.5, True

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sentinels = list(source.places)  # the next to be asked comes first
        self._primary: Place | None = None
        self._next_question = 0.0  # when the sentinels are asked again, by the clock of time limits

    def find(self, keys: Iterable[bytes]) -> dict[Place, list[bytes]]:
        """Return the primary for all keys. The sentinels are asked for it unless it is known."""
        return {self._find(): list(keys)}

    def _find(self) -> Place:
        known, now = self._primary, time.perf_counter()
        if known is not None and now < self._next_question:
            return known
        self._next_question = now + LONGEST_TRUST  # other threads use the known one meanwhile
        try:
            with time_limit(remaining() * self.share):
                self._primary = primary = self._ask()
        except NotFound:
            if known is None:
                raise
            return known  # a primary that works is better than none
        return primary

    def _ask(self) -> Place:
        command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._source.service)
        try:
            sentinel, primary = ask_in_turn(
                list(self._sentinels), self._source.sentinel_login, command, _read, _SENTENCES
            )
        except NotFound as error:
            raise NotFound(
                "no sentinel has named a primary: check that the sentinels of the URL run, and the name of the "
                f"primary, which is the first part of the path. One of them: {error}",
                reason=error.reason,
            ) from None
        self._put(sentinel, first=True)
        return primary

    def suspect(self, place: Place) -> None:
        """Forget the primary. Another sentinel is asked first: the one that named it may be cut off from the others."""
        if place == self._primary:
            self._primary = None
            self._put(self._sentinels[0], first=False)

    def move(self, key: bytes, place: tuple[str, int], *, told_by: Place) -> Place:  # noqa: ARG002
        """Refuse: a node of a cluster cannot be used alone."""
        raise no_cluster()

    def locate(self, place: tuple[str, int], *, told_by: Place) -> Place:  # noqa: ARG002
        """Refuse: a node of a cluster cannot be used alone."""
        raise no_cluster()

    def primaries(self) -> Iterable[Place]:
        """Return the primary."""
        return [self._find()]

    def _put(self, sentinel: Place, *, first: bool) -> None:
        others = [place for place in self._sentinels if place != sentinel]
        self._sentinels = [sentinel, *others] if first else [*others, sentinel]


def _read(sentinel: Place, answer: Any) -> tuple[Place, tuple[str, int]] | None:
    """Return the sentinel and the place in its answer; None if there is none."""
    try:
        host, port = answer
        return sentinel, (host.decode(), int(port))
    except (TypeError, ValueError, AttributeError):
        return None
