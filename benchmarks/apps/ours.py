"""Flask-TokenAuth."""

from typing import Any

from flask import Flask

from benchmarks.keys import Jwk
from flask_tokenauth import TokenAuth, login_required

from .bare import ISSUER, PATH, view


def make(jwk: Jwk, **config: Any) -> Flask:
    """Return an application that is guarded by ``login_required``; *config* goes to ``app.config``."""
    app = Flask("benchmarks", static_folder=None)
    app.config.update({"TOKENAUTH_KEYS": {"keys": [jwk]}, "TOKENAUTH_ISSUER": ISSUER} | config)
    TokenAuth(app)
    app.add_url_rule(PATH, view_func=login_required(view), methods=["GET", "POST"])
    return app
