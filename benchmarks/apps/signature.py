"""The floor: a view that verifies one signature and does nothing else about the token."""

from typing import Any

import jwt
from flask import Flask
from jwt.utils import base64url_decode

from benchmarks.keys import Jwk, public_half

from .bare import PATH, view


def make(jwk: Jwk, token: str) -> Flask:
    """Return the application that verifies the signature of *token*, taken apart beforehand, at each request."""
    prepared = jwt.PyJWK(public_half(jwk))
    algorithm, key = prepared.Algorithm, prepared.key
    message, _, text = token.encode().rpartition(b".")
    signature = base64url_decode(text)

    def verifying_view() -> dict[str, Any]:
        if not algorithm.verify(message, key, signature):
            raise RuntimeError("the signature is wrong")
        return view()

    app = Flask("benchmarks", static_folder=None)
    app.add_url_rule(PATH, view_func=verifying_view)
    return app
