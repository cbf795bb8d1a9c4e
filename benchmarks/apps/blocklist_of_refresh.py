"""Flask-JWT-Extended with refresh tokens that are blocked in Redis once they are used, as in its documentation.

The look-up and the block are two commands, so two requests with one token can both succeed.
"""

from datetime import UTC, datetime, timedelta

from flask import Flask, Response, current_app, jsonify, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt,
    get_jwt_identity,
    verify_jwt_in_request,
)

from benchmarks.databases import connect_to_redis

from .bare import ISSUER
from .blocklists import block

FIELD = "refresh_token"  # of the form and of the answer
_SECRET = "d41a9c0e5b7f2836" * 4
_IDLE = timedelta(days=30)


def make(url: str) -> Flask:
    """Return an application that keeps the IDs of blocked tokens on the server at *url*."""
    app = Flask("benchmarks", static_folder=None)
    app.config |= {
        "JWT_SECRET_KEY": _SECRET,
        "JWT_DECODE_ISSUER": ISSUER,
        "JWT_ENCODE_ISSUER": ISSUER,
        "JWT_REFRESH_TOKEN_EXPIRES": _IDLE,
    }
    client = app.extensions["redis"] = connect_to_redis(url)
    JWTManager(app)
    block(app, client)
    app.add_url_rule("/login", view_func=_login, methods=["POST"])
    app.add_url_rule("/auth/refresh", view_func=_refresh, methods=["POST"])
    return app


def create_tables(app: Flask) -> None:
    """Do nothing: keys need no preparation."""


def _login() -> Response:
    return _answer(request.form["user"])


def _refresh() -> Response:
    request.environ["HTTP_AUTHORIZATION"] = f"Bearer {request.form[FIELD]}"  # where the extension looks for it
    verify_jwt_in_request(refresh=True)
    claims = get_jwt()
    left = claims["exp"] - int(datetime.now(UTC).timestamp())
    current_app.extensions["redis"].set(claims["jti"], "", ex=max(1, left))
    return _answer(get_jwt_identity())


def _answer(user: str) -> Response:
    return jsonify(access_token=create_access_token(user), refresh_token=create_refresh_token(user))
