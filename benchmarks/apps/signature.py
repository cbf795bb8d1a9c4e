"""The least that a guard can cost: a view that verifies one signature and does nothing else with the token."""

from typing import Any

import jwt
from flask import Flask
from jwt.utils import base64url_decode

from benchmarks.keys import Jwk, public_half

from .bare import PATH, view


def make(jwk: Jwk, token: str, **config: Any) -> Flask:
    """Return an application that verifies the signature of *token* at each request. The token is split beforehand."""
    prepared = jwt.PyJWK(public_half(jwk))
    algorithm, key = prepared.Algorithm, prepared.key
    message, _, encoded = token.encode().rpartition(b".")
    signature = base64url_decode(encoded)

    def verifying_view() -> dict[str, Any]:
        if not algorithm.verify(message, key, signature):
            raise RuntimeError("the signature is wrong")
        return view()

    app = Flask("benchmarks", static_folder=None)
    app.config.update(config)
    app.add_url_rule(PATH, view_func=verifying_view)
    return app
