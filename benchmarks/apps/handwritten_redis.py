"""Refresh tokens as many write them with redis-py and PyJWT: a JWT, whose ID is spent by ``SET … NX``.

A refresh is one command. The server knows nothing else of a session: it cannot be listed, and a token that is used
twice does not end it.
"""

from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

import jwt
from flask import Flask, Response, abort, current_app, jsonify, request

from benchmarks.databases import connect_to_redis

from .bare import ISSUER

FIELD = "refresh_token"  # of the form and of the answer
_SECRET = "d41a9c0e5b7f2836" * 4
_ACCESS, _IDLE = timedelta(minutes=15), timedelta(days=30)


def make(url: str) -> Flask:
    """Return an application that keeps the IDs of spent tokens on the server at *url*."""
    app = Flask("benchmarks", static_folder=None)
    app.extensions["redis"] = connect_to_redis(url)
    app.add_url_rule("/login", view_func=_login, methods=["POST"])
    app.add_url_rule("/auth/refresh", view_func=_refresh, methods=["POST"])
    return app


def create_tables(app: Flask) -> None:
    """Do nothing: keys need no preparation."""


def _login() -> Response:
    return _answer(request.form["user"], token_urlsafe(16))


def _refresh() -> Response:
    try:
        claims = jwt.decode(request.form[FIELD], _SECRET, ["HS256"], audience=f"{ISSUER}/refresh", issuer=ISSUER)
    except jwt.InvalidTokenError:
        abort(401)
    left = claims["exp"] - int(datetime.now(UTC).timestamp())
    if not current_app.extensions["redis"].set(f"used:{claims['jti']}", 1, nx=True, ex=max(1, left)):
        abort(401)
    return _answer(claims["sub"], claims["sid"])


def _answer(user: str, session_id: str) -> Response:
    access = _encode(user, session_id, ISSUER, _ACCESS)
    refresh = _encode(user, session_id, f"{ISSUER}/refresh", _IDLE)
    return jsonify(access_token=access, refresh_token=refresh, token_type="Bearer", expires_in=_ACCESS.seconds)


def _encode(user: str, session_id: str, audience: str, lifetime: timedelta) -> str:
    now = datetime.now(UTC)
    claims: dict[str, Any] = {"iss": ISSUER, "aud": audience, "sub": user, "sid": session_id}
    return jwt.encode(claims | {"jti": token_urlsafe(16), "iat": now, "exp": now + lifetime}, _SECRET, "HS256")
