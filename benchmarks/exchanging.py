"""Measure the exchange of a token for the next service, and a request with an exchanged token."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from flask import Flask

from flask_tokenauth import TokenAuth, create_token, login_required

from .apps import bare
from .apps.sessions import SECRET
from .measure import Subject, Timing, measure
from .section import Check, Options, Section, Table, timing_table
from .tokens import LIFETIME, make_jwk
from .wsgi import make_caller

ALGORITHMS = ("RS256", "ES256", "EdDSA")  # no other service could verify tokens of a secret
BARE, JWT, EXCHANGED = "bare", "JWT", "exchanged token"
CREATE, EXCHANGE = "create_token", "auth.exchange"
SCOPES = ("reports:read", "reports:write")
MOST_OF_JWT = 1.1  # time of a request: its parent may be revoked too
MOST_OF_CREATE = 2

_ABOUT = (
    "`auth.exchange` in a request, for one scope of two, beside `create_token` with the same key. Then a GET request "
    "with the exchanged token, which is remembered, beside one with the token that it was made from. The application "
    "has a store in memory in which other tokens are revoked, and looks for revocations: for an exchanged token, also "
    "for those of its parent."
)


def run(options: Options) -> Section:
    """Measure each algorithm."""
    timings = {algorithm: _measure(algorithm, options.rounds) for algorithm in ALGORITHMS}
    requests = {
        algorithm: {name: taken[name] for name in (BARE, JWT, EXCHANGED)} for algorithm, taken in timings.items()
    }
    rows = [
        [algorithm, name, *(f"{figure:,.1f}" for figure in (timing.p10, timing.median, timing.iqr)), str(timing.rounds)]
        for algorithm, taken in timings.items()
        for name, timing in taken.items()
        if name in (CREATE, EXCHANGE)
    ]
    tables = [
        Table(("algorithm", "call", "p10 µs", "median µs", "IQR µs", "rounds"), rows, word_columns=2),
        timing_table(("algorithm", "request"), requests, bare=BARE),
    ]
    checks = [check for algorithm, taken in timings.items() for check in _check(algorithm, taken)]
    return Section("Exchange", _ABOUT, tables, checks)


def _measure(algorithm: str, rounds: int) -> dict[str, Timing]:
    app, auth = _make(algorithm)
    with closing(app.extensions["tokenauth"].store):
        with app.app_context():
            parent = create_token("alice", SCOPES, expires_in=LIFETIME)
            auth.revoke_user("bob", api_keys=False)
            auth.revoke_token(auth.verify(create_token("alice", expires_in=LIFETIME)).token_id or "")
        inside = partial(_request_with, app, parent)
        exchange = partial(auth.exchange, audience=bare.ISSUER, scopes=SCOPES[:1], expires_in=LIFETIME)
        with inside():
            exchanged = exchange()
        return measure(
            [
                Subject(BARE, make_caller(bare.make(), None, status=200)),
                Subject(JWT, make_caller(app, f"Bearer {parent}", status=200)),
                Subject(EXCHANGED, make_caller(app, f"Bearer {exchanged}", status=200)),
                Subject(CREATE, partial(create_token, "alice", SCOPES[:1]), inside),
                Subject(EXCHANGE, exchange, inside),
            ],
            rounds,
        )


def _make(algorithm: str) -> tuple[Flask, TokenAuth[str]]:
    app, auth = Flask("benchmarks", static_folder=None), TokenAuth[str]()
    app.config |= {
        "SECRET_KEY": SECRET,
        "TOKENAUTH_KEYS": {"keys": [make_jwk(algorithm)]},
        "TOKENAUTH_ISSUER": bare.ISSUER,
        "TOKENAUTH_STORE": "memory://",
    }
    auth.init_app(app)
    app.add_url_rule(bare.PATH, view_func=login_required(bare.view))
    return app, auth


@contextmanager
def _request_with(app: Flask, token: str) -> Iterator[None]:
    """Enter a request with this token, which is verified."""
    headers = {"Authorization": f"Bearer {token}"}
    with app.test_request_context(bare.PATH, base_url=bare.ISSUER, headers=headers):
        app.preprocess_request()
        yield


def _check(algorithm: str, taken: dict[str, Timing]) -> list[Check]:
    return [
        Check(f"{algorithm}: {EXCHANGE} / {CREATE}", taken[EXCHANGE].p10 / taken[CREATE].p10, MOST_OF_CREATE),
        Check(f"{algorithm}: {EXCHANGED} / {JWT}", taken[EXCHANGED].p10 / taken[JWT].p10, MOST_OF_JWT),
    ]
