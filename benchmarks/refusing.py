"""Measure how much a refusal adds to a request, for small tokens and for tokens that an attacker made large."""

from collections.abc import Mapping

from flask import Flask

from .apps import authlib, bare, httpauth, jwt_extended, ours
from .keys import Jwk
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, timing_table
from .tokens import make_jwk, mint, mint_expired
from .wsgi import make_caller

BARE, OURS, CACHED = "bare", "ours, uncached", "ours, cached"

MOST_ADDED = {"missing": 0.10, "garbage": 0.23, "forged": 0.40, "expired": 0.45}  # added / bare request
MOST_ADDED_LARGE = 1.5
_LARGE = 1_000_000

_ABOUT = (
    "HS256. Flask-TokenAuth (ours) answers with its full challenge and body. The bare request carries the same header "
    "and is answered with a small dict. A call of more than 10 ms is timed in every 20th round only."
)


def run(options: Options) -> Section:
    """Measure every refusal. Each has its own bare request with the same header for comparison."""
    jwk = make_jwk("HS256")
    guarded = {
        OURS: ours.make(jwk, TOKENAUTH_TOKEN_CACHE_SIZE=0),
        CACHED: ours.make(jwk),
        "Flask-HTTPAuth + PyJWT": httpauth.make(jwk),
        "Authlib": authlib.make(jwk),
        "Flask-JWT-Extended": jwt_extended.make(jwk),
    }
    for app in guarded.values():
        make_caller(app, f"Bearer {mint(guarded[OURS])}", status=200)()  # as in production, it has seen a good token
    headers = _make_headers(jwk)
    timings = {case: _measure(header, guarded, options.rounds) for case, header in headers.items()}
    checks = [_check(case, taken) for case, taken in timings.items()]
    return Section("Refusing", _ABOUT, [timing_table(("token", ""), timings, bare=BARE)], checks)


def _make_headers(jwk: Jwk) -> dict[str, str | None]:
    app = ours.make(jwk)
    forger = ours.make({**jwk, "k": make_jwk("HS256")["k"]})  # another secret, the same key ID
    header, _, signature = mint(app).split(".")
    return {
        "missing": None,
        "garbage": "Bearer garbage",
        "forged": f"Bearer {mint(forger)}",
        "expired": f"Bearer {mint_expired(app)}",
        "1 MB of letters": f"Bearer {'A' * _LARGE}",
        "1 MB of dots": f"Bearer {'.' * _LARGE}",
        "1 MB of commas": f"Bearer {',' * _LARGE}",
        "1 MB of payload": f"Bearer {header}.{'A' * _LARGE}.{signature}",
    }


def _measure(header: str | None, guarded: Mapping[str, Flask], rounds: int) -> dict[str, Timing]:
    subjects = [
        Subject(BARE, make_caller(bare.make(), header, status=200)),
        *(Subject(name, make_caller(app, header, status=None)) for name, app in guarded.items()),
    ]
    return measure(subjects, rounds)


def _check(case: str, taken: Mapping[str, Timing]) -> Check:
    bare_p10 = taken[BARE].p10
    if case in MOST_ADDED:
        return Check(f"{case}: added / bare", (taken[OURS].p10 - bare_p10) / bare_p10, MOST_ADDED[case])
    return Check(f"{case}: uncached / bare", taken[OURS].p10 / bare_p10, MOST_ADDED_LARGE)
