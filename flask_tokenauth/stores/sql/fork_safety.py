"""A gate that keeps statements out while the process forks."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class ForkGate:
    """Counts the threads inside. It can be closed, to wait until all of them have left."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0
        self._closed = 0  # the number of forks that wait

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Wait until the gate is open, and count as inside within the ``with`` block. It is never closed for long."""
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
        """Keep threads out, and wait until all have left.

        Args:
            longest_wait: in seconds. After that the fork goes on.
        """
        with self._changed:
            self._closed += 1
            self._changed.wait_for(lambda: not self._inside, timeout=longest_wait)

    def open(self) -> None:
        """Let threads in, unless another fork still waits."""
        with self._changed:
            self._closed = max(0, self._closed - 1)
            self._changed.notify_all()
