"""Run oidc-provider-mock, whose key set has no ``alg``. Its access tokens are no JWTs; its ID tokens are."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from warnings import catch_warnings

import requests
from flask import Flask, g

from flask_tokenauth.core import Key
from flask_tokenauth.core.tokens import jws

from ..caches.kit import serving as serving_app
from .conftest import PATIENCE

CALLBACK = "https://app.example/callback"
CLIENT = "web"


class MockProvider:
    """A running provider. It accepts each client."""

    def __init__(self, app: Flask, port: int) -> None:
        self._app = app
        self.issuer = f"http://127.0.0.1:{port}"

    def sign_in(self, user: str) -> str:
        """Return the ID token of a user, from the authorization code flow."""
        request = {"client_id": CLIENT, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
        answer = requests.post(
            f"{self.issuer}/oauth2/authorize",
            params=request,
            data={"sub": user},
            allow_redirects=False,
            timeout=PATIENCE,
        )
        [code] = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        tokens = requests.post(f"{self.issuer}/oauth2/token", auth=(CLIENT, "any"), data=form, timeout=PATIENCE)
        found: str = tokens.json()["id_token"]
        return found

    def fetch_keys(self) -> list[dict[str, Any]]:
        """Return the keys that it publishes."""
        metadata = requests.get(f"{self.issuer}/.well-known/openid-configuration", timeout=PATIENCE).json()
        found: list[dict[str, Any]] = requests.get(metadata["jwks_uri"], timeout=PATIENCE).json()["keys"]
        return found

    def sign(self, claims: dict[str, Any], *, alg: str) -> str:
        """Sign claims with its key and another algorithm for RSA."""
        with self._app.test_request_context():
            self._app.preprocess_request()
            jwk = g.oidc_provider_mock_storage.jwk.as_dict(is_private=True)
        return jws.sign(json.dumps(claims).encode(), Key.from_jwk(jwk, alg=alg), typ=None)


@contextmanager
def serving() -> Iterator[MockProvider]:
    """Run a provider."""
    with catch_warnings(record=True):  # it uses a module that Authlib will remove
        import oidc_provider_mock  # noqa: PLC0415  # it may be missing

    app = oidc_provider_mock.app()
    with serving_app(app) as port:
        yield MockProvider(app, port)
