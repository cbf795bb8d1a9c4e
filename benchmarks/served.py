"""Measure the requests per second of gunicorn's workers; ab and wrk send the requests from another core."""

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from statistics import median
from typing import NamedTuple

from . import http_load
from .apps.bare import PATH
from .http_load import CLIENTS
from .measure import iqr
from .process import environ_for
from .section import ROUNDS, Check, Options, Section, Table
from .tokens import Credentials, make_credentials

BARE, NEW, KNOWN = "bare", "ours, HS256, uncached", "ours, HS256, cached"
CONTENDERS = {  # application, algorithm, configuration
    BARE: ("bare", "HS256", {}),
    NEW: ("ours", "HS256", {"TOKENAUTH_TOKEN_CACHE_SIZE": 0}),
    KNOWN: ("ours", "HS256", {}),
    "ours, RS256, uncached": ("ours", "RS256", {"TOKENAUTH_TOKEN_CACHE_SIZE": 0}),
    "Flask-JWT-Extended, HS256": ("jwt_extended", "HS256", {}),
    "Flask-JWT-Extended, RS256": ("jwt_extended", "RS256", {}),
}
LEAST_OF_BARE = {NEW: 0.92, KNOWN: 0.97, "ours, RS256, uncached": 0.87}  # by ab, with one worker


class Setup(NamedTuple):
    """A server and the client that measures it."""

    client: str  # one of CLIENTS
    kind: str  # of gunicorn's workers
    workers: int
    turns: int


_BY_AB = Setup("ab", "sync", 1, 60)
_SETUPS = (_BY_AB, Setup("ab", "sync", 2, 30), Setup("wrk", "sync", 1, 20), Setup("wrk", "gthread", 1, 20))

_ABOUT = (
    "gunicorn on the first cores, and the client on the last core, over HTTP on the loopback, as from a proxy that "
    f"ends TLS. Every request carries a good token. {http_load.ABOUT}. The contenders are measured by turns, and the "
    "ratio is the median of the ratios within a turn."
)


def run(options: Options) -> Section:
    """Measure every contender with every server and client."""
    if missing := _find_missing(options):
        return Section("Served", f"Skipped: {missing}.")
    made = {algorithm: make_credentials(algorithm) for algorithm in ("HS256", "RS256")}
    share = options.rounds / ROUNDS
    taken = {setup: _measure(setup, made, max(1, round(setup.turns * share))) for setup in _SETUPS}
    rows = [
        [
            setup.client,
            f"{setup.workers} {setup.kind}",
            name,
            f"{median(rates):,.0f}",
            f"{iqr(rates):,.0f}",
            f"{_of_bare(seen, name):.3f}",
            str(len(rates)),
        ]
        for setup, seen in taken.items()
        for name, rates in seen.items()
    ]
    table = Table(("client", "workers", "", "requests/s", "IQR", "/ bare", "turns"), rows, word_columns=3)
    checks = [
        Check(f"one worker, {name}: requests/s / bare", _of_bare(taken[_BY_AB], name), least, least=True)
        for name, least in LEAST_OF_BARE.items()
    ]
    return Section("Served", _ABOUT, [table], checks)


def _find_missing(options: Options) -> str | None:
    if options.quick:
        return "a quick run serves nothing"
    if not all(map(shutil.which, CLIENTS)):
        return "ab or wrk is not installed (Debian has them in apache2-utils and wrk)"
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) == 1:
        return "this needs two cores, and a system that can pin a process to a core"
    return None


def _measure(setup: Setup, made: dict[str, Credentials], turns: int) -> dict[str, list[float]]:
    """Return the requests per second of each contender, one figure for each turn."""
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    *cores, last = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        urls = {}
        for name, (application, algorithm, config) in CONTENDERS.items():
            environ = environ_for(application, made[algorithm].jwk, made[algorithm].token, **config)
            urls[name] = stack.enter_context(_serve(environ, setup, set(cores[: setup.workers])))
        for turn in range(turns):
            for name in Random(turn).sample(list(CONTENDERS), len(CONTENDERS)):
                _, algorithm, _ = CONTENDERS[name]
                rates[name].append(_load(setup.client, urls[name], made[algorithm].token, last))
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
def _serve(environ: dict[str, str], setup: Setup, cores: set[int]) -> Iterator[str]:
    """Serve the application that *environ* names, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        descriptor, port = listener.fileno(), listener.getsockname()[1]
        options = [
            "--bind",
            f"fd://{descriptor}",
            "--workers",
            str(setup.workers),
            "--worker-class",
            setup.kind,
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


def _load(client: str, url: str, token: str, core: int) -> float:
    """Return how many requests per second *url* answered, to a client on *core*."""
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        answer.read()  # wait until the server is up
    with _pinned({core}):
        return CLIENTS[client](url, headers)


def _of_bare(taken: dict[str, list[float]], name: str) -> float:
    return median(rate / of_bare for rate, of_bare in zip(taken[name], taken[BARE], strict=True))
