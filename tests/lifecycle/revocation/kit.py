"""What the tests of revocation share."""

from datetime import datetime, timedelta
from typing import Any, Protocol

from flask import Flask

from flask_tokenauth import TokenAuth, create_token

from ...conftest import bearer

MODES = ["feed", "strict"]  # in which what is revoked is refused
ALL_MODES = [*MODES, "off"]


class Pass(Protocol):
    """Lets time pass for applications and for their store."""

    def __call__(self, duration: timedelta, /, *apps: Flask) -> None: ...


def issue(app: Flask, user_id: object = "alice", scopes: Any = (), **options: Any) -> str:
    """Return an access token that belongs to no session."""
    with app.app_context():
        return create_token(user_id, scopes, **options)


def revoke_current(app: Flask, token: str) -> None:
    """Revoke a token as a view does that it was sent to."""
    with app.test_request_context(headers=bearer(token)):
        TokenAuth().revoke_token()


def revoke_id(app: Flask, token_id: str, *, expires_at: datetime | None = None) -> None:
    """Revoke the token of an ID."""
    with app.app_context():
        TokenAuth().revoke_token(token_id, expires_at=expires_at)
