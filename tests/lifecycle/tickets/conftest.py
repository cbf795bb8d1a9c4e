"""Fixtures for the tests of tickets: an application that makes them, and has views that accept them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request

from flask_tokenauth import TokenAuth, login_required, require_scope
from flask_tokenauth.core.tokens.token import TokenKind
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp, StandingClock
from ...guards.ticket_kit import ACCEPT, show_caller
from ..conftest import signal_log
from ..looked_up.kit import state_of

__all__ = ["signal_log"]  # a fixture

MakeTicketApp = Callable[..., Flask]
ANY: tuple[TokenKind, ...] = (*ACCEPT, "api_key")


def add_views(app: Flask, auth: TokenAuth[Any]) -> Flask:
    """Add a view that makes a ticket with any arguments, and two that accept one."""

    def make() -> str:
        return auth.create_ticket(**request.get_json())

    app.add_url_rule("/tickets", "tickets", login_required(accept=ANY)(make), methods=["GET", "POST"])
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(show_caller()))
    app.add_url_rule("/reports", "reports", require_scope("reports:read", accept=ACCEPT)(show_caller()))
    return app


@pytest.fixture
def make_ticket_app(make_app: MakeApp, store: MemoryStore, clock: StandingClock) -> MakeTicketApp:
    """Return a function that makes an application which makes tickets. Keyword arguments are settings."""

    def make(*, auth: TokenAuth[Any] | None = None, **config: Any) -> Flask:
        auth = auth or TokenAuth()
        app = make_app(auth=auth, **{"TOKENAUTH_STORE": store, "TOKENAUTH_API_KEYS": True} | config)
        app.register_blueprint(auth.endpoints)
        feed = state_of(app).stored.feed
        if feed is not None:
            feed.monotonic = clock
        return add_views(app, auth)

    return make


@pytest.fixture
def app(make_ticket_app: MakeTicketApp) -> Flask:
    return make_ticket_app()
