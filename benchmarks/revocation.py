"""Measure how much a guarded request takes longer because revoked tokens are refused, for several numbers of them."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from time import time
from typing import Any

from flask import Flask
from sqlalchemy import create_engine, insert

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.tables import revocations

from .apps import bare, blocklists, jwt_extended, ours
from .measure import Subject, Timing, measure
from .section import TIMING_HEADERS, Check, Options, Section, Table, timing_cells
from .tokens import Credentials, make_credentials
from .wsgi import make_caller

SIZES, QUICK_SIZES = (10, 1_000, 100_000, 1_000_000), (10, 1_000)
BARE, NONE, FEED, STRICT = "bare", "ours, none", "ours, feed", "ours, strict"
SECRET = "d41a9c0e5b7f2836" * 4
MOST_ADDED = 5.0  # µs: feed - none

_ABOUT = (
    "A GET request with a good cached token, HS256. So many other tokens were revoked and have not expired "
    "yet. Ours on SQLite: *none* refuses no revoked token, *feed* holds them in memory, *strict* asks the store "
    "for each request. Flask-JWT-Extended without revocation, and with the two blocklists of its documentation: "
    "Flask-SQLAlchemy (on SQLite as well) and Redis (over a local socket). The added time is the difference to the "
    "bare request; the target is for the difference between *feed* and *none*."
)


def run(options: Options) -> Section:
    """Measure each number of revoked tokens. Each has its own bare request for comparison."""
    timings: dict[int, dict[str, Timing]] = {}
    for size in QUICK_SIZES if options.quick else SIZES:
        with _serving(size) as subjects:
            timings[size] = measure(subjects, options.rounds)
    rows = [
        [f"{size:,}", name, *timing_cells(timing, taken[BARE])]
        for size, taken in timings.items()
        for name, timing in taken.items()
    ]
    checks = [
        Check(f"{size:,} revoked: µs that the feed adds", taken[FEED].p10 - taken[NONE].p10, MOST_ADDED)
        for size, taken in timings.items()
    ]
    return Section("Revocation", _ABOUT, [Table(("revoked", "", *TIMING_HEADERS), rows, word_columns=2)], checks)


@contextmanager
def _serving(size: int) -> Iterator[list[Subject]]:
    """Yield the subjects to measure. Their stores are filled, and are deleted at the end."""
    made = make_credentials("HS256")
    token_ids = [token_urlsafe(16) for _ in range(size)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = f"sqlite:///{folder / 'ours.db'}"
        _fill(url, token_ids)
        apps = {
            BARE: bare.make(),
            NONE: _make_ours(stack, made, url, "off"),
            FEED: _make_ours(stack, made, url, "feed"),
            STRICT: _make_ours(stack, made, url, "strict"),
            "Flask-JWT-Extended, none": jwt_extended.make(made.jwk),
            "Flask-JWT-Extended, Flask-SQLAlchemy": blocklists.make_with_database(
                made.jwk, f"sqlite:///{folder / 'theirs.db'}", token_ids
            ),
            "Flask-JWT-Extended, Redis": stack.enter_context(
                blocklists.serving_with_redis(made.jwk, folder / "theirs.rdb", token_ids)
            ),
        }
        for app in apps.values():
            app.config["SECRET_KEY"] = SECRET  # a store needs a secret; with a secret, Flask looks for its own session
        _load_all(apps[FEED], size)
        yield [Subject(name, make_caller(app, f"Bearer {made.token}", status=200)) for name, app in apps.items()]


def _make_ours(stack: ExitStack, made: Credentials, url: str, mode: str) -> Flask:
    app = ours.make(made.jwk, SECRET_KEY=SECRET, TOKENAUTH_STORE=url, TOKENAUTH_REVOCATION=mode)
    stack.enter_context(closing(app.extensions["tokenauth"].store))
    return app


def _fill(url: str, token_ids: list[str]) -> None:
    """Write the entries as the store does, but in one transaction."""
    with closing(SQLStore(url)) as store:
        store.create()
    now = int(time())
    entries: list[dict[str, Any]] = [
        {"kind": "t", "subject": token_id, "value": now + 900 + number % 900, "expires_at": (now + 86400) * 1000}
        for number, token_id in enumerate(token_ids)
    ]
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(revocations), entries)
    engine.dispose()


def _load_all(app: Flask, size: int) -> None:
    """Call ``warm()`` until the feed has loaded all entries; each call goes on where the last one timed out."""
    feed = app.extensions["tokenauth"].stored.feed
    while feed.describe().tokens < size:
        try:
            feed.warm()
        except StoreUnavailable:
            continue
