"""Measure how long a new process needs to load all revocations, and the memory that they take."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from . import blocking
from .apps.sessions import SECRET, WAIT
from .databases import ENGINES, VALKEY, empty_database
from .filling import fill
from .process import environ_for
from .section import Check, Options, Section, Table
from .tokens import make_jwk

SIZES, QUICK_SIZES = (100_000, 1_000_000), (1_000,)
LARGEST, MOST_SECONDS, MOST_SECONDS_ON_VALKEY, MOST_MB = 1_000_000, 5, 10, 200
_TIMES = 3

_ABOUT = (
    "A new process sets up the application and calls `auth.warm()`, as a worker of a web server does before its first "
    "request. So many tokens were revoked and have not expired. Memory is resident, in MB of 10⁶ bytes: of the whole "
    "process before, afterwards, and at most; the last column is the difference for each token. Medians. "
    f"{blocking.ABOUT}"
)


def run(options: Options) -> Section:
    """Fill each database and load it some times, each time in a new process."""
    if not Path("/proc/self/status").exists():
        return Section("First load", "Skipped: the figures come from /proc/self/status, which this system lacks.")
    rows: list[list[str]] = []
    rows_of_blocking: list[list[str]] = []
    checks: list[Check] = []
    for engine in ENGINES:
        for size in QUICK_SIZES if options.quick else SIZES:
            with ExitStack() as stack:
                database = stack.enter_context(empty_database(engine, options.urls))
                if database is None:
                    rows.append([engine, "no server", *[""] * 5])
                    continue
                fill(database.url, size)
                seconds, before, after, most = _measure(database.url, 1 if options.quick else _TIMES)
                if engine == VALKEY and database.server:
                    row, more = blocking.measure_blocking(database, size)
                    rows_of_blocking.append(row)
                    checks += more
            each = (after - before) * 1e6 / size
            sizes = (f"{memory:.0f}" for memory in (before, after, most))
            rows.append([database.name, f"{size:,}", f"{seconds:.2f}", *sizes, f"{each:.0f}"])
            if size == LARGEST:
                most_seconds = MOST_SECONDS_ON_VALKEY if engine == VALKEY else MOST_SECONDS
                checks.append(Check(f"{database.name}: seconds for {size:,}", seconds, most_seconds))
                checks.append(Check(f"{database.name}: MB at most for {size:,}", most, MOST_MB))
    headers = ("store", "revoked", "seconds", "MB before", "MB after", "MB at most", "bytes each")
    tables = [Table(headers, rows), *([Table(blocking.HEADERS, rows_of_blocking)] if rows_of_blocking else [])]
    return Section("First load", _ABOUT, tables, checks)


def _measure(url: str, times: int) -> list[float]:
    """Return the medians of what ``print_load`` in process.py prints."""
    store = {"SECRET_KEY": SECRET, "TOKENAUTH_STORE": url, "TOKENAUTH_STORE_TIMEOUT": WAIT}
    environ = environ_for("ours", make_jwk("HS256"), "", **store)
    command = [sys.executable, "-m", "benchmarks.process", "load"]
    taken: list[list[float]] = []
    for _ in range(times):
        answer = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout
        taken.append(json.loads(answer))
    return [median(figures) for figures in zip(*taken, strict=True)]
