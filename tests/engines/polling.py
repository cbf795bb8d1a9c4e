"""Wait for servers that do not say when they are ready: ask them again and again, with a short pause."""

import time
from collections.abc import Callable

from .server import PATIENCE, ServerFailed

PAUSE = 0.01  # seconds


def poll(holds: Callable[[], bool], what: str) -> None:
    """Ask until *holds* returns True. An error of a connection is not True.

    Args:
        holds: the question.
        what: for the error, "for …".

    Raises:
        ServerFailed: it took longer than ``PATIENCE``.
    """
    from redis.exceptions import RedisError  # noqa: PLC0415  # of the extra "redis"

    error, end = None, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if holds():
                return
        except RedisError as raised:
            error = raised
        time.sleep(PAUSE)
    raise ServerFailed(f"waited {PATIENCE} s {what}; the last error: {error}")
