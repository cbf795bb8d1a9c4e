"""Measure how much a guard adds to a request with a good token."""

from typing import Any

from flask import Flask

from .apps import authlib, bare, httpauth, jwt_extended, ours, pyjwt, signature
from .apps.sessions import SECRET
from .keys import ALGORITHMS
from .measure import Subject, Timing, measure_cases
from .section import Check, Options, Section, timing_table
from .tokens import Credentials, make_credentials
from .wsgi import make_caller

BARE, SIGNATURE, UNCACHED, CACHED = "bare", "signature check alone", "ours, uncached", "ours, cached"
EXTENDED = "Flask-JWT-Extended"
WITH_SECRET = "SECRET_KEY"

MOST_ADDED_CACHED, MOST_ADDED_CACHED_WITH_SECRET = 0.12, 0.10  # added / bare request
MOST_ADDED, MOST_ADDED_WITH_SECRET = 0.45, 0.35  # for HS256, whose signature takes almost no time
MOST_OF_SIGNATURE = {"RS256": 1.7, "ES256": 1.22, "EdDSA": 1.18}  # added / added by the signature check, uncached
MOST_OF_EXTENDED = {"HS256": 1 / 9, "RS256": 1 / 6, "ES256": 1 / 3.5, "EdDSA": 1 / 2.8}  # uncached
MOST_OF_EXTENDED_CACHED = 1 / 30

_ABOUT = (
    "A GET request with a good token, through `wsgi_app`; the view returns a small dict. The added time is the "
    "difference to the bare request in the same rounds: of the 10th percentiles, and of the medians. Uncached: with "
    "`TOKENAUTH_TOKEN_CACHE_SIZE = 0`. Cached: the default, with the same token each time. `SECRET_KEY`: all "
    "applications of these rows have one, so Flask looks for its own session and a bare request takes longer. The time "
    "that a signature check takes is much the same part of a new token's time on each machine, and no fixed part of a "
    "bare request's: so the targets for key pairs compare with it."
)


def run(options: Options) -> Section:
    """Measure every application with every algorithm. Each algorithm has its own bare requests for comparison."""
    timings: dict[str, dict[str, Timing]] = {}
    for algorithm in ALGORITHMS:
        timings |= _measure(algorithm, options.rounds)
    table = timing_table(("algorithm", ""), timings, bare=BARE)
    checks = [
        check
        for algorithm in ALGORITHMS
        for check in (*_check(algorithm, timings[algorithm]), *_check_with_secret(algorithm, timings))
    ]
    bars = {
        algorithm: {name: _of_bare(timings[algorithm], name) for name in timings[algorithm] if name != BARE}
        for algorithm in ALGORITHMS
    }
    return Section("Guarded requests", _ABOUT, [table], checks, bars)


def _with_secret(algorithm: str) -> str:
    return f"{algorithm}, {WITH_SECRET}"


def _measure(algorithm: str, rounds: int) -> dict[str, dict[str, Timing]]:
    made = make_credentials(algorithm)
    cases = {
        algorithm: _make_ours(made) | _make_peers(algorithm, made),
        _with_secret(algorithm): _make_ours(made, SECRET_KEY=SECRET),
    }
    header = f"Bearer {made.token}"
    return measure_cases(
        {
            case: [Subject(name, make_caller(app, header, status=200)) for name, app in apps.items()]
            for case, apps in cases.items()
        },
        rounds,
    )


def _make_ours(made: Credentials, **config: Any) -> dict[str, Flask]:
    return {
        BARE: bare.make(**config),
        SIGNATURE: signature.make(made.jwk, made.token, **config),
        CACHED: ours.make(made.jwk, **config),
        UNCACHED: ours.make(made.jwk, TOKENAUTH_TOKEN_CACHE_SIZE=0, **config),
    }


def _make_peers(algorithm: str, made: Credentials) -> dict[str, Flask]:
    peers = {
        "jwt.decode in a hook": pyjwt.make(made.jwk),
        "Flask-HTTPAuth + PyJWT": httpauth.make(made.jwk),
        EXTENDED: jwt_extended.make(made.jwk),
    }
    return peers | ({"Authlib": authlib.make(made.jwk)} if algorithm in authlib.ALGORITHMS else {})


def _added(taken: dict[str, Timing], name: str) -> float:
    return taken[name].p10 - taken[BARE].p10


def _of_bare(taken: dict[str, Timing], name: str) -> float:
    return _added(taken, name) / taken[BARE].p10


def _check(algorithm: str, taken: dict[str, Timing]) -> list[Check]:
    of_extended = {name: _added(taken, name) / _added(taken, EXTENDED) for name in (UNCACHED, CACHED)}
    beside = f"added / added by {EXTENDED}"
    return [
        _check_uncached(algorithm, taken),
        Check(f"{algorithm} uncached: {beside}", of_extended[UNCACHED], MOST_OF_EXTENDED[algorithm], fraction=True),
        Check(f"{algorithm} cached: added / bare", _of_bare(taken, CACHED), MOST_ADDED_CACHED),
        Check(f"{algorithm} cached: {beside}", of_extended[CACHED], MOST_OF_EXTENDED_CACHED, fraction=True),
    ]


def _check_uncached(algorithm: str, taken: dict[str, Timing]) -> Check:
    if algorithm in MOST_OF_SIGNATURE:
        ratio = _added(taken, UNCACHED) / _added(taken, SIGNATURE)
        return Check(f"{algorithm} uncached: added / added by {SIGNATURE}", ratio, MOST_OF_SIGNATURE[algorithm])
    return Check(f"{algorithm} uncached: added / bare", _of_bare(taken, UNCACHED), MOST_ADDED)


def _check_with_secret(algorithm: str, timings: dict[str, dict[str, Timing]]) -> list[Check]:
    case = _with_secret(algorithm)
    taken = timings[case]
    cached = Check(f"{case}, cached: added / bare", _of_bare(taken, CACHED), MOST_ADDED_CACHED_WITH_SECRET)
    if algorithm in MOST_OF_SIGNATURE:
        return [cached]
    return [Check(f"{case}, uncached: added / bare", _of_bare(taken, UNCACHED), MOST_ADDED_WITH_SECRET), cached]
