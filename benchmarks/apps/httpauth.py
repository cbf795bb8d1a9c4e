"""Flask-HTTPAuth with a callback that decodes with PyJWT."""

from typing import Any

import jwt
from flask import Flask
from flask_httpauth import HTTPTokenAuth

from benchmarks.keys import Jwk

from .bare import PATH, view
from .pyjwt import make_decoder


def make(jwk: Jwk) -> Flask:
    """Return an application that is guarded by ``HTTPTokenAuth.login_required``."""
    decode = make_decoder(jwk)

    def verify(token: str) -> dict[str, Any] | None:
        try:
            return decode(token)
        except jwt.InvalidTokenError:
            return None

    auth = HTTPTokenAuth(scheme="Bearer")
    auth.verify_token(verify)
    app = Flask("benchmarks", static_folder=None)
    app.add_url_rule(PATH, view_func=auth.login_required(view))
    return app
