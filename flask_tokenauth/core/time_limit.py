"""The time limit of the running call: all that it waits for shares one end, however many waits there are."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Green threads share one thread, but each of them has its own context.
_end: ContextVar[float] = ContextVar("tokenauth_end", default=math.inf)


@contextmanager
def time_limit(seconds: float, *, monotonic: Callable[[], float] = time.perf_counter) -> Iterator[None]:
    """Limit the time of the ``with`` block. The wait for a server ends with it; other code is not interrupted.

    Args:
        seconds: from now. If limits are nested, the earlier end counts.
        monotonic: returns seconds that always rise, from any start. The default also runs in tests that stop the clock
            with freezegun or time-machine.
    """
    token = _end.set(min(_end.get(), monotonic() + seconds))
    try:
        yield
    finally:
        _end.reset(token)


def remaining(*, monotonic: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds to the end of the limit: infinity if there is none, and never less than 0.

    Args:
        monotonic: the clock that was passed to :func:`time_limit`.
    """
    return max(0.0, _end.get() - monotonic())
