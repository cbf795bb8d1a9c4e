"""Fixtures for the tests of the endpoints for API keys: the workers of the tests of API keys."""

from typing import Any

import pytest
from flask import Flask

from ...lifecycle.conftest import signal_log
from ...lifecycle.kit import SignalLog, sign_in
from ...lifecycle.looked_up.conftest import MakeWorker, make_worker, wait

__all__ = ["make_worker", "signal_log", "wait"]  # fixtures


@pytest.fixture
def api(make_worker: MakeWorker) -> Flask:
    """An application with API keys. Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_worker()


@pytest.fixture
def login(api: Flask, signal_log: SignalLog) -> dict[str, Any]:
    login = sign_in(api, scopes=["reports:read", "reports:write"])
    signal_log.sessions.clear()
    return login
