"""Send many requests to a URL with ab or wrk, and read from their reports how many were answered in a second."""

import re
import subprocess
from collections.abc import Callable, Mapping

CONNECTIONS = 8
_REQUESTS = 500  # of ab
_SECONDS = 1  # of wrk, the shortest time that it offers

ABOUT = (
    f"ab sends {_REQUESTS} requests, and wrk sends for {_SECONDS} s, each with {CONNECTIONS} connections. ab opens one "
    "for each request. gunicorn's sync worker closes each one, so wrk has to do the same there; with a gthread worker "
    "of one thread it keeps its connections"
)


def load_with_ab(url: str, headers: Mapping[str, str]) -> float:
    """Return how many requests per second *url* answered.

    Raises:
        RuntimeError: a request was not answered with success.
    """
    report = _run("ab", "-q", "-n", str(_REQUESTS), "-c", str(CONNECTIONS), *_to_options(headers), url)
    failed = "Non-2xx" in report or not re.search(r"^Failed requests: +0$", report, re.MULTILINE)
    return _read(r"^Requests per second: +([0-9.]+) ", report, failed=failed)


def load_with_wrk(url: str, headers: Mapping[str, str]) -> float:
    """Return how many requests per second *url* answered.

    Raises:
        RuntimeError: a request was not answered with success.
    """
    report = _run("wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{_SECONDS}s", *_to_options(headers), url)
    failed = "Non-2xx" in report or "Socket errors" in report
    return _read(r"^Requests/sec: +([0-9.]+)$", report, failed=failed)


CLIENTS: Mapping[str, Callable[[str, Mapping[str, str]], float]] = {"ab": load_with_ab, "wrk": load_with_wrk}


def _to_options(headers: Mapping[str, str]) -> list[str]:
    return [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _read(pattern: str, report: str, *, failed: bool) -> float:
    found = re.search(pattern, report, re.MULTILINE)
    if failed or not found:
        raise RuntimeError(report)
    return float(found[1])
