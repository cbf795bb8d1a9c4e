"""Helpers for the tests of sessions: a store whose time the test controls, calls of the endpoints, a log of signals."""

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
from flask_tokenauth.testing.store_contract.kit import list_all

METHODS = tuple(name for name in vars(Store) if not name.startswith("_") and name not in ("create", "close"))

DAY = timedelta(days=1)
IDLE = timedelta(days=30)  # the default, like the next two
LIFETIME = timedelta(days=90)
WINDOW = timedelta(seconds=10)
MOMENT = timedelta(milliseconds=1)  # the shortest time that a store measures
PATIENT = 30  # seconds, the longest store timeout: a busy machine is no outage

INVALID_GRANT = {"error": "invalid_grant", "error_description": "The refresh token is not valid."}
INVALID_SCOPE = {
    "error": "invalid_scope",
    "error_description": "A scope is asked for that the session does not have.",
}
MALFORMED = {
    "error": "invalid_request",
    "error_description": "The body must be a complete form of at most 32 parameters, or a complete JSON object with "
    "each name once.",
}
UNSUPPORTED_CONTENT = {
    "error": "invalid_request",
    "error_description": "The Content-Type must be application/x-www-form-urlencoded or application/json.",
}
TOO_LARGE = {"error": "invalid_request", "error_description": "The request is too large."}
UNSUPPORTED = {"error": "unsupported_grant_type", "error_description": "The grant type is not supported."}
UNAVAILABLE = {
    "error": "temporarily_unavailable",
    "error_description": "The request cannot be authorized for now. Try again later.",
}

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MAX_BODY = 16384  # bytes of a body; more are refused


# For tests of answers that do not depend on the store: the fast run uses only the store in memory.
MOSTLY_IN_MEMORY = pytest.mark.parametrize(
    "backend", ["memory", pytest.param("sqlite", marks=pytest.mark.slow)], indirect=True
)


@dataclass
class Backend:
    """One kind of store. Its time stands still, but a test can make a session older."""

    source: Any  # for TOKENAUTH_STORE
    now: int  # its time, seconds since 1970-01-01T00:00:00Z
    age: Age
    set_generation: SetGeneration


def missing(name: str) -> dict[str, str]:
    """Return the body of the answer to a request without a required parameter."""
    return {"error": "invalid_request", "error_description": f"The parameter {name} is missing in the body."}


def repeated(name: str) -> dict[str, str]:
    """Return the body of the answer to a form with a parameter twice."""
    return {"error": "invalid_request", "error_description": f"The parameter {name} must come once."}


def not_a_string(name: str) -> dict[str, str]:
    """Return the body of the answer to a JSON object with a parameter that is not a string."""
    return {"error": "invalid_request", "error_description": f"The parameter {name} must be a string."}


def store_of(app: Flask) -> Store:
    store: Store = app.extensions["tokenauth"].store
    return store


def load_revocations(app: Flask) -> None:
    """Load all revocations into an application. Its time stands still then; see :func:`pass_interval`."""
    app.extensions["tokenauth"].stored.feed.warm()


def pass_interval(*apps: Flask, after: timedelta = timedelta(seconds=1)) -> None:
    """Let the interval pass, so that applications load what others have revoked at their next request."""
    for app in apps:
        app.extensions["tokenauth"].stored.feed.monotonic.now += after.total_seconds()


def sign_in(app: Flask, user_id: object = "alice", scopes: Any = ("a", "b"), **options: Any) -> dict[str, Any]:
    """Sign in outside of a request, and return the body of the answer."""
    with app.app_context():
        body: dict[str, Any] = token_response(user_id, scopes, **options).get_json()
    return body


def refresh(app: Flask, token: str, **parameters: str) -> TestResponse:
    """Redeem a refresh token at the endpoint, as clients do."""
    form = {"grant_type": "refresh_token", "refresh_token": token, **parameters}
    return app.test_client().post("/auth/refresh", data=form)


def refreshed(app: Flask, token: str, **parameters: str) -> dict[str, Any]:
    """Redeem a good refresh token, and return the body of the answer."""
    answer = refresh(app, token, **parameters)
    assert answer.status_code == 200
    return answer.get_json()  # type: ignore[no-any-return]  # JSON may be any type


def successor(app: Flask, token: str) -> str:
    """Redeem a good refresh token, and return the next refresh token."""
    return str(refreshed(app, token)["refresh_token"])


def send(app: Flask, body: bytes | str, content_type: str | None = FORM, **options: Any) -> TestResponse:
    """Send *body*, of any kind, to the endpoint that redeems refresh tokens."""
    return app.test_client().post("/auth/refresh", data=body, content_type=content_type, **options)


def form_of(token: str, more: str = "") -> str:
    return f"grant_type=refresh_token&refresh_token={token}{more}"


def json_of(token: str, **more: object) -> str:
    return json.dumps({"grant_type": "refresh_token", "refresh_token": token, **more})


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1].encode()))
    return claims


def session_id_of(refresh_token: str) -> str:
    """Return the ID of a refresh token's session; this does not use the package's own function."""
    handle = base64url.decode(refresh_token.removeprefix("rt1_").encode())[:16]
    return base64url.encode(hashlib.sha256(handle).digest()[:16]).decode()


def session_of(app: Flask, refresh_token: str) -> Session | None:
    return store_of(app).find_session(session_id_of(refresh_token))


def sessions_of(app: Flask, user_id: str = "alice") -> list[Any]:
    return list_all(store_of(app), user_id)


def is_live(app: Flask, refresh_token: str) -> bool:
    return session_of(app, refresh_token) is not None


def generation_of(app: Flask, refresh_token: str) -> int:
    session = session_of(app, refresh_token)
    assert session is not None
    return session.generation


@contextmanager
def record_calls(store: Store) -> Iterator[list[str]]:
    """Yield a list that grows with the name of each method of the store that is called."""
    called: list[str] = []

    def recording(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            called.append(name)
            return real(*args, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in METHODS:
            patch.setattr(store, name, recording(name, getattr(store, name)))
        yield called


@contextmanager
def unavailable(store: Store, *methods: str) -> Iterator[None]:
    """Make *methods* of a store raise StoreUnavailable; without *methods*, all of them."""

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("nobody answers")

    with pytest.MonkeyPatch.context() as patch:
        for name in methods or METHODS:
            patch.setattr(store, name, fail)
        yield


@dataclass
class SignalLog:
    """The signals that were sent, in order."""

    sessions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    issued: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # of token_refused
