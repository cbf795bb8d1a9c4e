"""The connections of one process: a pool for each server, and the queues in which its threads wait for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ...core.time_limit import remaining, time_limit
from ..connection_queue import ConnectionQueue
from .connecting import LimitedConnection
from .places import Login, Place

FOR_REQUESTS = 5  # connections of this process to one server
FOR_FEED = 1  # a connection that only the revocation feed uses: slow requests must not keep it from the news
LONGEST_QUEUE = 2.0  # seconds, for a connection

T = TypeVar("T")


class Pool:
    """The connections of this process to one server.

    Args:
        place: of the server.
        login: how to log in there.
        share: of the time that is left, for this server, and of that for opening a connection. The rest is for finding
            another server.
    """

    def __init__(self, place: Place, login: Login, *, share: float) -> None:
        self._place, self._login, self._share = place, login, share
        self._for_requests = ConnectionQueue(
            FOR_REQUESTS,
            busy=f"all {FOR_REQUESTS} connections of this process to the server were in use",
            advice="look for slow commands on the server, or run more processes with fewer threads",
        )
        self._for_feed = ConnectionQueue(
            FOR_FEED, busy="the connection of this process for the revocation feed was in use"
        )
        self._idle: list[LimitedConnection] = []  # taken from its end: a connection that nobody needs grows old
        self._age = object()  # connections of an earlier age are closed when they come back

    def use(self, work: Callable[[LimitedConnection], T], *, for_feed: bool) -> T:
        """Call *work* with a connection, and return its result. After an error the connection is closed.

        Args:
            work: reads all answers to what it sends.
            for_feed: True to use the connection that only the revocation feed uses.

        Raises:
            StoreUnavailable: no connection was free in time.
        """
        queue = self._for_feed if for_feed else self._for_requests
        with (
            time_limit(remaining() * self._share),
            queue.taken(longest_wait=min(LONGEST_QUEUE, remaining())),
            self._taken() as connection,
        ):
            return work(connection)

    def drop(self) -> None:
        """Close all connections: now, or when they come back."""
        self._age = object()
        while (connection := self._find_idle()) is not None:
            connection.close()

    @contextmanager
    def _taken(self) -> Iterator[LimitedConnection]:
        age, connection = self._age, self._find_idle() or LimitedConnection(self._place, self._login)
        is_good = False
        try:
            with time_limit(remaining() * self._share):
                connection.connect()
            yield connection
            is_good = True
        finally:
            if not is_good:
                connection.close()
            else:
                self._idle.append(connection)
                if age is not self._age:
                    self.drop()

    def _find_idle(self) -> LimitedConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None
