"""Measure how much a guard adds to a request with a good token."""

from .apps import authlib, bare, httpauth, jwt_extended, ours, pyjwt, signature
from .keys import ALGORITHMS
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, timing_table
from .tokens import make_credentials
from .wsgi import make_caller

BARE, SIGNATURE, UNCACHED, CACHED = "bare", "signature check alone", "ours, uncached", "ours, cached"
EXTENDED = "Flask-JWT-Extended"
PLAIN = "ours, cached, plain HTTP"  # as a developer uses it; not in the chart

MOST_ADDED = {"HS256": 0.35, "RS256": 0.75, "ES256": 1.4, "EdDSA": 1.75}  # added / bare request, uncached
MOST_OF_EXTENDED = {"HS256": 1 / 9, "RS256": 1 / 6, "ES256": 1 / 3.5, "EdDSA": 1 / 2.8}  # uncached
MOST_ADDED_CACHED = 0.12
MOST_OF_EXTENDED_CACHED = 1 / 30
MOST_PLAIN = 1.08  # of the same request over HTTPS

_ABOUT = (
    "A GET request with a good token, through `wsgi_app`; the view returns a small dict. The added time is the "
    "difference to the bare request in the same rounds: of the 10th percentiles, and of the medians. Uncached: with "
    "`TOKENAUTH_TOKEN_CACHE_SIZE = 0`. Cached: the default, with the same token each time. Plain HTTP: from the same "
    "machine, for which there is no warning."
)


def run(options: Options) -> Section:
    """Measure every application with every algorithm. Each algorithm has its own bare request for comparison."""
    timings = {algorithm: _measure(algorithm, options.rounds) for algorithm in ALGORITHMS}
    table = timing_table(("algorithm", ""), timings, bare=BARE)
    checks = [check for algorithm, taken in timings.items() for check in _check(algorithm, taken)]
    bars = {
        algorithm: {name: _added(taken, name) / taken[BARE].p10 for name in taken if name not in (BARE, PLAIN)}
        for algorithm, taken in timings.items()
    }
    return Section("Guarded requests", _ABOUT, [table], checks, bars)


def _measure(algorithm: str, rounds: int) -> dict[str, Timing]:
    made = make_credentials(algorithm)
    apps = {
        BARE: bare.make(),
        SIGNATURE: signature.make(made.jwk, made.token),
        CACHED: ours.make(made.jwk),
        UNCACHED: ours.make(made.jwk, TOKENAUTH_TOKEN_CACHE_SIZE=0),
        "jwt.decode in a hook": pyjwt.make(made.jwk),
        "Flask-HTTPAuth + PyJWT": httpauth.make(made.jwk),
        EXTENDED: jwt_extended.make(made.jwk),
    }
    if algorithm in authlib.ALGORITHMS:
        apps["Authlib"] = authlib.make(made.jwk)
    header = f"Bearer {made.token}"
    subjects = [Subject(name, make_caller(app, header, status=200)) for name, app in apps.items()]
    plain = make_caller(ours.make(made.jwk), header, status=200, base_url="http://localhost")
    return measure([*subjects, Subject(PLAIN, plain)], rounds)


def _added(taken: dict[str, Timing], name: str) -> float:
    return taken[name].p10 - taken[BARE].p10


def _check(algorithm: str, taken: dict[str, Timing]) -> list[Check]:
    of_bare = {name: _added(taken, name) / taken[BARE].p10 for name in (UNCACHED, CACHED)}
    of_extended = {name: _added(taken, name) / _added(taken, EXTENDED) for name in (UNCACHED, CACHED)}
    return [
        Check(f"{algorithm} uncached: added / bare", of_bare[UNCACHED], MOST_ADDED[algorithm]),
        Check(
            f"{algorithm} uncached: added / added by {EXTENDED}",
            of_extended[UNCACHED],
            MOST_OF_EXTENDED[algorithm],
            fraction=True,
        ),
        Check(f"{algorithm} cached: added / bare", of_bare[CACHED], MOST_ADDED_CACHED),
        Check(
            f"{algorithm} cached: added / added by {EXTENDED}",
            of_extended[CACHED],
            MOST_OF_EXTENDED_CACHED,
            fraction=True,
        ),
        Check(f"{algorithm} cached: over plain HTTP / over HTTPS", taken[PLAIN].p10 / taken[CACHED].p10, MOST_PLAIN),
    ]
