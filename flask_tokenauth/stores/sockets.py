"""Wait for the socket of a driver, at most to the end of the time limit.

The timeouts of sockets and drivers do not bound a call: each single read or write has its own one, so a server that
sends one byte now and then keeps a caller for ever. With gevent, ``select.poll`` lets other green threads run.
"""

import select
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from ..core.time_limit import remaining

READ, WRITE = 1, 2
TIME_IS_OVER = "the database has not answered within the time limit"

_LONGEST_WAIT = 1.0  # seconds of one wait: Windows does not interrupt it for Ctrl-C

T = TypeVar("T")


def wait_until_ready(fileno: int, events: int) -> int:
    """Wait until a socket can be read or written.

    Args:
        fileno: of the socket. It may be above 1024.
        events: READ, WRITE, or both of them joined by ``|``.

    Returns:
        Those of *events* that can be done now. If the socket is broken, all of them: the driver then gets the error.

    Raises:
        TimeoutError: the time limit has ended.
    """
    wait = _poll if hasattr(select, "poll") else _select
    while left := remaining():
        if ready := wait(fileno, events, min(left, _LONGEST_WAIT)):
            return ready
    raise TimeoutError(TIME_IS_OVER)


def run_when_ready(fileno: int, run: Callable[[], T]) -> T:
    """Call *run* until it does not have to wait for the socket, and return its result.

    Args:
        fileno: of a socket that does not block.
        run: reads from the socket.

    Raises:
        TimeoutError: the time limit has ended.
    """
    while remaining():
        try:
            return run()
        except (BlockingIOError, ssl.SSLWantReadError):
            events = READ
        except ssl.SSLWantWriteError:
            events = WRITE
        wait_until_ready(fileno, events)
    raise TimeoutError(TIME_IS_OVER)


def send_all(fileno: int, send: Callable[[memoryview], int], data: bytes) -> None:
    """Send all bytes.

    Args:
        fileno: of a socket that does not block.
        send: sends some of the bytes and returns their number.
        data: the bytes.

    Raises:
        TimeoutError: the time limit has ended.
    """
    rest = memoryview(data)
    while rest:
        wait_until_ready(fileno, WRITE)
        with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            rest = rest[send(rest) :]


def _poll(fileno: int, events: int, seconds: float) -> int:
    poller = select.poll()
    poller.register(fileno, (select.POLLIN if events & READ else 0) | (select.POLLOUT if events & WRITE else 0))
    ready = 0
    for _, found in poller.poll(seconds * 1000):
        ready = (READ if found & select.POLLIN else 0) | (WRITE if found & select.POLLOUT else 0)
        ready = ready & events or events  # an error or the end of the connection
    return ready


def _select(fileno: int, events: int, seconds: float) -> int:
    """Wait without ``poll``, which Windows does not have. There ``select`` has no limit of 1024."""
    one = [fileno]
    readable, writable, broken = select.select(
        one if events & READ else [], one if events & WRITE else [], one, seconds
    )
    return events if broken else (READ if readable else 0) | (WRITE if writable else 0)
