"""Measure the memory of a worker process: the libraries and the application, and a full cache of tokens."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from .process import environ_for
from .section import Options, Section, Table
from .tokens import Credentials, make_credentials

APPLICATIONS = {
    "bare": "bare",
    "ours": "ours",
    "Flask-HTTPAuth + PyJWT": "httpauth",
    "Authlib": "authlib",
    "Flask-JWT-Extended": "jwt_extended",
}
_KINDS = "rss", "pss"
_TIMES = 7

_ABOUT = (
    "A process that imported the libraries, set up the application and answered one request; medians. RSS counts "
    "memory that is shared with other processes in full, PSS only its part."
)


def run(options: Options) -> Section:
    """Measure each application by turns, and one full cache."""
    if not Path("/proc/self/smaps_rollup").exists():
        return Section(
            "Memory", "Skipped: the figures come from /proc/self/smaps_rollup, which this system does not have."
        )
    made = make_credentials("HS256")
    taken: dict[str, list[dict[str, int]]] = {name: [] for name in APPLICATIONS}
    for _ in range(1 if options.quick else _TIMES):
        for name, module in APPLICATIONS.items():
            taken[name].append(_ask("memory", module, made))
    sizes = {name: [median(size[kind] for size in seen) / 1024 for kind in _KINDS] for name, seen in taken.items()}
    added = {
        name: [size - of_bare for size, of_bare in zip(of_app, sizes["bare"], strict=True)]
        for name, of_app in sizes.items()
    }
    rows = [[name, *(f"{size:.1f}" for size in sizes[name] + added[name])] for name in sizes]
    table = Table(("", "RSS MiB", "PSS MiB", "added RSS MiB", "added PSS MiB"), rows)
    cache = _ask("cache", "ours", made)
    if cache["bytes"] < cache["entries"] * len(made.token):  # it has at least the tokens
        raise RuntimeError(f"the cache must be full, got {cache['bytes']} bytes for {cache['entries']} tokens")
    row = [f"{cache['entries']:,}", f"{cache['bytes'] / 1024:,.0f}", f"{cache['bytes'] / cache['entries']:,.0f}"]
    return Section(
        "Memory", _ABOUT, [table, Table(("tokens in a full cache", "KiB", "bytes a token"), [row], word_columns=0)]
    )


def _ask(what: str, module: str, made: Credentials) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks.process", what]
    environ = environ_for(module, made.jwk, made.token)
    answer = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout
    answered: dict[str, int] = json.loads(answer)
    return answered
