"""Fixtures for the tests of sessions: an application with a store of each kind, and a log of its signals."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from blinker import Signal
from flask import Flask, Response, request

from flask_tokenauth import (
    TokenAuth,
    login_optional,
    login_required,
    token_accepted,
    token_issued,
    token_refused,
    token_response,
)
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp, StandingClock, whoami
from ..leaks import SIGNALS
from ..stores import memory_kit, sqlite_kit
from .devices import Login
from .kit import Backend, SignalLog, sign_in, store_of
from .old_libraries import add_trade_view, entry, old_claims, sign_old

SESSIONS = [signal for signal in SIGNALS if signal not in (token_accepted, token_issued, token_refused)]


# On SQLite the same tests take three times as long, and each of them waits for the file.
STORES = ["memory", pytest.param("sqlite", marks=[pytest.mark.slow, pytest.mark.dependencies])]


@pytest.fixture(params=STORES)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return make_backend(request.param, tmp_path)


def make_backend(kind: str, tmp_path: Path) -> Backend:
    now = int(time.time())
    if kind == "memory":
        store = MemoryStore(clock=lambda: now * 1000)
        return Backend(store, now, memory_kit.ager(store), memory_kit.generation_setter(store))
    path = tmp_path / "sessions.db"
    engine = sqlite_kit.engine_where_time_stands_still(path, now)
    return Backend(engine, now, sqlite_kit.ager(path), sqlite_kit.generation_setter(path))


Auth = TokenAuth[Any]


@pytest.fixture
def auth() -> Auth:
    return TokenAuth()


MakeSessionApp = Callable[..., Flask]


@pytest.fixture
def make_session_app(make_app: MakeApp, auth: TokenAuth[Any], backend: Backend) -> Iterator[MakeSessionApp]:
    """Return a function that makes an application with sessions. Keyword arguments are settings."""
    made: list[Flask] = []

    def make(name: str = "tests", *, auth: TokenAuth[Any] = auth, **config: object) -> Flask:
        app = make_app(name, auth=auth, **{"TOKENAUTH_STORE": backend.source} | config)
        app.register_blueprint(auth.endpoints)
        app.add_url_rule("/login", view_func=login, methods=["POST"])
        app.add_url_rule("/open", view_func=whoami(), endpoint="open")
        app.add_url_rule("/maybe", view_func=login_optional(whoami()), endpoint="maybe")
        app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
        made.append(app)
        return app

    yield make
    for app in made:
        store_of(app).close()


@pytest.fixture
def app(make_session_app: MakeSessionApp) -> Flask:
    return make_session_app()


@pytest.fixture
def api(make_session_app: MakeSessionApp) -> Flask:
    """An application with sessions. Its name is not ``app``, since pytest-flask would push a request of it."""
    return make_session_app()


@pytest.fixture
def phone(app: Flask) -> Login:
    return sign_in(app, label="phone")


@pytest.fixture
def laptop(app: Flask) -> Login:
    return sign_in(app, label="laptop")


@pytest.fixture
def token(app: Flask) -> str:
    return str(sign_in(app)["refresh_token"])


MakeTradingApp = Callable[..., Flask]


@pytest.fixture
def make_trading_app(make_session_app: MakeSessionApp, clock: StandingClock, backend: Backend) -> MakeTradingApp:
    """Return a function that makes an application at which old refresh tokens are traded, in the time of the store.

    Its arguments are the entries of the issuers that are trusted, and settings. ``options`` are those of the trade.
    """
    clock.now = backend.now

    def make(*entries: object, options: dict[str, Any] | None = None, **config: Any) -> Flask:
        auth: Auth = config.pop("auth", None) or TokenAuth()
        app = make_session_app(auth=auth, TOKENAUTH_TRUSTED_ISSUERS=entries or (entry(),), **config)
        return add_trade_view(app, auth, **(options or {}))

    return make


@pytest.fixture
def trading_app(make_trading_app: MakeTradingApp) -> Flask:
    return make_trading_app()


@pytest.fixture
def old(backend: Backend) -> str:
    """A refresh token of Flask-JWT-Extended."""
    return sign_old(old_claims(backend.now))


def login() -> Response:
    """Log in a user by name, without a password."""
    return token_response(request.form["username"], ["a", "b"], label=request.form.get("label"))


@pytest.fixture
def signal_log() -> Iterator[SignalLog]:
    signal_log = SignalLog()
    listeners: list[tuple[Signal, Callable[..., None]]] = [
        (token_issued, lambda _, **told: signal_log.issued.append(told)),
        (token_refused, lambda _, reason: signal_log.reasons.append(reason)),
        *((signal, note_in(signal_log, signal.name)) for signal in SESSIONS),
    ]
    for signal, listener in listeners:
        signal.connect(listener)
    yield signal_log
    for signal, listener in listeners:
        signal.disconnect(listener)


def note_in(signal_log: SignalLog, signal: str) -> Callable[..., None]:
    """Return a listener that notes the facts of a signal with this name."""
    return lambda _, **told: signal_log.sessions.append((signal, told))
