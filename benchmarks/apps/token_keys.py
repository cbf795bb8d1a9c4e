"""Flask-HTTPAuth with a key for each token in Redis, by redis-py. The key has the SHA-256 of the token."""

import hashlib
from secrets import token_urlsafe
from typing import Any

from flask import Flask
from flask_httpauth import HTTPTokenAuth

from .bare import PATH, view


def make(client: Any) -> tuple[Flask, str]:
    """Return an application with its tokens on a server, and a token that it accepts.

    Args:
        client: of redis-py.
    """
    app = Flask("benchmarks", static_folder=None)
    text = token_urlsafe(32)
    client.set(_key(text), "alice")
    auth = HTTPTokenAuth(scheme="Bearer")

    def verify(token: str) -> Any:
        found = client.get(_key(token))
        return None if found is None else found.decode()

    auth.verify_token(verify)
    app.add_url_rule(PATH, view_func=auth.login_required(view))
    return app, text


def _key(text: str) -> str:
    return f"token:{hashlib.sha256(text.encode()).hexdigest()}"
