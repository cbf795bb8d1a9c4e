"""The roll-out of docs/coming_from_flask_jwt_extended.rst: the real Flask-JWT-Extended issues the old tokens.

Some users log in before it, and one during it. Each client opens a view each day, and is changed at another time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask, Response, g
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt,
    get_jwt_identity,
    jwt_required,
)
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth, login_required, public, token_response
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp, StandingClock, bearer
from .conftest import Auth
from .kit import claims_of
from .old_libraries import OLD_SECRET, add_trade_view, entry, stop_at, trade

DAY = timedelta(days=1).total_seconds()
UNTIL = 40  # days after the beginning

MakeStep = Callable[..., Flask]


def make_old_app(blocklist: set[str]) -> Flask:
    """Return the application as it was: a login, a refresh and a view of Flask-JWT-Extended."""
    app = Flask("reporting")
    app.add_url_rule("/login/<name>", view_func=log_in_at_old_app, methods=["POST"])
    app.add_url_rule("/me", view_func=jwt_required()(lambda: {"user_id": get_jwt_identity()}), endpoint="me")
    return add_old_library(app, blocklist)


def add_old_library(app: Flask, blocklist: set[str]) -> Flask:
    """Add Flask-JWT-Extended and its endpoint for refreshes, and return the application."""
    app.config["JWT_SECRET_KEY"] = OLD_SECRET
    JWTManager(app).token_in_blocklist_loader(lambda _, claims: claims["jti"] in blocklist)
    app.add_url_rule("/refresh", view_func=public(jwt_required(refresh=True)(refresh_at_old_app)), methods=["POST"])
    return app


def log_in_at_old_app(name: str) -> dict[str, str]:
    return {"access_token": create_access_token(name), "refresh_token": create_refresh_token(name)}


def refresh_at_old_app() -> dict[str, str]:
    assert get_jwt()["type"] == "refresh"
    return {"access_token": create_access_token(get_jwt_identity())}


def log_in(name: str) -> Response:
    return token_response(name)


@dataclass
class Client:
    """A client of one user, which keeps its tokens. A 401 lets it refresh once, as clients do."""

    clock: StandingClock
    tokens: dict[str, Any]
    is_changed: bool = False

    @classmethod
    def log_in(cls, app: Flask, name: str, clock: StandingClock) -> "Client":
        with stop_at(clock.now):
            answer = app.test_client().post(f"/login/{name}")
        assert answer.status_code == 200
        return cls(clock, answer.get_json())

    def open(self, app: Flask) -> str:
        """Open the view, and return the user that it shows."""
        answer = self._ask(app)
        if answer.status_code == 401:
            self._refresh(app)
            answer = self._ask(app)
        assert answer.status_code == 200
        return str(answer.get_json()["user_id"])

    def _ask(self, app: Flask) -> TestResponse:
        with stop_at(self.clock.now):
            return app.test_client().get("/me", headers=bearer(self.tokens["access_token"]))

    def _refresh(self, app: Flask) -> None:
        token: str = self.tokens["refresh_token"]
        with stop_at(self.clock.now):
            if token.startswith("rt1_"):
                form = {"grant_type": "refresh_token", "refresh_token": token}
                answer = app.test_client().post("/auth/refresh", data=form)
            elif self.is_changed:
                answer = trade(app, token)
            else:
                answer = app.test_client().post("/refresh", headers=bearer(token))
        assert answer.status_code == 200
        self.tokens |= answer.get_json()


@pytest.fixture
def blocklist() -> set[str]:
    return set()


@pytest.fixture
def make_step(make_app: MakeApp, clock: StandingClock, blocklist: set[str]) -> MakeStep:
    """Return a function that makes the new application at one step: with or without the old tokens, and the trade."""
    store = MemoryStore(clock=lambda: int(clock.now * 1000))
    until = datetime.fromtimestamp(NOW + UNTIL * DAY, UTC)

    def make(*, believes: bool, trades: bool) -> Flask:
        auth: Auth = TokenAuth()
        trust = [entry(until=until, revoked=lambda token: token.token_id in blocklist)] if believes else []
        app = make_app(auth=auth, TOKENAUTH_STORE=store, TOKENAUTH_TRUSTED_ISSUERS=trust)
        app.register_blueprint(auth.endpoints)
        app.add_url_rule("/login/<name>", view_func=public(log_in), methods=["POST"])
        app.add_url_rule("/me", view_func=login_required(lambda: {"user_id": g.user_id}), endpoint="me")
        if believes:
            add_old_library(app, blocklist)
        return add_trade_view(app, auth) if trades else app

    return make


@pytest.mark.slow
def test_in_three_steps_no_user_is_logged_out(make_step: MakeStep, clock: StandingClock) -> None:
    """Old refresh tokens live for 30 days. Alice changes her client on the last of them, bob as soon as he can."""
    steps = {
        0: make_old_app(set()),
        1: make_step(believes=True, trades=False),
        10: make_step(believes=True, trades=True),
        UNTIL + 1: make_step(believes=False, trades=False),
    }
    app = steps[0]
    clients = {name: Client.log_in(app, name, clock) for name in ("alice", "bob")}
    changes = {10: "bob", 29: "alice"}

    for day in range(UNTIL + 20):
        clock.now = NOW + day * DAY
        app = steps.get(day, app)
        if day == 2:
            clients["carol"] = Client.log_in(app, "carol", clock)
        if day in changes:
            clients[changes[day]].is_changed = True
        for name, client in clients.items():
            assert client.open(app) == name

    assert {client.tokens["refresh_token"][:4] for client in clients.values()} == {"rt1_"}


@pytest.mark.parametrize(("day", "status"), [(UNTIL - 0.001, 200), (UNTIL, 401), (UNTIL + 1, 401)])
def test_after_the_last_step_old_tokens_are_refused(
    make_step: MakeStep, clock: StandingClock, *, day: float, status: int
) -> None:
    app = make_step(believes=True, trades=True)
    clock.now = NOW + day * DAY

    login = Client.log_in(make_old_app(set()), "alice", clock).tokens

    assert app.test_client().get("/me", headers=bearer(login["access_token"])).status_code == status
    assert trade(app, login["refresh_token"]).status_code == (200 if status == 200 else 400)


def test_in_each_step_a_blocked_token_is_refused(
    make_step: MakeStep, clock: StandingClock, blocklist: set[str]
) -> None:
    login = Client.log_in(make_old_app(blocklist), "alice", clock).tokens
    app = make_step(believes=True, trades=True)
    blocklist.update(claims_of(token)["jti"] for token in login.values())

    assert app.test_client().get("/me", headers=bearer(login["access_token"])).status_code == 401
    assert trade(app, login["refresh_token"]).status_code == 400
    with stop_at(clock.now):
        assert app.test_client().post("/refresh", headers=bearer(login["refresh_token"])).status_code == 401
