"""Measure the requests per second of gunicorn's sync workers; ab sends the requests from another core."""

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from statistics import median

from .apps.bare import PATH
from .measure import iqr
from .process import environ_for
from .section import Check, Options, Section, Table
from .tokens import Credentials, make_credentials

BARE = "bare"
CONTENDERS = {  # application, algorithm, configuration
    BARE: ("bare", "HS256", {}),
    "ours, HS256, uncached": ("ours", "HS256", {"TOKENAUTH_TOKEN_CACHE_SIZE": 0}),
    "ours, RS256, uncached": ("ours", "RS256", {"TOKENAUTH_TOKEN_CACHE_SIZE": 0}),
    "ours, cached": ("ours", "RS256", {}),
    "Flask-JWT-Extended, HS256": ("jwt_extended", "HS256", {}),
    "Flask-JWT-Extended, RS256": ("jwt_extended", "RS256", {}),
}
LEAST_OF_BARE = {"ours, HS256, uncached": 0.93, "ours, RS256, uncached": 0.87, "ours, cached": 0.96}  # with one worker

_TURNS = {1: 60, 2: 30}  # number of turns, by number of workers
_REQUESTS = 500
_CONNECTIONS = 8

_ABOUT = (
    f"gunicorn with sync workers on the first cores, and ab on the last core with {_CONNECTIONS} connections, over "
    "HTTP on the loopback, as from a proxy that ends TLS. Every request carries a good token. Each server gets "
    f"{_REQUESTS} requests, {_TURNS[1]} times ({_TURNS[2]} with two workers), by turns with the others. The ratio is "
    "the median of the ratios within a turn."
)


def run(options: Options) -> Section:
    """Measure every contender, with one worker and with two."""
    if missing := _find_missing(options):
        return Section("Served", f"Skipped: {missing}.")
    made = {algorithm: make_credentials(algorithm) for algorithm in ("HS256", "RS256")}
    taken = {workers: _measure(workers, made) for workers in _TURNS}
    rows = [
        [
            str(workers),
            name,
            f"{median(rates):,.0f}",
            f"{iqr(rates):,.0f}",
            f"{_of_bare(seen, name):.3f}",
        ]
        for workers, seen in taken.items()
        for name, rates in seen.items()
    ]
    table = Table(("workers", "", "requests/s", "IQR", "/ bare"), rows, word_columns=2)
    checks = [
        Check(f"one worker, {name}: requests/s / bare", _of_bare(taken[1], name), least, least=True)
        for name, least in LEAST_OF_BARE.items()
    ]
    return Section("Served", _ABOUT, [table], checks)


def _find_missing(options: Options) -> str | None:
    if options.quick:
        return "a quick run serves nothing"
    if not shutil.which("ab"):
        return "ab is not installed (Debian has it in apache2-utils)"
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) == 1:
        return "this needs two cores, and a system that can pin a process to a core"
    return None


def _measure(workers: int, made: dict[str, Credentials]) -> dict[str, list[float]]:
    """Return the requests per second of each contender, one figure for each turn."""
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    *cores, last = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        urls = {}
        for name, (application, algorithm, config) in CONTENDERS.items():
            environ = environ_for(application, made[algorithm].jwk, made[algorithm].token, **config)
            urls[name] = stack.enter_context(_serve(environ, workers, set(cores[:workers])))
        for turn in range(_TURNS[workers]):
            for name in Random(turn).sample(list(CONTENDERS), len(CONTENDERS)):
                _, algorithm, _ = CONTENDERS[name]
                rates[name].append(_load(urls[name], made[algorithm].token, last))
    return rates


@contextmanager
def _pinned(cores: set[int]) -> Iterator[None]:
    """Run this process, and the processes that it starts meanwhile, on *cores*."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _serve(environ: dict[str, str], workers: int, cores: set[int]) -> Iterator[str]:
    """Serve the application that *environ* names, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        descriptor, port = listener.fileno(), listener.getsockname()[1]
        options = [
            "--bind",
            f"fd://{descriptor}",
            "--workers",
            str(workers),
            "--log-level",
            "warning",
            "--no-control-socket",
        ]
        command = [sys.executable, "-m", "gunicorn", *options, "benchmarks.process:load()"]
        with _pinned(cores):
            server = subprocess.Popen(command, env=environ, pass_fds=[descriptor])
    try:
        yield f"http://127.0.0.1:{port}{PATH}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _load(url: str, token: str, core: int) -> float:
    """Return how many requests per second *url* answered.

    Raises:
        RuntimeError: a request was not answered with success.
    """
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        answer.read()  # wait until the server is up
    named = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = ["ab", "-q", "-n", str(_REQUESTS), "-c", str(_CONNECTIONS), *named, url]
    with _pinned({core}):
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Requests per second: +([0-9.]+) ", report, re.MULTILINE)
    if not found or "Non-2xx" in report or not re.search(r"^Failed requests: +0$", report, re.MULTILINE):
        raise RuntimeError(report)
    return float(found[1])


def _of_bare(taken: dict[str, list[float]], name: str) -> float:
    return median(rate / of_bare for rate, of_bare in zip(taken[name], taken[BARE], strict=True))
