"""Helpers for the tests of API keys and reference tokens."""

from typing import Any, Protocol

from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import ApiKey, NewApiKey, TokenAuth, create_token
from flask_tokenauth.application.app_state import AppState

from ...conftest import bearer

AUTH: TokenAuth[Any] = TokenAuth()  # its methods are about the current application
WITH_KEYS = {"TOKENAUTH_API_KEYS": True}


class Wait(Protocol):
    """Let seconds pass for all applications and their store."""

    def __call__(self, seconds: float) -> None: ...


def state_of(app: Flask) -> AppState:
    state: AppState = app.extensions["tokenauth"]
    return state


def make_key(app: Flask, user_id: object = "alice", scopes: Any = ("reports:read",), **options: Any) -> NewApiKey:
    with app.app_context():
        return AUTH.create_api_key(user_id, scopes, **{"name": "laptop"} | options)


def list_keys(app: Flask, user_id: object = "alice") -> list[ApiKey]:
    with app.app_context():
        return AUTH.list_api_keys(user_id)


def revoke_key(app: Flask, key_id: str) -> bool:
    with app.app_context():
        return AUTH.revoke_api_key(key_id)


def revoke_user(app: Flask, user_id: object = "alice", **options: Any) -> None:
    with app.app_context():
        AUTH.revoke_user(user_id, **options)


def make_reference(app: Flask, user_id: object = "alice", scopes: Any = ("reports:read",), **options: Any) -> str:
    with app.app_context():
        return create_token(user_id, scopes, format="reference", **options)


def get(app: Flask, path: str, text: str) -> TestResponse:
    """Send a request with a token or an API key, and close the answer, as a server does."""
    return app.test_client().get(path, headers=bearer(text), buffered=True)


def status(app: Flask, text: str, path: str = "/reports") -> int:
    """Return the status of a guarded view with a token or an API key."""
    return get(app, path, text).status_code
