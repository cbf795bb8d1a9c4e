"""Repeats what a lost connection, a failover, or a slot that moves has stopped."""

import time
from collections.abc import Callable
from itertools import chain, repeat
from random import SystemRandom
from typing import TypeVar

from redis.exceptions import RedisError

from ...core.time_limit import remaining
from .errors import NotFound, NotPrimary, find_code, is_passing, is_timeout

_PAUSES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)  # the longest, in seconds, before each try; the last counts for later ones
_ON_ONE_SERVER = {"LOADING"}  # what passes there without another server

_random = SystemRandom()  # it has no state that a fork could copy

T = TypeVar("T")


def retry_while_passing(run: Callable[[], T], *, may_change: bool, longest: float) -> T:
    """Call *run* until it succeeds, and return its result.

    Args:
        run: talks to a server. It finds out itself which one, and may run often.
        may_change: False if there is one server alone: then it is asked again once, since servers and proxies drop
            idle connections.
        longest: seconds after which it is not called again.

    Raises:
        NotFound, NotPrimary, redis.exceptions.RedisError, OSError: another call would not help, or the time is over.
    """
    end = time.perf_counter() + longest
    telling: Exception | None = None  # the last error that says more than that the time is over
    for tried, longest_pause in enumerate(chain(_PAUSES, repeat(_PAUSES[-1]))):
        try:
            return run()
        except (NotFound, NotPrimary, RedisError, OSError) as error:
            failure: Exception = error
        if not is_timeout(failure):
            telling = failure
        is_worth_it = may_change or tried == 0 or find_code(failure) in _ON_ONE_SERVER
        pause = longest_pause * _random.uniform(0.5, 1)  # workers must not meet
        left = min(remaining(), end - time.perf_counter())
        if not is_worth_it or not is_passing(failure) or left <= pause:
            raise telling or failure
        time.sleep(pause)
    raise AssertionError  # pragma: no cover
