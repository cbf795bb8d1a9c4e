"""Flask-JWT-Extended."""

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, jwt_required

from benchmarks.keys import Jwk, public_half

from .bare import ISSUER, PATH, view


def make(jwk: Jwk) -> Flask:
    """Return an application that is guarded by ``jwt_required``. Its keys are objects, so no request parses a key."""
    app = Flask("benchmarks", static_folder=None)
    signing, verifying = jwt.PyJWK(dict(jwk)).key, jwt.PyJWK(public_half(jwk)).key
    app.config.update(
        JWT_ALGORITHM=jwk["alg"],
        JWT_SECRET_KEY=signing,
        JWT_PRIVATE_KEY=signing,
        JWT_PUBLIC_KEY=verifying,
        JWT_DECODE_AUDIENCE=ISSUER,
        JWT_ENCODE_AUDIENCE=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_ISSUER=ISSUER,
    )
    JWTManager(app)
    app.add_url_rule(PATH, view_func=jwt_required()(view))
    return app


def manager_of(app: Flask) -> JWTManager:
    """Return the manager, which takes more callbacks."""
    manager: JWTManager = app.extensions["flask-jwt-extended"]
    return manager
