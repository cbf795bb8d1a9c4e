"""A gate that keeps statements out while the process forks."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class ForkGate:
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
