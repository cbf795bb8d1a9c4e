"""Authlib: its resource protector, with its validator of RFC 9068 tokens."""

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask
from joserfc.jwk import KeySet, import_key

from benchmarks.keys import Jwk, public_half

from .bare import ISSUER, PATH, view

ALGORITHMS = ("HS256", "RS256", "ES256")  # its validator accepts no EdDSA


def make(jwk: Jwk) -> Flask:
    """Return an application that is guarded by ``ResourceProtector``."""
    keys = KeySet([import_key(public_half(jwk))])
    validator = JWTBearerTokenValidator(issuer=ISSUER, resource_server=ISSUER)
    validator.get_jwks = lambda: keys
    require_oauth = ResourceProtector()
    require_oauth.register_token_validator(validator)
    app = Flask("benchmarks", static_folder=None)
    app.add_url_rule(PATH, view_func=require_oauth()(view))
    return app
