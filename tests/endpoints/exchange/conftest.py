"""Fixtures for the tests of ``POST /auth/exchange``: workers with a private key, one store, and two callers."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.core.opaque.client_secret import write_hash

from ...core.trusted_issuers.rules_kit import issuer_with
from ...lifecycle.exchange.conftest import make_worker, mint, signal_log
from .kit import OTHER_CLIENT_SECRET, SCOPE, WITH_EXCHANGE

__all__ = ["make_worker", "mint", "signal_log"]  # fixtures

MakeApi = Callable[..., Flask]


@pytest.fixture
def make_api(make_worker: Callable[..., Flask]) -> MakeApi:
    """Return a function that makes an application with the endpoint. Keyword arguments are settings."""

    def make(*, auth: TokenAuth[Any] | None = None, **config: Any) -> Flask:
        auth = auth or TokenAuth()
        app = make_worker(auth=auth, **WITH_EXCHANGE | config)
        app.register_blueprint(auth.endpoints)
        return app

    return make


@pytest.fixture
def api(make_api: MakeApi) -> Flask:
    """Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_api()


@pytest.fixture
def open_api(make_api: MakeApi) -> Flask:
    """An application that accepts credentials of all kinds."""
    clients = WITH_EXCHANGE["TOKENAUTH_INTROSPECTION_CLIENTS"] | {"other": write_hash(OTHER_CLIENT_SECRET)}
    return make_api(
        TOKENAUTH_API_KEYS=True,
        TOKENAUTH_API_KEY_HEADER="X-API-Key",
        TOKENAUTH_INTROSPECTION_CLIENTS=clients,
        TOKENAUTH_TRUSTED_ISSUERS=[issuer_with(scopes={"exchange": SCOPE})],
    )
