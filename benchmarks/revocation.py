"""Measure how much a guarded request takes longer because revoked tokens are refused, for several numbers of them."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory

from flask import Flask

from .apps import bare, blocklists, jwt_extended, ours
from .apps.sessions import SECRET, WAIT
from .filling import fill
from .loading import load_all
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, timing_table
from .tokens import Credentials, make_credentials
from .wsgi import make_caller

SIZES, QUICK_SIZES = (10, 1_000, 100_000, 1_000_000), (10, 1_000)
BARE, NONE, FEED, STRICT = "bare", "ours, none", "ours, feed", "ours, strict"
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
    checks = [
        Check(f"{size:,} revoked: µs that the feed adds", taken[FEED].p10 - taken[NONE].p10, MOST_ADDED)
        for size, taken in timings.items()
    ]
    named = {f"{size:,}": taken for size, taken in timings.items()}
    return Section("Revocation", _ABOUT, [timing_table(("revoked", ""), named, bare=BARE)], checks)


@contextmanager
def _serving(size: int) -> Iterator[list[Subject]]:
    """Yield the subjects to measure. Their stores are filled, and are deleted at the end."""
    made = make_credentials("HS256")
    token_ids = [token_urlsafe(16) for _ in range(size)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = f"sqlite:///{folder / 'ours.db'}"
        fill(url, size)
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
        load_all(apps[FEED])
        yield [Subject(name, make_caller(app, f"Bearer {made.token}", status=200)) for name, app in apps.items()]


def _make_ours(stack: ExitStack, made: Credentials, url: str, mode: str) -> Flask:
    store = {"TOKENAUTH_STORE": url, "TOKENAUTH_STORE_TIMEOUT": WAIT, "TOKENAUTH_REVOCATION": mode}
    app = ours.make(made.jwk, SECRET_KEY=SECRET, **store)
    stack.enter_context(closing(app.extensions["tokenauth"].store))
    return app
