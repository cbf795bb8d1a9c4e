"""Repeats statements and transactions that a lock, a dropped connection or another transaction has stopped."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from ...core.time_limit import remaining
from .dialect import Dialect, NotPrimary

_PAUSE = 0.002  # seconds between two tries to get a lock
MOST_TRIES = 100  # of a transaction that comes between others; each of them means that another one has succeeded

T = TypeVar("T")


def retry_while_locked(run: Callable[[], T], dialect: Dialect, *, before_wait: Callable[[], None] = lambda: None) -> T:
    """Call *run* until no other process holds the lock that it needs, and return its result.

    Args:
        run: runs statements. If a lock stops it, it has changed nothing.
        dialect: recognizes such an error. It is raised when the time limit of the running call is over.
        before_wait: called once if there is a lock. It may raise an error instead.
    """
    waited = False
    while True:
        try:
            return run()
        except DBAPIError as error:
            if not dialect.is_busy(error) or remaining() == 0:
                raise
        if not waited:
            before_wait()
        waited = True
        time.sleep(_PAUSE)


def retry_conflict(run: Callable[[], T], dialect: Dialect) -> T:
    """Call *run* again, a few times, if its transaction came between others, and return its result.

    Args:
        run: runs a whole transaction. If another one stops it, it has changed nothing.
        dialect: recognizes such an error. It is raised when the time limit of the running call is over.
    """
    for _ in range(MOST_TRIES - 1):
        try:
            return run()
        except DBAPIError as error:
            if not dialect.is_conflict(error) or remaining() == 0:
                raise
    return run()


def retry_dropped_connection(run: Callable[[], T]) -> T:
    """Call *run* once more if its connection was dropped, as servers and proxies do with idle connections.

    That also helps if the server has become a replica: a new connection may lead to the new primary. When the time
    limit of the running call is over, there is no second try.
    """
    try:
        return run()
    except NotPrimary:
        if remaining() == 0:
            raise
    except DBAPIError as error:
        if not error.connection_invalidated or remaining() == 0:
            raise
    return run()
