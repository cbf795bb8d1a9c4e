"""What runs in a process of its own, told by the environment which application to set up.

``load()`` is what gunicorn serves; ``python -m benchmarks.process memory`` and ``… cache`` print what memory.py reads.
Imports no library of tokens before the application does.
"""

import gc
import json
import os
import sys
import tracemalloc
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask

from .keys import Jwk
from .wsgi import caller

_VARIABLE = "BENCHMARKS_APPLICATION"


def environ_for(application: str, jwk: Jwk, token: str, **config: Any) -> dict[str, str]:
    """Return the environment of a process that sets up a module of ``benchmarks.apps``."""
    told = {"application": application, "jwk": dict(jwk), "token": token, "config": config}
    return os.environ | {_VARIABLE: json.dumps(told), "PYTHONPATH": str(Path(__file__).parent.parent)}


def _told() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(os.environ[_VARIABLE])
    return told


def load() -> Flask:
    """Return the application that the environment names."""
    told = _told()
    app: Flask = import_module(f"benchmarks.apps.{told['application']}").make(told["jwk"], **told["config"])
    return app


def print_memory() -> None:
    """Print the resident and the proportional size of this process after one request, in kB."""
    caller(load(), f"Bearer {_told()['token']}", status=200)()
    gc.collect()
    lines = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()]
    print(json.dumps({words[0].lower().rstrip(":"): int(words[1]) for words in lines if words[0] in ("Rss:", "Pss:")}))


def print_cache() -> None:
    """Print how many tokens fill the cache, and how many bytes it holds when it is full."""
    tokens = import_module("benchmarks.tokens")
    app = load()
    entries = app.extensions["tokenauth"].settings.token_cache_size
    calls = [caller(app, f"Bearer {tokens.mint(app, f'user-{number}')}", status=200) for number in range(2 * entries)]
    # Each was sent once by now; the older half has left the cache again, and comes back under the eyes of tracemalloc.
    gc.collect()
    tracemalloc.start()
    for call in calls[:entries]:
        call()
    gc.collect()
    print(json.dumps({"entries": entries, "bytes": tracemalloc.get_traced_memory()[0]}))


if __name__ == "__main__":
    {"memory": print_memory, "cache": print_cache}[sys.argv[1]]()
