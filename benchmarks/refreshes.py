"""Measure how many refreshes a second one process answers, with one client in each thread."""

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
_REFRESHES = 256  # refreshes in a turn, all threads together

_ABOUT = (
    "`POST /auth/refresh` through `wsgi_app`. Each client has its own session and redeems its newest refresh token: "
    "the whole request, from the body to the answer. SQLite is a file with `synchronous=FULL`: every refresh waits for "
    "the disk. Medians of refreshes per second, and the range that holds the middle half."
)


def run(options: Options) -> Section:
    """Measure the stores of one machine by turns."""
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
    """Return the refreshes per second with this number of threads."""
    with app.app_context():
        firsts = [str(token_response("alice").get_json()["refresh_token"]) for _ in range(threads)]
    gate = Barrier(threads + 1)

    def refresh(token: str) -> None:
        gate.wait()
        for _ in repeat(None, _REFRESHES // threads):
            token = _redeem(app, token)

    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(refresh, token) for token in firsts]
        gate.wait()
        began = perf_counter()
        for future in done:
            future.result()
        return _REFRESHES // threads * threads / (perf_counter() - began)


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
        raise RuntimeError(f"a refresh must be answered with 200, got {response.status}")
    return str(response.get_json()["refresh_token"])
