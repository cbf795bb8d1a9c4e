"""Measure for how long the first load of a store on Valkey keeps the server from other clients."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles
from time import perf_counter, sleep
from typing import Any

from flask_tokenauth.stores.redis import RedisStore

from .databases import Database, connect_to_redis
from .section import Check

HEADERS = (
    "store", "revoked", "pages", "longest page ms", "of processor", "over 5 ms", "other client p99 ms", "alone p99 ms",
)  # fmt: skip
MOST_MS = 5  # of the server, for one command
ABOUT = (
    "While Valkey serves such a load, another client sends a `GET` each millisecond, from a process of its own. "
    "*Longest page*: in its `SLOWLOG`, of all commands; *of processor*: the processor time of the longest page, since "
    "the server may have to wait for a processor; *over 5 ms*: commands in the `SLOWLOG` that took longer. The last "
    "columns are the waits of the other client, meanwhile and without the load."
)

_ALONE = 500  # calls of the other client before the load
_PATIENCE = 60  # seconds


def measure_blocking(database: Database, size: int) -> tuple[list[str], list[Check]]:
    """Load all revocations, and return a row for the table and the checks.

    Args:
        database: on a server that this process has started, with its revocations.
        size: their number.
    """
    assert database.server
    assert database.server.process
    pid = database.server.process.pid
    context = get_context("spawn")
    ready, done = context.Event(), context.Event()
    with (
        closing(connect_to_redis(database.url)) as client,
        closing(RedisStore(database.url)) as store,
        ProcessPoolExecutor(1, context, initializer=_prepare, initargs=(ready, done)) as pool,
    ):
        client.config_set("slowlog-max-len", 100_000)
        client.config_set("slowlog-log-slower-than", 1000 * MOST_MS)
        waiting = pool.submit(_wait, database.url)
        ready.wait(_PATIENCE)  # in vain if the other process has failed: it says why at the end
        client.slowlog_reset()
        try:
            processor = _load(store, lambda: _processor_ms(pid))
        finally:
            done.set()
        slow = [entry["duration"] / 1000 for entry in client.slowlog_get(100_000)]
    alone, meanwhile = waiting.result()
    cells = (f"{len(processor):,}", f"{max(slow):.1f}" if slow else f"<= {MOST_MS}", f"{max(processor):.2f}")
    row = [database.name, f"{size:,}", *cells, str(len(slow)), f"{meanwhile:.2f}", f"{alone:.2f}"]
    return row, [
        Check(f"{database.name}: commands over {MOST_MS} ms while {size:,} are loaded", len(slow), 0),
        Check(f"{database.name}: ms of processor for the longest page of {size:,}", max(processor), MOST_MS),
    ]


def _load(store: RedisStore, read_clock: Callable[[], float]) -> list[float]:
    """Load all revocations, and return how far the clock went on with each page."""
    cursor, more, taken, before = None, True, [], read_clock()
    while more:
        page = store.revocations_since(cursor)
        cursor, more = page.cursor, page.more
        after = read_clock()
        taken.append(after - before)
        before = after
    return taken


def _processor_ms(pid: int) -> float:
    """Return the processor time of the main thread of a process, which runs all commands."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


_events: list[Event] = []


def _prepare(*events: Event) -> None:
    _events.extend(events)


def _wait(url: str) -> tuple[float, float]:
    """Return the 99th percentile of the time of a call, in milliseconds, before the load and meanwhile."""
    ready, done = _events
    with closing(connect_to_redis(url)) as client:
        _time(client)  # connects
        alone = [_time(client) for _ in range(_ALONE)]
        ready.set()
        meanwhile = [_time(client), _time(client)]
        while not done.is_set():
            meanwhile.append(_time(client))
    return quantiles(alone, n=100)[-1], quantiles(meanwhile, n=100)[-1]


def _time(client: Any) -> float:
    sleep(0.001)
    began = perf_counter()
    client.get("none")
    return 1000 * (perf_counter() - began)
