"""Fixtures for the tests of HTTP clients: two servers, and an application that can exchange tokens."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import create_token
from flask_tokenauth.core.keys.key import Key

from ..conftest import MakeApp, bearer
from .clients import CLIENTS, Client
from .services import Service, run_service

KEY = Key.generate("ES256", kid="k1")

MakeExchangeApp = Callable[..., Flask]
BeUser = Callable[..., None]


@pytest.fixture
def make_exchange_app(make_app: MakeApp) -> MakeExchangeApp:
    """Return a function that makes an application whose tokens others can verify."""

    def make(name: str = "tests", **config: Any) -> Flask:
        return make_app(name, **{"TOKENAUTH_KEYS": [KEY.to_jwk(private=True)]} | config)

    return make


def token_of(app: Flask, user: str = "alice", scopes: Any = ("reports:read",), **options: Any) -> str:
    with app.app_context():
        return create_token(user, scopes, **options)


@pytest.fixture
def exchanging(make_exchange_app: MakeExchangeApp) -> Flask:
    """An application; it is not called ``app``, for which pytest-flask makes a request."""
    return make_exchange_app()


@pytest.fixture
def as_alice(exchanging: Flask) -> Iterator[str]:
    """Be in a request of alice. The value is her token."""
    token = token_of(exchanging)
    with exchanging.test_request_context("/", headers=bearer(token)):
        yield token


@pytest.fixture(scope="session")
def _running() -> Iterator[list[Service]]:
    with ExitStack() as stack:
        yield [stack.enter_context(run_service()) for _ in range(2)]


@pytest.fixture
def service(_running: list[Service]) -> Service:
    """The server that may get tokens."""
    _running[0].reset()
    return _running[0]


@pytest.fixture
def foreign(_running: list[Service]) -> Service:
    """Another server, on another port."""
    _running[1].reset()
    return _running[1]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param
    return client
