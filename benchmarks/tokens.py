"""Keys and tokens for one run. Flask-TokenAuth makes them; all measured applications accept them."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Flask

from flask_tokenauth import create_token
from flask_tokenauth.core import Key
from flask_tokenauth.testing import at

from .apps import ours
from .keys import Jwk

LIFETIME = timedelta(hours=12)  # longer than a run


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key, and a token that is signed with it."""

    jwk: Jwk
    token: str


def make_jwk(algorithm: str) -> Jwk:
    """Make a new key."""
    return Key.generate(algorithm).to_jwk(private=True)


def make_credentials(algorithm: str) -> Credentials:
    """Make a new key, and a token that is valid for hours."""
    jwk = make_jwk(algorithm)
    return Credentials(jwk, mint(ours.make(jwk)))


def mint(app: Flask, user_id: str = "alice") -> str:
    """Return a token of ordinary size."""
    with app.app_context():
        return create_token(user_id, ["reports:read", "reports:write"], expires_in=LIFETIME)


def mint_expired(app: Flask) -> str:
    """Return a token that expired yesterday."""
    with at(app, timedelta(days=-1)):
        return mint(app)
