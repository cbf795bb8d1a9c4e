"""Locks and other objects that each process makes for itself, when it first uses them.

A fork copies locks that other threads hold, and no thread of the child would release them. Servers may fork without
Python's knowledge, as uWSGI does, so that the functions of ``os.register_at_fork`` do not run there. So the ID of the
process is compared at each use. A process may also exchange ``threading.Lock`` after the application was imported, as
gevent does in a worker of ``gunicorn --preload``: a lock that was made before would then stop all greenlets of the
process. So locks are made at the first use, and made again if ``threading.Lock`` is another one since.
"""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from os import getpid
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def process_id() -> int:
    """Return the ID of this process. It is another one after a fork, however the process was forked."""
    return getpid()


def count_workers() -> int | None:
    """Return the number of processes that serve this application, as far as it is configured; None if it is not known.

    gunicorn and others read ``WEB_CONCURRENCY``. uWSGI has a module of its own in its processes.
    """
    configured = os.environ.get("WEB_CONCURRENCY", "")
    if configured.isdecimal():
        return int(configured)
    number = getattr(sys.modules.get("uwsgi"), "numproc", None)
    return number if isinstance(number, int) else None


def _find_key() -> tuple[int, Any]:
    return process_id(), threading.Lock


class PerProcess(Generic[T]):
    """Holds an object with locks. Each process makes its own one, and leaves that of its parent alone.

    If ``threading.Lock`` was exchanged, a new object is made. Threads that use the old one go on with it.

    Args:
        make: returns a new object. It gets those of all processes that this one was forked from, the parent and its
            own parents. If many threads need the object first, *make* may run more than once, and only one result is
            used.
    """

    def __init__(self, make: Callable[[Sequence[T]], T]) -> None:
        self._make = make
        self._values: dict[tuple[int, Any], T] = {}
        self._inherited: dict[tuple[int, Any], T] = {}

    def get(self) -> T:
        """Return the object of this process."""
        key = _find_key()
        value = self._values.get(key)
        return self._add(key) if value is None else value

    def made_here(self) -> list[T]:
        """Return the objects that this process has made so far."""
        mine = process_id()
        return [value for (process, _), value in list(self._values.items()) if process == mine]

    def _add(self, key: tuple[int, Any]) -> T:
        inherited = {other: value for other, value in list(self._values.items()) if other[0] != key[0]}
        left_to_parent.extend(inherited.values())
        self._inherited.update(inherited)
        value = self._values.setdefault(key, self._make(list(self._inherited.values())))  # atomic: one thread wins
        for other in inherited:
            self._values.pop(other, None)  # after that: until then, other threads must find them too
        return value


left_to_parent: list[object] = []  # never used and never freed here: a child must not close a connection of its parent


class ProcessLock:
    """A lock between the threads of one process. It is free in a child, even if a thread of the parent has it."""

    def __init__(self) -> None:
        self._locks: dict[tuple[int, Any], threading.Lock] = {}

    def acquire(self, *, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, and return whether this thread has it now.

        Args:
            blocking: False to return at once if another thread has it.
            timeout: the longest wait in seconds; -1 to wait for as long as it takes.
        """
        while True:
            lock = self._find()
            if not lock.acquire(blocking, timeout):
                return False
            if self._find() is lock:
                return True
            lock.release()  # it was replaced while this thread waited

    def release(self) -> None:
        """Release the lock. It is not replaced while a thread has it."""
        self._find().release()

    def locked(self) -> bool:
        """Return whether a thread of this process has the lock."""
        return self._find().locked()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def _find(self) -> threading.Lock:
        key = _find_key()
        lock = self._locks.get(key)
        return self._replace(key) if lock is None else lock

    def _replace(self, key: tuple[int, Any]) -> threading.Lock:
        for other, lock in list(self._locks.items()):
            if other[0] != key[0]:
                self._locks.pop(other, None)
            elif not lock.acquire(blocking=False):
                return lock  # as long as a thread holds the old one, it counts for all: there are never two owners
            else:
                try:
                    self._locks.pop(other, None)
                    return self._locks.setdefault(key, threading.Lock())
                finally:
                    lock.release()
        return self._locks.setdefault(key, threading.Lock())
