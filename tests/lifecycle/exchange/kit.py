"""Helpers for the tests of exchanged tokens."""

from typing import Any

from flask import Flask

from flask_tokenauth import Token, TokenAuth, create_token
from flask_tokenauth.core.keys.key import Key

from ...conftest import bearer

KEY = Key.generate("EdDSA")
KEYS = {"keys": [KEY.to_jwk(private=True)]}
PUBLIC_KEYS = {"keys": [KEY.to_jwk()]}
REPORTS = "https://reports.example"  # the next service
AUTH: TokenAuth[Any] = TokenAuth()  # its methods are about the current application


def exchange(app: Flask, token: str, audience: Any = REPORTS, **options: Any) -> str:
    """Return the token that a view of *app* makes from the token of its request."""
    with app.test_request_context(headers=bearer(token)):
        return AUTH.exchange(audience=audience, **options)


def verify(app: Flask, token: str, audience: str = REPORTS) -> Token:
    """Return a token that is for another service, as a worker of this service verifies it."""
    with app.app_context():
        return AUTH.verify(token, audience=audience)


def token_for(app: Flask, scopes: Any = ("reports:read",), user: object = "alice", **options: Any) -> str:
    with app.app_context():
        return create_token(user, scopes, **options)
