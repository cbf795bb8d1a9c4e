"""Keeps the connections of this process out of its forks.

SQLite keeps locks in the memory of the process. A child would inherit those that are held at that moment, and no thread
there would release them. So no statement may run while the process forks.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakSet

LONGEST_FORK_WAIT = 5.0  # seconds for statements that run, before the process forks nevertheless


class ForkGate:
    """Counts the threads inside. It can be closed, to wait until all of them have left."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
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

    def close(self, *, longest_wait: float = LONGEST_FORK_WAIT) -> None:
        """Keep threads out, and wait until all have left.

        Args:
            longest_wait: in seconds. After that the fork goes on.
        """
        with self._changed:
            self._closed += 1
            self._changed.wait_for(lambda: not self._inside, timeout=longest_wait)

    def is_in_use(self) -> bool:
        """Return whether a thread is inside. It takes no lock, so that a child can ask the gate of its parent."""
        return self._inside > 0

    def open(self) -> None:
        """Let threads in, unless another fork still waits."""
        with self._changed:
            self._closed = max(0, self._closed - 1)
            self._changed.notify_all()


class Forkable(Protocol):
    """An object that must be told of a fork."""

    def before_fork(self) -> None:
        """Get ready: called in the parent before it forks."""

    def after_fork_in_parent(self) -> None:
        """Go on: called in the parent after the fork."""


_forkables: WeakSet[Forkable] = WeakSet()


def keep_informed(forkable: Forkable) -> None:
    """Call the methods of *forkable* at each fork, as long as it exists."""
    _forkables.add(forkable)


def _call_each(method: Callable[[Forkable], None]) -> Callable[[], None]:
    def call() -> None:
        for forkable in list(_forkables):
            method(forkable)

    return call


# Nothing is done in a child: it notices by the ID of its process that it must start over (core/process.py).
AT_FORK = {
    "before": _call_each(lambda forkable: forkable.before_fork()),
    "after_in_parent": _call_each(lambda forkable: forkable.after_fork_in_parent()),
}
if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(**AT_FORK)


def may_fork_unnoticed() -> bool:
    """Return whether this process may fork without calling the functions above.

    uWSGI imports the application and forks its workers afterwards. Until then, ``uwsgi.worker_id()`` is 0.
    """
    worker_id: Callable[[], int] | None = getattr(sys.modules.get("uwsgi"), "worker_id", None)
    return worker_id is not None and worker_id() == 0
