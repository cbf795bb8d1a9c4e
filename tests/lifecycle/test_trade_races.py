"""Trades of one token at the same time start one session, on each store, and all get the same refresh token."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.store_contract.kit import at_once

from ..conftest import MakeApp, StandingClock
from ..engines.server import Server
from .conftest import Auth, MakeTradingApp
from .devices import log_out
from .kit import IDLE, INVALID_GRANT, PATIENT, Backend, SignalLog, sessions_of, store_of
from .old_libraries import add_trade_view, entry, old_claims, sign_old, trade, traded

THREADS = 32


class Theirs(MemoryStore):
    """A custom store: a class of another package."""


def trade_at_once(app: Flask, old: str) -> None:
    """Trade a token in many threads, and check that there is one session, which all answers are about."""
    bodies = at_once(THREADS, lambda _: traded(app, old))

    assert len({body["refresh_token"] for body in bodies}) == 1
    assert len({body["access_token"] for body in bodies}) == THREADS
    assert len(sessions_of(app)) == 1


def test_32_threads_make_one_session(make_trading_app: MakeTradingApp, old: str, signal_log: SignalLog) -> None:
    app = make_trading_app(TOKENAUTH_STORE_TIMEOUT=PATIENT)

    trade_at_once(app, old)

    names = [name for name, _ in signal_log.sessions]
    assert names.count("tokenauth-session-started") == 1
    assert names.count("tokenauth-refresh-retried") == THREADS - 1


@pytest.fixture(params=["postgresql_18", "postgresql_15", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def served_app(server: Server, make_app: MakeApp, auth: Auth, clock: StandingClock, patient: None) -> Iterator[Flask]:
    """An application with a store on a database server, at whose time the clock of the application stands."""
    clock.now = time.time()
    with server.new_database() as database:
        config = {"TOKENAUTH_STORE": server.url(database), "TOKENAUTH_STORE_TIMEOUT": PATIENT}
        app = make_app(auth=auth, TOKENAUTH_TRUSTED_ISSUERS=[entry()], TOKENAUTH_REFRESH_RETRY_WINDOW=60, **config)
        app.register_blueprint(auth.endpoints)
        yield add_trade_view(app, auth)
        store_of(app).close()


@pytest.mark.slow
def test_32_threads_make_one_session_on_a_server(served_app: Flask, clock: StandingClock) -> None:
    trade_at_once(served_app, sign_old(old_claims(clock.now)))


@pytest.mark.slow
def test_a_server_remembers_the_trade_of_a_purged_session(served_app: Flask, clock: StandingClock) -> None:
    old = sign_old(old_claims(clock.now))
    log_out(served_app, traded(served_app, old)["access_token"])

    assert store_of(served_app).purge(force=True) == 1
    assert trade(served_app, old).get_json() == INVALID_GRANT


MakeMeeting = Callable[..., Flask]


@pytest.fixture
def make_meeting(make_trading_app: MakeTradingApp) -> MakeMeeting:
    """Return a function that makes an application in which *work* runs during the first trade, before its session."""

    def make(work: Callable[[Flask], object], **config: Any) -> Flask:
        waiting = [work]

        def find_scopes(_: str) -> list[str]:
            if waiting:
                waiting.pop()(app)
            return ["a", "b"]

        app = make_trading_app(options={"scopes": find_scopes}, **config)
        return app

    return make


def test_a_trade_that_comes_second_gets_the_answer_of_the_first(make_meeting: MakeMeeting, old: str) -> None:
    first: list[dict[str, Any]] = []
    app = make_meeting(lambda app: first.append(traded(app, old)))

    second = traded(app, old)

    assert second["refresh_token"] == first[0]["refresh_token"]
    assert len(sessions_of(app)) == 1


def test_so_it_does_if_a_custom_store_reports_the_first_as_an_error(make_meeting: MakeMeeting, old: str) -> None:
    """The errors of a custom store count as outages, since their messages may have a password."""
    first: list[dict[str, Any]] = []
    store = Theirs()
    app = make_meeting(lambda app: first.append(traded(app, old)), TOKENAUTH_STORE=store)

    second = traded(app, old)

    assert second["refresh_token"] == first[0]["refresh_token"]


def test_with_a_window_of_zero_only_the_first_gets_an_answer(make_meeting: MakeMeeting, old: str) -> None:
    first: list[dict[str, Any]] = []
    app = make_meeting(lambda app: first.append(traded(app, old)), TOKENAUTH_REFRESH_RETRY_WINDOW=0)

    assert trade(app, old).get_json() == INVALID_GRANT
    assert first[0]["scope"] == "a b"


def test_a_session_that_has_ended_meanwhile_is_not_started_again(
    make_meeting: MakeMeeting, old: str, signal_log: SignalLog
) -> None:
    app = make_meeting(lambda app: log_out(app, traded(app, old)["access_token"]))

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["session_over"]


def test_a_user_who_is_revoked_meanwhile_gets_no_session(
    make_meeting: MakeMeeting, old: str, signal_log: SignalLog
) -> None:
    app = make_meeting(lambda app: store_of(app).revoke_user("alice", retention=IDLE, api_keys=False))

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["token_revoked"]
    assert sessions_of(app) == []


def test_a_trade_that_is_remembered_while_another_asks_is_met(
    make_trading_app: MakeTradingApp, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_trading_app()
    store, first = store_of(app), list[dict[str, Any]]()
    ask = store.is_revoked

    def trade_and_ask(**asked: Any) -> bool:
        monkeypatch.setattr(store, "is_revoked", ask)
        first.append(traded(app, old))
        return ask(**asked)

    monkeypatch.setattr(store, "is_revoked", trade_and_ask)

    assert traded(app, old)["refresh_token"] == first[0]["refresh_token"]


def test_a_lost_answer_of_the_store_is_met_by_the_next_trade(
    make_trading_app: MakeTradingApp, old: str, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session began, but the process ended before the trade was remembered and answered."""
    app = make_trading_app()
    with monkeypatch.context() as patch:
        patch.setattr(store_of(app), "revoke", crash)
        with pytest.raises(SystemExit):
            trade(app, old)

    assert trade(app, old).status_code == 200
    assert len(sessions_of(app)) == 1
    assert sessions_of(app)[0].started_at.timestamp() == backend.now


def crash(_: object) -> None:
    raise SystemExit
