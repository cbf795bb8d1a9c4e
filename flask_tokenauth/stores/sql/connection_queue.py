"""A queue for connections: threads get them in the order in which they came."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from ...core.errors import StoreUnavailable


class ConnectionQueue:
    """Lets so many be at work at once, and the others in the order in which they came.

    Whoever is done hands its place to the one who has waited longest. Where it is free for all instead, as with locks
    and with SQLAlchemy's pool, the one who was just there takes it again, and of many threads some wait for ever.

    Args:
        places: how many.
        busy: what is so when they are taken, for those who wait in vain.
    """

    def __init__(self, places: int, *, busy: str) -> None:
        self._free = places
        self._busy = busy
        self._changing = Lock()
        self._waiting: deque[Lock] = deque()  # each is let go of when the place is its owner's

    @contextmanager
    def taken(self, *, longest_wait: float) -> Iterator[None]:
        """Have a place, once it is one's turn.

        Raises:
            StoreUnavailable: it was not for so many seconds.
        """
        mine = Lock()
        mine.acquire()
        with self._changing:
            self._waiting.append(mine)
            self._hand_on()
        try:
            if not mine.acquire(timeout=longest_wait):
                raise StoreUnavailable(f"{self._busy} for {longest_wait:g} s")
            yield
        finally:
            with self._changing:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                else:  # also if it came when nobody waited for it any more
                    self._free += 1
                    self._hand_on()

    def _hand_on(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().release()
