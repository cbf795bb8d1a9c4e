"""Measure requests with each kind of credential that the application has seen before, beside a JWT in the header."""

from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask

from flask_tokenauth import TokenAuth, create_token, require_scope
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.encryption_key import EncryptionKey

from .apps import bare, ours
from .apps.sessions import SECRET
from .keys import Jwk, public_half
from .measure import Subject, Timing, measure_cases
from .section import Check, Options, Section, timing_table
from .tokens import LIFETIME, make_jwk
from .wsgi import make_caller

BARE, JWT = "bare", "JWT in the header"
COOKIE, API_KEY, REFERENCE, THEIRS, JWE = "cookie", "API key", "reference token", "trusted issuer's token", "JWE"
SCOPE = "reports:read"
MOST_BEYOND_JWT = 1.0  # microseconds
_ALGORITHM = "ES256"  # trusted issuers have key pairs
_THEM = "https://login.example.com"

_ABOUT = (
    "One application with `SECRET_KEY` accepts them all: it has a store in memory, cookies, API keys, encryption keys "
    "with `TOKENAUTH_ACCEPT_PLAIN_UNTIL`, and trusts another issuer. Its view needs a scope. Each credential was seen "
    f"before. All tokens are signed by {_ALGORITHM}, and all requests have the same cookies; a header hides them."
)


def run(options: Options) -> Section:
    """Measure all kinds by turns."""
    with ExitStack() as stack:
        subjects = _make_subjects(stack)
        timings = measure_cases({"known": subjects}, options.rounds)
    table = timing_table(("", "credential"), timings, bare=BARE)
    checks = [_check(kind, timings["known"]) for kind in (COOKIE, API_KEY, REFERENCE, THEIRS, JWE)]
    return Section("Kinds of known credentials", _ABOUT, [table], checks)


def _make_subjects(stack: ExitStack) -> list[Subject]:
    jwk, their_jwk = make_jwk(_ALGORITHM), make_jwk(_ALGORITHM)
    plain, app = _make(stack, jwk, their_jwk), _make(stack, jwk, their_jwk, **_encryption())
    them = ours.make(their_jwk, TOKENAUTH_ISSUER=_THEM, TOKENAUTH_AUDIENCE=bare.ISSUER)
    jwt = _mint(plain)
    cookies = state_of(app).cookies
    assert cookies is not None
    browser = {"Sec-Fetch-Site": "same-origin", "Cookie": f"theme=dark; language=en; {cookies.access}={jwt}"}
    headers = {
        JWT: f"Bearer {jwt}",
        COOKIE: None,
        API_KEY: f"Bearer {_make_api_key(app)}",
        REFERENCE: f"Bearer {_mint(app, 'reference')}",
        THEIRS: f"Bearer {_mint(them)}",
        JWE: f"Bearer {_mint(app)}",
    }
    callers = {BARE: make_caller(bare.make(SECRET_KEY=SECRET), headers[JWT], status=200, more=browser)}
    callers |= {name: make_caller(app, header, status=200, more=browser) for name, header in headers.items()}
    return [Subject(name, call) for name, call in callers.items()]


def _make(stack: ExitStack, jwk: Jwk, their_jwk: Jwk, **config: Any) -> Flask:
    them = {
        "issuer": _THEM,
        "audience": bare.ISSUER,
        "users": "shared",
        "scopes": [SCOPE],
        "keys": {"keys": [public_half(their_jwk)]},
    }
    app = Flask("benchmarks", static_folder=None)
    app.config |= {
        "SECRET_KEY": SECRET,
        "TOKENAUTH_KEYS": {"keys": [jwk]},
        "TOKENAUTH_ISSUER": bare.ISSUER,
        "TOKENAUTH_STORE": "memory://",
        "TOKENAUTH_COOKIES": "all",
        "TOKENAUTH_API_KEYS": True,
        "TOKENAUTH_TRUSTED_ISSUERS": [them],
    } | config
    TokenAuth(app)
    app.add_url_rule(bare.PATH, view_func=require_scope(SCOPE)(bare.view))
    stack.enter_context(closing(app.extensions["tokenauth"].store))
    return app


def _encryption() -> dict[str, Any]:
    key = EncryptionKey.generate("dir").to_jwk(private=True)
    until = datetime.now(UTC) + timedelta(days=1)
    return {"TOKENAUTH_ENCRYPTION_KEYS": {"keys": [key]}, "TOKENAUTH_ACCEPT_PLAIN_UNTIL": until}


def _mint(app: Flask, form: Any = "jwt") -> str:
    with app.app_context():
        return create_token("alice", [SCOPE], expires_in=LIFETIME, format=form)


def _make_api_key(app: Flask) -> str:
    auth: TokenAuth[Any] = TokenAuth()
    with app.app_context():
        return auth.create_api_key("alice", [SCOPE], name="benchmark").text


def _check(kind: str, taken: dict[str, Timing]) -> Check:
    return Check(f"{kind}: beyond a {JWT}", taken[kind].p10 - taken[JWT].p10, MOST_BEYOND_JWT, unit="µs")
