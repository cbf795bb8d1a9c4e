"""Who may be at work at one time: any number until a fork wants nobody inside, or so many, the first come first."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from ...core.errors import StoreUnavailable


class Gate:
    """Counts who is inside, and can be closed to wait until nobody is."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0
        self._closed = 0  # by how many forks

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside, once the gate is open. It is never closed for long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self, *, longest_wait: float) -> None:
        """Let nobody in any more, and wait until all have left, or for so many seconds."""
        with self._changed:
            self._closed += 1
            self._changed.wait_for(lambda: not self._inside, timeout=longest_wait)

    def open(self) -> None:
        """Let in who wants to, unless another fork still waits."""
        with self._changed:
            self._closed = max(0, self._closed - 1)
            self._changed.notify_all()


class Turns:
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
