"""What the tests of sessions share: a store of which time is the test's, clients, and an ear for the signals."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import token_response
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Session
from flask_tokenauth.core.store import Store
from flask_tokenauth.testing.store_contract import Age, SetGeneration

METHODS = tuple(name for name in vars(Store) if not name.startswith("_") and name not in ("create", "close"))

DAY = timedelta(days=1)
IDLE = timedelta(days=30)  # the default, as what follows
LIFETIME = timedelta(days=90)
WINDOW = timedelta(seconds=10)
MOMENT = timedelta(milliseconds=1)  # nothing is shorter for a store

INVALID_GRANT = {"error": "invalid_grant", "error_description": "The refresh token is not valid."}
INVALID_SCOPE = {
    "error": "invalid_scope",
    "error_description": "A scope is asked for that the session does not have.",
}
MALFORMED = {
    "error": "invalid_request",
    "error_description": "The body must be a form or a JSON object, with each parameter once.",
}
TOO_LARGE = {"error": "invalid_request", "error_description": "The request is too large."}
UNSUPPORTED = {"error": "unsupported_grant_type", "error_description": "The grant type is not supported."}
UNAVAILABLE = {
    "error": "temporarily_unavailable",
    "error_description": "The request cannot be authorized for now. Try again later.",
}

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MOST = 16384  # bytes that are read of a body


# For tests of answers that do not depend on the store: the fast run has them with the store in memory only.
MOSTLY_IN_MEMORY = pytest.mark.parametrize(
    "backend", ["memory", pytest.param("sqlite", marks=pytest.mark.slow)], indirect=True
)


@dataclass
class Backend:
    """One kind of store, for which time stands still unless it is made older."""

    source: Any  # for TOKENAUTH_STORE
    now: int  # where time stands, seconds since 1970-01-01T00:00:00Z
    age: Age
    set_generation: SetGeneration


def missing(name: str) -> dict[str, str]:
    """Return the answer to a request that lacks a parameter."""
    return {"error": "invalid_request", "error_description": f"The parameter {name} is missing."}


def store_of(app: Flask) -> Store:
    store: Store = app.extensions["tokenauth"].store
    return store


def warm(app: Flask) -> None:
    """Let an application hear what is revoked, for which time stands still then; see :func:`hear`."""
    app.extensions["tokenauth"].stored.feed.warm()


def hear(*apps: Flask, after: timedelta = timedelta(seconds=1)) -> None:
    """Let the interval pass after which applications know what others have revoked."""
    for app in apps:
        app.extensions["tokenauth"].stored.feed.monotonic.now += after.total_seconds()


def sign_in(app: Flask, user_id: object = "alice", scopes: Any = ("a", "b"), **options: Any) -> dict[str, Any]:
    """Return the body of the answer to a login."""
    with app.app_context():
        body: dict[str, Any] = token_response(user_id, scopes, **options).get_json()
    return body


def refresh(app: Flask, token: str, **parameters: str) -> TestResponse:
    """Redeem a refresh token, as clients do."""
    form = {"grant_type": "refresh_token", "refresh_token": token, **parameters}
    return app.test_client().post("/auth/refresh", data=form)


def refreshed(app: Flask, token: str, **parameters: str) -> dict[str, Any]:
    """Redeem a refresh token that is good, and return the body of the answer."""
    answer = refresh(app, token, **parameters)
    assert answer.status_code == 200
    return answer.get_json()  # type: ignore[no-any-return]  # JSON is anything


def successor(app: Flask, token: str) -> str:
    """Redeem a refresh token that is good, and return the next."""
    return str(refreshed(app, token)["refresh_token"])


def send(app: Flask, body: bytes | str, content_type: str | None = FORM, **options: Any) -> TestResponse:
    """Send *body* to where refresh tokens are redeemed, whatever it is."""
    return app.test_client().post("/auth/refresh", data=body, content_type=content_type, **options)


def form_of(token: str, more: str = "") -> str:
    return f"grant_type=refresh_token&refresh_token={token}{more}"


def json_of(token: str, **more: object) -> str:
    return json.dumps({"grant_type": "refresh_token", "refresh_token": token, **more})


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1].encode()))
    return claims


def session_id_of(refresh_token: str) -> str:
    """Return the ID of a refresh token's session, by another way than the package does."""
    handle = base64url.decode(refresh_token.removeprefix("rt1_").encode())[:16]
    return base64url.encode(hashlib.sha256(handle).digest()[:16]).decode()


def session_of(app: Flask, refresh_token: str) -> Session | None:
    return store_of(app).find_session(session_id_of(refresh_token))


def sessions_of(app: Flask, user_id: str = "alice") -> list[Any]:
    return list(store_of(app).list_sessions(user_id))


def is_live(app: Flask, refresh_token: str) -> bool:
    return session_of(app, refresh_token) is not None


def generation_of(app: Flask, refresh_token: str) -> int:
    session = session_of(app, refresh_token)
    assert session is not None
    return session.generation


@contextmanager
def asked(store: Store) -> Iterator[list[str]]:
    """List which methods of a store are called."""
    called: list[str] = []

    def listed(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            called.append(name)
            return real(*args, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in METHODS:
            patch.setattr(store, name, listed(name, getattr(store, name)))
        yield called


@contextmanager
def away(store: Store, *methods: str) -> Iterator[None]:
    """Let a store be out of reach, for those who call one of *methods*; for all of them if none is named."""

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("nobody answers")

    with pytest.MonkeyPatch.context() as patch:
        for name in methods or METHODS:
            patch.setattr(store, name, fail)
        yield


@dataclass
class Heard:
    """What the signals told, in the order in which they did."""

    sessions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    issued: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # of token_refused
