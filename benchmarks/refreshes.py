"""How many refreshes a second a process answers, with clients of its own in as many threads."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Barrier
from time import perf_counter
from typing import Any

from flask import Flask

from flask_tokenauth import TokenAuth, token_response

from .measure import iqr
from .section import Options, Section, Table

THREADS = 1, 8, 32
_TURNS, _QUICK_TURNS = 9, 2
_EACH = 256  # refreshes in a turn, of all threads together

_ABOUT = (
    "`POST /auth/refresh` through `wsgi_app`, each client with a session of its own, redeeming what it got last: the "
    "whole of it, from the body to the answer. SQLite is a file, with `synchronous=FULL`: every refresh waits for the "
    "disk. Medians of refreshes per second, and the range that holds the middle half."
)


def run(options: Options) -> Section:
    """Measure the stores of one machine in turns."""
    taken: dict[tuple[str, int], list[float]] = {}
    with TemporaryDirectory() as folder:
        for turn in range(_QUICK_TURNS if options.quick else _TURNS):
            for store in ("memory://", f"sqlite:///{Path(folder) / f'{turn}.db'}"):
                with _serving(store) as app:
                    for threads in THREADS:
                        taken.setdefault((store.partition(":")[0], threads), []).append(_rate(app, threads))
    rows = [
        [store, str(threads), f"{median(rates):,.0f}", f"{iqr(rates):,.0f}"]
        for (store, threads), rates in sorted(taken.items())
    ]
    return Section("Refreshing", _ABOUT, [Table(("store", "threads", "refreshes/s", "IQR"), rows)], [])


@contextmanager
def _serving(store: str) -> Iterator[Flask]:
    app = Flask("refreshes")
    app.config |= {"SECRET_KEY": "d41a9c0e5b7f2836" * 4, "TOKENAUTH_ISSUER": "benchmarks", "TOKENAUTH_STORE": store}
    auth = TokenAuth(app)
    app.register_blueprint(auth.endpoints)
    yield app
    app.extensions["tokenauth"].store.close()


def _rate(app: Flask, threads: int) -> float:
    """Return the refreshes per second of so many threads."""
    with app.app_context():
        firsts = [str(token_response("alice").get_json()["refresh_token"]) for _ in range(threads)]
    gate = Barrier(threads + 1)

    def refresh(token: str) -> None:
        gate.wait()
        for _ in repeat(None, _EACH // threads):
            token = _redeem(app, token)

    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(refresh, token) for token in firsts]
        gate.wait()
        began = perf_counter()
        for each in done:
            each.result()
        return _EACH // threads * threads / (perf_counter() - began)


def _redeem(app: Flask, token: str) -> str:
    body = f"grant_type=refresh_token&refresh_token={token}".encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/auth/refresh",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
    }
    response = app.response_class.from_app(app.wsgi_app, environ)
    if response.status_code != 200:  # noqa: PLR2004  # OK
        raise RuntimeError(f"a refresh was answered with {response.status}")
    return str(response.get_json()["refresh_token"])
