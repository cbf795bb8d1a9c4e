"""Tokens of the libraries that applications used before, by the real ones or by hand, and a view that trades them."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import time_machine
from flask import Flask, Response, request
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth, public
from flask_tokenauth.core import Key
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.tokens import jws

from ..django_settings import set_up_django

OLD_SECRET = "c83d0f62a95e471bd7e0a6f4195b2c83e6d07fa1945bc2e8"
OTHER_SECRET = "0d9c5a7e1f3b48260d9ec7f5a1b3e4826c0d7f9ea5b1c384"
REFRESH_LIFETIME = timedelta(days=30)  # the default of Flask-JWT-Extended

Claims = dict[str, object]


def entry(**changes: object) -> dict[str, object]:
    """Return the entry of an old Flask-JWT-Extended for ``TOKENAUTH_TRUSTED_ISSUERS``, with *changes*."""
    usual: dict[str, object] = {
        "issuer": None,
        "audience": None,
        "profile": "flask-jwt-extended",
        "users": "shared",
        "secret": OLD_SECRET,
        "until": datetime(9000, 1, 1, tzinfo=UTC),
        "revoked": "never",
    }
    return usual | changes


def stop_at(now: float) -> AbstractContextManager[Any]:
    """Return a context in which a library issues tokens at *now*, in seconds."""
    return time_machine.travel(now, tick=False)


def make_old_app(**config: object) -> Flask:
    """Return an application with the real Flask-JWT-Extended."""
    app = Flask("old")
    app.config |= {"JWT_SECRET_KEY": OLD_SECRET, "JWT_REFRESH_TOKEN_EXPIRES": REFRESH_LIFETIME} | config
    JWTManager(app)
    return app


def issue_jwt_extended(now: float, user_id: str = "alice", *, access: bool = False, **config: object) -> str:
    """Return a refresh token, or an access token, that the real Flask-JWT-Extended issues at *now*."""
    create: Callable[[str], str] = create_access_token if access else create_refresh_token
    with make_old_app(**config).app_context(), stop_at(now):
        return create(user_id)


def load_simple_jwt() -> tuple[Any, Any]:
    """Return the modules of the real Simple JWT with its tokens and its signers."""
    set_up_django()
    return import_module("rest_framework_simplejwt.tokens"), import_module("rest_framework_simplejwt.backends")


def issue_simple_jwt(now: float, user_id: str = "42", *, access: bool = False) -> str:
    """Return a refresh token, or an access token, that the real Simple JWT issues at *now*."""
    tokens, backends = load_simple_jwt()
    kind = tokens.AccessToken if access else tokens.RefreshToken
    with stop_at(now):
        token = kind.for_user(SimpleNamespace(id=user_id))
        return str(backends.TokenBackend("HS256", OLD_SECRET).encode(token.payload))


def old_claims(now: float, **changes: object) -> Claims:
    """Return the claims of a refresh token of Flask-JWT-Extended with *changes*. The value ``...`` leaves one out."""
    good: Claims = {
        "fresh": False,
        "iat": now,
        "jti": "5f0c3d0e-6c1b-4a65-9d8e-7b2f4a1c9e03",
        "type": "refresh",
        "sub": "alice",
        "nbf": now,
        "csrf": "0d1c8f5e-93a7-4b1e-8c2d-6f4a5b7e9d10",
        "exp": now + REFRESH_LIFETIME.total_seconds(),
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def sign_old(claims: Mapping[str, object], key: Key | str = OLD_SECRET) -> str:
    """Return a token with any claims, signed as Flask-JWT-Extended signs."""
    signer = Key.from_secret(key) if isinstance(key, str) else key
    header = base64url.encode(json.dumps({"alg": signer.algorithm, "typ": "JWT"}).encode()) + b"."
    return jws.sign_under(header, json.dumps(claims).encode(), signer)


def add_trade_view(
    app: Flask, auth: TokenAuth[Any], *, rule: str = "/trade", scopes: Any = ("a", "b"), **options: Any
) -> Flask:
    """Add a view at which clients trade old refresh tokens, and return the application."""

    @public
    def view() -> Response:
        return auth.trade(request.form["refresh_token"], scopes, **options)

    app.add_url_rule(rule, view_func=view, endpoint=rule, methods=["POST"])
    return app


def trade(app: Flask, text: str, *, path: str = "/trade", **options: Any) -> TestResponse:
    """Trade a token at that view, as clients do."""
    return app.test_client().post(path, data={"refresh_token": text}, **options)


def traded(app: Flask, text: str) -> dict[str, Any]:
    """Trade a good token, and return the body of the answer."""
    answer = trade(app, text)
    assert answer.status_code == 200
    return answer.get_json()  # type: ignore[no-any-return]  # JSON may be any type
