"""Repeats statements that a lock or a dropped connection has stopped."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from .dialect import Dialect

_PAUSE = 0.002  # seconds between two tries to get a lock

T = TypeVar("T")


def retry_while_locked(
    run: Callable[[], T],
    dialect: Dialect,
    longest: float,
    *,
    before_wait: Callable[[], None] = lambda: None,
    monotonic: Callable[[], float] = time.perf_counter,
) -> T:
    """Call *run* until no other process holds the lock that it needs, and return its result.

    Args:
        run: runs statements. If a lock stops it, it has changed nothing.
        dialect: recognizes such an error.
        longest: seconds after which the error is raised.
        before_wait: called once if there is a lock. It may raise an error instead.
        monotonic: returns seconds that always rise, from any start. The default also runs in tests that stop the clock
            with freezegun or time-machine; otherwise this function would never end there.
    """
    deadline, waited = monotonic() + longest, False
    while True:
        try:
            return run()
        except DBAPIError as error:
            if not dialect.is_busy(error) or monotonic() >= deadline:
                raise
            if not waited:
                before_wait()
        waited = True
        time.sleep(_PAUSE)


def retry_dropped_connection(run: Callable[[], T]) -> T:
    """Call *run* once more if its connection was dropped, as servers and proxies do with idle connections."""
    try:
        return run()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return run()
