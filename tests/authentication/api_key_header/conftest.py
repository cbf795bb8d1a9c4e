"""Fixtures for the tests of the header for API keys: an application, a good key, and the log."""

import logging

import pytest
from flask import Flask, g

from flask_tokenauth import require_scope
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp
from ...guards.kinds_kit import add_api_key, looked_up


@pytest.fixture
def app(make_app: MakeApp, store: MemoryStore) -> Flask:
    app = make_app(**looked_up(store))
    app.add_url_rule("/x", "x", require_scope("reports:read")(lambda: f"of {g.user_id}"))
    app.add_url_rule("/open", "open", lambda: f"of {g.user_id}")
    return app


@pytest.fixture
def key(store: MemoryStore) -> str:
    return add_api_key(store)


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "flask_tokenauth")
    return caplog
