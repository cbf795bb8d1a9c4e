"""Fixtures for the tests of API keys and reference tokens: workers and a store whose clocks stand together."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g

from flask_tokenauth import TokenAuth, login_optional, login_required, require_scope
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp, StandingClock, whoami
from ..conftest import login, signal_log
from .kit import WITH_KEYS, Wait, state_of

__all__ = ["signal_log"]  # a fixture

MakeWorker = Callable[..., Flask]


@pytest.fixture
def wait(clock: StandingClock) -> Wait:
    def let_pass(seconds: float) -> None:
        clock.now += seconds

    return let_pass


def show_token() -> dict[str, object]:
    token = g.token
    return {"kind": token.kind, "user_id": g.user_id, "scopes": sorted(g.scopes), "claims": token.to_dict()}


@pytest.fixture
def make_worker(make_app: MakeApp, store: MemoryStore, clock: StandingClock) -> MakeWorker:
    """Return a function that makes a worker with API keys. All workers have one store. Keyword arguments are settings.

    All clocks are one, so that revocations are fetched when their interval has passed.
    """

    def make(*, auth: TokenAuth[Any] | None = None, **config: object) -> Flask:
        auth = auth or TokenAuth()
        app = make_app(auth=auth, **{"TOKENAUTH_STORE": store} | WITH_KEYS | config)
        app.register_blueprint(auth.endpoints)
        app.add_url_rule("/login", view_func=login, methods=["POST"])
        app.add_url_rule("/open", view_func=whoami(), endpoint="open")
        app.add_url_rule("/maybe", view_func=login_optional(whoami()), endpoint="maybe")
        app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
        app.add_url_rule("/recent", view_func=login_required(max_age=60)(whoami()), endpoint="recent")
        app.add_url_rule("/reports", view_func=require_scope("reports:read")(whoami()), endpoint="reports")
        app.add_url_rule("/token", view_func=login_required(api_keys=True)(show_token), endpoint="token")
        feed = state_of(app).stored.feed
        if feed is not None:
            feed.monotonic = clock
        return app

    return make


@pytest.fixture
def app(make_worker: MakeWorker) -> Flask:
    return make_worker()
