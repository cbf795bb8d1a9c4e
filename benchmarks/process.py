"""A process of its own for one application, which an environment variable names.

gunicorn serves ``load()``; memory.py and loads.py run ``python -m benchmarks.process`` with ``memory``, ``cache`` or
``load``, and read the output.
This module imports no library of tokens before the application does.
"""

import gc
import json
import os
import sys
import tracemalloc
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from flask import Flask

from .keys import Jwk
from .wsgi import make_caller, make_unsent_caller

_VARIABLE = "BENCHMARKS_APPLICATION"


def environ_for(application: str, jwk: Jwk, token: str, **config: Any) -> dict[str, str]:
    """Return the environment for a process that sets up a module of ``benchmarks.apps``."""
    told = {"application": application, "jwk": dict(jwk), "token": token, "config": config}
    return with_checkout() | {_VARIABLE: json.dumps(told)}


def with_checkout() -> dict[str, str]:
    """Return the environment for a process that imports from this checkout."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}


def _read_variable() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(os.environ[_VARIABLE])
    return told


def load() -> Flask:
    """Return the application that the environment names."""
    told = _read_variable()
    app: Flask = import_module(f"benchmarks.apps.{told['application']}").make(told["jwk"], **told["config"])
    return app


def print_memory() -> None:
    """Print the resident and the proportional memory of this process after one request, in kB."""
    make_caller(load(), f"Bearer {_read_variable()['token']}", status=200)()
    gc.collect()
    lines = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()]
    print(json.dumps({words[0].lower().rstrip(":"): int(words[1]) for words in lines if words[0] in ("Rss:", "Pss:")}))


def print_cache() -> None:
    """Print how many tokens fill the cache, and how many bytes a full cache holds."""
    tokens = import_module("benchmarks.tokens")
    app = load()
    entries = app.extensions["tokenauth"].settings.token_cache_size
    make_caller(app, "Bearer garbage", status=401)  # what a first request allocates is no part of the cache
    calls = [make_unsent_caller(app, f"Bearer {tokens.mint(app, f'user-{number}')}") for number in range(entries)]
    gc.collect()
    tracemalloc.start()
    for call in calls:
        call()
    gc.collect()
    print(json.dumps({"entries": entries, "bytes": tracemalloc.get_traced_memory()[0]}))


def print_load() -> None:
    """Print the seconds of the first load of revocations, and the memory before, afterwards and at most, in MB."""
    app = load()
    app.extensions["tokenauth"].store.longest_lifetime()  # imports the driver
    gc.collect()
    before, began = _read_status("VmRSS"), perf_counter()
    import_module("benchmarks.loading").load_all(app)
    seconds = perf_counter() - began
    print(json.dumps([seconds, before, _read_status("VmRSS"), _read_status("VmHWM")]))


def _read_status(name: str) -> float:
    """Return a size of this process, in MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    {"memory": print_memory, "cache": print_cache, "load": print_load}[sys.argv[1]]()
