"""Measure what single requests pay for all others: the first ones, and those in which revocations are forgotten."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from flask_tokenauth.core.records.revocation import RevocationKind

from .filling import fill
from .fresh_worker import COMMANDS
from .process import with_checkout
from .section import Check, Options, Section, Table

ROUTES, QUICK_ROUTES = 10_000, 100
THREADS, QUICK_THREADS = 32, 4
REVOKED, QUICK_REVOKED = 1_000_000, 1_000
KINDS: tuple[RevocationKind, ...] = ("token", "session")
MOST_OF_ONE_THREAD = 1.5  # seconds with all threads, of those with one
MOST_MS = 5
_TIMES = 3
_QUIET, _QUICK_QUIET = 2.0, 0.1  # seconds
_FEW = 10  # revocations, for comparison

_ABOUT = (
    "Medians of some new processes. An application with many routes: the time from the moment at which all threads "
    "send their first request to the last answer; Flask alone sorts its routes then too. Revocations, in SQLite: the "
    "first request of a worker with and without `auth.warm()`, and the longest request while all of them expire and "
    f"are forgotten, beside the longest one of {_QUIET:g} s in which nothing expires. The longest request counts in "
    "processor time, so that a busy machine does not show in it. The target for the first request is for what it takes "
    "beyond one with few revocations."
)
Ask = Callable[..., Any]


def run(options: Options) -> Section:
    """Measure all of them, each in processes of its own. A quick run stays in this process."""
    quick = options.quick
    ask, times, size = (_ask_here, 1, QUICK_REVOKED) if quick else (_ask_process, _TIMES, REVOKED)
    routes, of_routes = _measure_routes(ask, times, *((QUICK_ROUTES, QUICK_THREADS) if quick else (ROUTES, THREADS)))
    first, of_first = _measure_first(ask, times, size)
    forgetting, of_forgetting = _measure_forgetting(ask, times, size, _QUICK_QUIET if quick else _QUIET)
    return Section("First requests", _ABOUT, [routes, first, forgetting], [*of_routes, *of_first, *of_forgetting])


def _measure_routes(ask: Ask, times: int, routes: int, threads: int) -> tuple[Table, list[Check]]:
    rows, seconds = [], {}
    for name, guarded in (("bare", "no"), ("ours", "yes")):
        for count in (1, threads):
            taken = median(ask("routes", routes, count, guarded) for _ in range(times))
            seconds[name, count] = taken
            rows.append([name, f"{routes:,}", str(count), f"{taken:.3f}"])
    ratio = seconds["ours", threads] / seconds["ours", 1]
    check = Check(f"{routes:,} routes: seconds of {threads} threads / of one", ratio, MOST_OF_ONE_THREAD)
    return Table(("", "routes", "threads", "seconds"), rows), [check]


def _measure_first(ask: Ask, times: int, size: int) -> tuple[Table, list[Check]]:
    rows, first = [], {}
    for count in (_FEW, size):
        with TemporaryDirectory() as folder:
            url = _fill(folder, count)
            for warmed in ("no", "yes"):
                taken = _medians(ask, times, "first", url, warmed)
                first[count, warmed] = taken["first"]
                milliseconds = (taken[name] * 1000 for name in ("first", "second"))
                rows.append([warmed, f"{count:,}", f"{taken['warm']:.2f}", *(f"{each:.1f}" for each in milliseconds)])
    headers = ("auth.warm()", "revoked", "seconds of it", "first request ms", "second request ms")
    beyond = (first[size, "yes"] - first[_FEW, "yes"]) * 1000
    check = Check(f"{size:,} revoked: first request after warm(), beyond {_FEW} revoked", beyond, MOST_MS, unit="ms")
    return Table(headers, rows), [check]


def _measure_forgetting(ask: Ask, times: int, size: int, quiet_for: float) -> tuple[Table, list[Check]]:
    rows, checks = [], []
    for kind in KINDS:
        with TemporaryDirectory() as folder:
            taken = _medians(ask, times, "forgetting", _fill(folder, size, kind), quiet_for)
        quiet, forgetting = (taken[name] * 1000 for name in ("quiet", "forgetting"))
        rows.append([kind, f"{size:,}", f"{quiet:.2f}", f"{forgetting:.2f}"])
        what = f"{size:,} revoked, kind {kind}: longest request while they are forgotten"
        checks.append(Check(what, forgetting, MOST_MS, unit="ms"))
    return Table(("revoked", "number", "longest ms, quiet", "longest ms, forgetting"), rows), checks


def _fill(folder: str, size: int, kind: RevocationKind = "token") -> str:
    url = f"sqlite:///{Path(folder) / 'revoked.db'}"
    fill(url, size, kind=kind)
    return url


def _medians(ask: Ask, times: int, *arguments: object) -> dict[str, float]:
    taken = [ask(*arguments) for _ in range(times)]
    return {name: median(each[name] for each in taken) for name in taken[0]}


def _ask_here(command: str, *arguments: object) -> Any:
    return COMMANDS[command](*map(str, arguments))


def _ask_process(*arguments: object) -> Any:
    """Return what a new process of fresh_worker.py prints."""
    command = [sys.executable, "-m", "benchmarks.fresh_worker", *map(str, arguments)]
    answer = subprocess.run(command, env=with_checkout(), stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(answer)
