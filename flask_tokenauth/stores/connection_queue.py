"""A queue for connections: threads get them in the order in which they ask."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import StoreUnavailable


class ConnectionQueue:
    """Lets a number of threads work at once. The others wait, and get a place in the order in which they came.

    A thread that has finished hands its place to the one that has waited longest. With a lock, or with SQLAlchemy's
    pool, the thread that has just released it often takes it again, and some of many threads wait for ever.

    Args:
        places: how many threads may work at once.
        busy: the message for a thread that waits too long; the seconds are added to it.
        advice: what to do then.
    """

    def __init__(self, places: int, *, busy: str, advice: str = "try again") -> None:
        self._free = places
        self._busy, self._advice = busy, advice
        self._changing = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()  # one for each thread that waits; released to give it a place

    @contextmanager
    def taken(self, *, longest_wait: float) -> Iterator[None]:
        """Wait for a place, and hold it within the ``with`` block.

        Args:
            longest_wait: in seconds.

        Raises:
            StoreUnavailable: there was no place for so long.
        """
        mine = threading.Lock()
        mine.acquire()
        with self._changing:
            self._waiting.append(mine)
            self._hand_on()
        try:
            if not mine.acquire(timeout=min(longest_wait, threading.TIMEOUT_MAX)):
                raise StoreUnavailable(f"{self._busy} for {longest_wait:.3g} s: {self._advice}")
            yield
        finally:
            with self._changing:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                else:  # also if the place came just after this thread had given up
                    self._free += 1
                    self._hand_on()

    def _hand_on(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().release()
