"""Measure the time to make a token inside a request."""

from collections.abc import Mapping
from functools import partial
from time import time
from typing import Any

import jwt
from flask_jwt_extended import create_access_token

from flask_tokenauth import create_token

from .apps import bare, jwt_extended, ours
from .keys import ALGORITHMS, Jwk
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, Table
from .tokens import make_jwk, mint

SIGN, ENCODE, OURS, EXTENDED = "Algorithm.sign", "jwt.encode", "create_token", "Flask-JWT-Extended"

MOST_OF_ENCODE = 1 / 3  # for HS256, whose signature takes almost no time
MOST_OF_SIGN = {"RS256": 1.05, "ES256": 1.30, "EdDSA": 1.25}

_ABOUT = (
    "A token with a subject and two scopes, made inside a request. `Algorithm.sign` is only PyJWT's signature of as "
    "many bytes; `jwt.encode` is PyJWT with the same claims. Every key is prepared once."
)


def run(options: Options) -> Section:
    """Measure issuing with every algorithm."""
    timings = {algorithm: _measure(make_jwk(algorithm), options.rounds) for algorithm in ALGORITHMS}
    rows = [
        [algorithm, name, *_cells(timing, taken[SIGN])]
        for algorithm, taken in timings.items()
        for name, timing in taken.items()
    ]
    headers = "algorithm", "", "p10 µs", "median µs", "IQR µs", f"/ {SIGN}", "rounds"
    checks = [_check(algorithm, taken) for algorithm, taken in timings.items()]
    return Section("Issuing", _ABOUT, [Table(headers, rows, word_columns=2)], checks)


def _cells(timing: Timing, sign: Timing) -> list[str]:
    figures = timing.p10, timing.median, timing.iqr
    return [*(f"{figure:,.1f}" for figure in figures), f"{timing.p10 / sign.p10:.2f}", str(timing.rounds)]


def _measure(jwk: Jwk, rounds: int) -> dict[str, Timing]:
    app = ours.make(jwk)
    prepared = jwt.PyJWK(dict(jwk))
    message = mint(app).rpartition(".")[0].encode()
    scopes = ["reports:read", "reports:write"]
    outside = bare.make().test_request_context
    inside, extended = app.test_request_context, jwt_extended.make(jwk).test_request_context
    calls = [
        Subject(SIGN, partial(prepared.Algorithm.sign, message, prepared.key), outside),
        Subject(ENCODE, partial(_encode, prepared.key, jwk, scopes), outside),
        Subject(OURS, partial(create_token, "alice", scopes), inside),
        Subject(
            EXTENDED, partial(create_access_token, "alice", additional_claims={"scope": " ".join(scopes)}), extended
        ),
    ]
    return measure(calls, rounds)


def _encode(key: Any, jwk: Mapping[str, Any], scopes: list[str]) -> str:
    now = int(time())
    claims = {
        "iss": bare.ISSUER,
        "sub": "alice",
        "aud": bare.ISSUER,
        "exp": now + 900,
        "iat": now,
        "jti": "AAAAAAAAAAAAAAAAAAAAAA",
        "client_id": bare.ISSUER,
        "scope": " ".join(scopes),
    }
    return jwt.encode(claims, key, algorithm=jwk["alg"], headers={"kid": jwk["kid"], "typ": "at+jwt"})


def _check(algorithm: str, taken: Mapping[str, Timing]) -> Check:
    if algorithm in MOST_OF_SIGN:
        ratio = taken[OURS].p10 / taken[SIGN].p10
        return Check(f"{algorithm}: {OURS} / {SIGN}", ratio, MOST_OF_SIGN[algorithm])
    ratio = taken[OURS].p10 / taken[ENCODE].p10
    return Check(f"{algorithm}: {OURS} / {ENCODE}", ratio, MOST_OF_ENCODE, fraction=True)
