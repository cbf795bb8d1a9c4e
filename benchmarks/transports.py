"""Measure what the check of HTTPS adds to requests that come over plain HTTP."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .apps import bare, ours
from .measure import Subject, Timing, measure_cases
from .section import Check, Options, Section, timing_table
from .tokens import make_credentials
from .wsgi import make_caller

BARE = "bare"
SIZES = {"new token": 0, "known token": 1024}  # of the memory of tokens
MOST_BEYOND_HTTPS = 1.0  # microseconds


class Transport(NamedTuple):
    """How a request reaches the application."""

    base_url: str
    headers: Mapping[str, str]


HTTPS = "HTTPS"
TRANSPORTS = {
    HTTPS: Transport(bare.ISSUER, {}),
    "plain HTTP, loopback": Transport("http://localhost:5000", {}),
    "a proxy, without ProxyFix": Transport(
        "http://api.example.com",
        {
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "api.example.com",
            "X-Real-IP": "203.0.113.9",
        },
    ),
}

_ABOUT = (
    "HS256, from the address 127.0.0.1. *Plain HTTP*: as a developer uses it. *A proxy*: on the same machine, with the "
    "usual `X-Forwarded-…` headers, and an application that does not know of it; the one warning was given before. "
    "Each row compares with the bare request that came in the same way, since the scheme and the headers cost time "
    "without a guard too. The target is for what the guard adds beyond what it adds to a request over HTTPS."
)


def run(options: Options) -> Section:
    """Measure all transports by turns."""
    made = make_credentials("HS256")
    header = f"Bearer {made.token}"
    cases = {name: _make_subjects(made.jwk, header, transport) for name, transport in TRANSPORTS.items()}
    timings = measure_cases(cases, options.rounds)
    checks = [_check(timings, name, kind) for name in TRANSPORTS if name != HTTPS for kind in SIZES]
    return Section("Transports", _ABOUT, [timing_table(("request", ""), timings, bare=BARE)], checks)


def _make_subjects(jwk: Mapping[str, Any], header: str, transport: Transport) -> list[Subject]:
    apps = {BARE: bare.make()} | {name: ours.make(jwk, TOKENAUTH_TOKEN_CACHE_SIZE=size) for name, size in SIZES.items()}
    return [
        Subject(name, make_caller(app, header, status=200, base_url=transport.base_url, more=transport.headers))
        for name, app in apps.items()
    ]


def _check(timings: Mapping[str, Mapping[str, Timing]], transport: str, kind: str) -> Check:
    def added(name: str) -> float:
        return timings[name][kind].p10 - timings[name][BARE].p10

    return Check(f"{transport}, {kind}: beyond {HTTPS}", added(transport) - added(HTTPS), MOST_BEYOND_HTTPS, unit="µs")
