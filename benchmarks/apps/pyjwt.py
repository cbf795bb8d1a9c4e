"""PyJWT alone: people often write ``jwt.decode`` in a ``before_request`` function."""

from collections.abc import Callable
from typing import Any

import jwt
from flask import Flask, Response, abort, g, request

from benchmarks.keys import Jwk, public_half

from .bare import ISSUER, PATH, view


def make_decoder(jwk: Jwk) -> Callable[[str], dict[str, Any]]:
    """Return a function that decodes a token with a prepared key, and checks the claims that PyJWT knows."""
    key, algorithms = jwt.PyJWK(public_half(jwk)).key, [jwk["alg"]]

    def decode(token: str) -> dict[str, Any]:
        return jwt.decode(token, key, algorithms=algorithms, audience=ISSUER, issuer=ISSUER)

    return decode


def make(jwk: Jwk) -> Flask:
    """Return an application with such a function."""
    decode = make_decoder(jwk)

    def authenticate() -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme != "Bearer":
                raise jwt.InvalidTokenError
            g.claims = decode(token)
        except jwt.InvalidTokenError:
            abort(Response('{"error":"invalid_token"}', 401, {"WWW-Authenticate": "Bearer"}))

    app = Flask("benchmarks", static_folder=None)
    app.before_request(authenticate)
    app.add_url_rule(PATH, view_func=view)
    return app
