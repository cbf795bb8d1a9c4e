"""Helpers for the tests of revocation."""

from datetime import datetime, timedelta
from typing import Any, Protocol

from flask import Flask

from flask_tokenauth import TokenAuth, create_token

from ...conftest import bearer

MODES = ["feed", "strict"]  # these modes refuse revoked tokens
ALL_MODES = [*MODES, "off"]


class PassTime(Protocol):
    """Let time pass for applications and for their store."""

    def __call__(self, duration: timedelta, /, *apps: Flask) -> None: ...


def issue(app: Flask, user_id: object = "alice", scopes: Any = (), **options: Any) -> str:
    """Return an access token without a session."""
    with app.app_context():
        return create_token(user_id, scopes, **options)


def revoke_current(app: Flask, token: str) -> None:
    """Revoke the token of a request, as a view does."""
    with app.test_request_context(headers=bearer(token)):
        TokenAuth().revoke_token()


def revoke_id(app: Flask, token_id: str, *, expires_at: datetime | None = None) -> None:
    """Revoke a token by its ID."""
    with app.app_context():
        TokenAuth().revoke_token(token_id, expires_at=expires_at)
