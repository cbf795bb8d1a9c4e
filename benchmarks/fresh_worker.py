"""A worker process from its start: its first requests, and the requests in which it forgets old revocations.

first_requests.py runs ``python -m benchmarks.fresh_worker`` with one of the names of ``COMMANDS`` and its arguments,
and reads the output: JSON.
"""

import gc
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from threading import Barrier
from time import perf_counter, sleep, thread_time
from typing import Any

from flask import Flask

from flask_tokenauth import TokenAuth, login_required
from flask_tokenauth.testing import at

from .apps import bare
from .apps.sessions import SECRET, WAIT
from .loading import load_all
from .tokens import make_jwk, mint
from .wsgi import make_unsent_caller

_SWITCH = timedelta(days=2)  # later, all revocations have expired
_PATIENCE = 60.0  # seconds until all of them are loaded, or forgotten


def time_routes(routes: str, threads: str, guarded: str) -> float:
    """Return the seconds until the first requests of all threads, which begin at once, are answered.

    Args:
        routes: how many the application has, besides the one that is requested.
        threads: how many send a request.
        guarded: "yes" if the routes are guarded, "no" for Flask alone.
    """
    app = Flask("benchmarks", static_folder=None)
    app.config.update(SECRET_KEY=SECRET, TOKENAUTH_ISSUER=bare.ISSUER, TOKENAUTH_KEYS={"keys": [make_jwk("HS256")]})
    guard: Callable[[Any], Any] = login_required if guarded == "yes" else lambda view: view
    header = None
    if guarded == "yes":
        TokenAuth(app)
        header = f"Bearer {mint(app)}"
    for number in range(int(routes)):
        app.add_url_rule(f"/things/{number}/<int:thing>", f"thing_{number}", guard(_make_view()))
    app.add_url_rule(bare.PATH, view_func=guard(bare.view))
    count = int(threads)
    calls = [make_unsent_caller(app, header) for _ in range(count)]
    gate = Barrier(count + 1)

    def send(call: Callable[[], None]) -> float:
        gate.wait()
        call()
        return perf_counter()

    with ThreadPoolExecutor(count) as pool:
        sent = [pool.submit(send, call) for call in calls]
        gc.collect()
        gate.wait()
        began = perf_counter()
        return max(future.result() for future in sent) - began


def _make_view() -> Callable[..., Any]:
    def view(thing: int) -> dict[str, Any]:
        return {"thing": thing}

    return view


def time_first_request(url: str, warmed: str) -> dict[str, float]:
    """Return the seconds of ``auth.warm()``, of the first request until it is answered with success, and of the second.

    On a busy machine, loading takes longer than the package allows for one try. Then it goes on after the last page.

    Args:
        url: of the database with the revocations.
        warmed: "yes" to call ``auth.warm()`` before.
    """
    _, issuing = _make()  # asks no store, so that no driver is imported and no connection is open
    auth, app = _make(TOKENAUTH_STORE=url, TOKENAUTH_STORE_TIMEOUT=WAIT)
    call = make_unsent_caller(app, f"Bearer {mint(issuing)}")
    with closing(app.extensions["tokenauth"].store):
        began = perf_counter()
        if warmed == "yes":
            auth.warm()
            load_all(app)
        times = [perf_counter() - began, _time(partial(_repeat, call)), _time(call)]
    return dict(zip(("warm", "first", "second"), times, strict=True))


def time_forgetting(url: str, quiet_for: str) -> dict[str, float]:
    """Return the processor time of the longest request while nothing is forgotten, and while all revocations are.

    Args:
        url: of the database with the revocations.
        quiet_for: the seconds of requests while nothing is forgotten.
    """
    auth, app = _make(TOKENAUTH_STORE=url, TOKENAUTH_STORE_TIMEOUT=WAIT)
    feed = app.extensions["tokenauth"].stored.feed
    with closing(app.extensions["tokenauth"].store):
        auth.warm()
        load_all(app)
        clock = feed.monotonic = _Clock(feed.monotonic())
        call, ends = make_unsent_caller(app, f"Bearer {mint(app)}"), perf_counter() + float(quiet_for)
        known = feed.describe()
        quiet = _find_longest(call, clock, lambda: perf_counter() < ends)
        with at(app, _SWITCH):
            call, ends = make_unsent_caller(app, f"Bearer {mint(app)}"), perf_counter() + _PATIENCE
            longest = _find_longest(
                call, clock, lambda: feed.describe().tokens + feed.describe().sessions > 0 and perf_counter() < ends
            )
        left = feed.describe()
    if not known.tokens + known.sessions or left.tokens + left.sessions:
        raise RuntimeError(f"all revocations must be loaded and then forgotten, got {known} and then {left}")
    return {"quiet": quiet, "forgetting": longest}


def _make(**config: Any) -> tuple[TokenAuth[Any], Flask]:
    app = Flask("benchmarks", static_folder=None)
    app.config |= {"SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": bare.ISSUER} | config
    auth: TokenAuth[Any] = TokenAuth(app)
    app.add_url_rule(bare.PATH, view_func=login_required(bare.view))
    return auth, app


def _time(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def _repeat(call: Callable[[], None]) -> None:
    """Send a request again until it is answered with success."""
    ends = perf_counter() + _PATIENCE
    while True:
        try:
            return call()
        except RuntimeError:
            if perf_counter() >= ends:
                raise
            sleep(0.01)


class _Clock:
    """Stands still, but for one second before each request, so that each of them fetches news once."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _find_longest(call: Callable[[], None], clock: _Clock, goes_on: Callable[[], bool]) -> float:
    """Return the processor time of the longest call: other processes of a busy machine do not show in it."""
    longest = 0.0
    while goes_on():
        for _ in range(100):
            clock.now += 1
            began = thread_time()
            call()
            longest = max(longest, thread_time() - began)
    return longest


COMMANDS: dict[str, Callable[..., object]] = {
    "routes": time_routes,
    "first": time_first_request,
    "forgetting": time_forgetting,
}

if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
