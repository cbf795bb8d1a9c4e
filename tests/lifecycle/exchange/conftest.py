"""Fixtures for the tests of exchanged tokens: workers with a private key, one store, and clocks that stand together."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp, Mint, StandingClock
from ..conftest import signal_log
from ..looked_up.kit import state_of
from .kit import KEY, KEYS

__all__ = ["signal_log"]  # a fixture

MakeWorker = Callable[..., Flask]


@pytest.fixture
def mint() -> Mint:
    return Mint(KEY)


@pytest.fixture
def make_worker(make_app: MakeApp, store: MemoryStore, clock: StandingClock) -> MakeWorker:
    """Return a function that makes a worker. All have one store and one key. Keyword arguments are settings."""

    def make(*, auth: TokenAuth[Any] | None = None, **config: object) -> Flask:
        auth = auth or TokenAuth()
        app = make_app(auth=auth, **{"TOKENAUTH_STORE": store, "TOKENAUTH_KEYS": KEYS} | config)
        feed = state_of(app).stored.feed
        if feed is not None:
            feed.monotonic = clock
        return app

    return make


@pytest.fixture
def worker(make_worker: MakeWorker) -> Flask:
    """Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_worker()
