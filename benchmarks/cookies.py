"""Measure a request whose access token is in a cookie, beside the same request with the token in a header."""

from typing import Any

from flask_tokenauth.application.app_state import state_of

from .apps import bare, ours
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, timing_table
from .tokens import make_credentials
from .wsgi import make_caller

ALGORITHMS = ("HS256", "ES256")
BARE = "bare"
HEADER, COOKIE, OFF = "in a header", "in a cookie", "in a header, cookies are off"
METHODS = ("GET", "POST")
MOST_BEYOND_HEADER = 1.0  # microseconds
MOST_OF_HEADER = 1.03  # a header where cookies are on, of one where they are off
_SECRET = "bench-marks-0123456789-abcdef-ghijkl-mnopqr"

_ABOUT = (
    'The same cached token in the `Authorization` header, and in the cookie of `TOKENAUTH_COOKIES = "all"`. All '
    "requests have the headers of a browser and the same three cookies, which Flask parses for its session: a header "
    "hides the cookie. POST: with the check against CSRF."
)


def run(options: Options) -> Section:
    """Measure both places with both methods."""
    timings = {
        f"{algorithm} {method}": _measure(algorithm, method, options.rounds)
        for algorithm in ALGORITHMS
        for method in METHODS
    }
    table = timing_table(("request", "token"), timings, bare=BARE)
    checks = [check for case, taken in timings.items() for check in _check(case, taken)]
    return Section("Cookies", _ABOUT, [table], checks)


def _measure(algorithm: str, method: str, rounds: int) -> dict[str, Timing]:
    made = make_credentials(algorithm)
    stored: dict[str, Any] = {"SECRET_KEY": _SECRET, "TOKENAUTH_STORE": "memory://"}
    off = ours.make(made.jwk, **stored)
    on = ours.make(made.jwk, TOKENAUTH_COOKIES="all", **stored)
    cookies = state_of(on).cookies
    name = "" if cookies is None else cookies.access
    jar = f"theme=dark; language=en; {name}={made.token}"
    browser = {"Sec-Fetch-Site": "same-origin", "Origin": bare.ISSUER, "Cookie": jar}
    header = f"Bearer {made.token}"
    callers = {
        BARE: make_caller(bare.make(), None, status=200, method=method, more=browser),
        OFF: make_caller(off, header, status=200, method=method, more=browser),
        HEADER: make_caller(on, header, status=200, method=method, more=browser),
        COOKIE: make_caller(on, None, status=200, method=method, more=browser),
    }
    return measure([Subject(name, call) for name, call in callers.items()], rounds)


def _check(case: str, taken: dict[str, Timing]) -> list[Check]:
    return [
        Check(f"{case}: µs of a cookie beyond a header", taken[COOKIE].p10 - taken[HEADER].p10, MOST_BEYOND_HEADER),
        Check(f"{case}: {HEADER} / {OFF}", taken[HEADER].p10 / taken[OFF].p10, MOST_OF_HEADER),
    ]
