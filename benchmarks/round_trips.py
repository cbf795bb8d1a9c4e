"""Count the round trips of a call to a server of Redis or Valkey, and the commands that it runs."""

from collections.abc import Callable
from contextlib import closing
from statistics import median
from typing import Any

from .databases import connect_to_redis

_TIMES = 9  # a poll of the feed can come between: the median leaves it out


def count_round_trips(url: str, call: Callable[[], object]) -> float:
    """Return how often the server has read from its connections during a call, by its own count.

    Commands that are sent together come in one read.

    Args:
        url: of a server that nothing else uses.
        call: has been called before, so that its connection is open.
    """
    with closing(connect_to_redis(url)) as client:
        counts = []
        for _ in range(_TIMES):
            before = _reads(client)
            call()
            counts.append(_reads(client) - before - 1)  # the question itself
    return float(median(counts))


def _reads(client: Any) -> int:
    return int(client.info("stats")["total_reads_processed"])
