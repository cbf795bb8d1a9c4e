"""The signals of sessions: each names its session, is sent exactly when it happens, and carries no token."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import StoreUnavailable, TokenAuth, session_refreshed, session_started
from flask_tokenauth.core.records.grant import Grant

from .conftest import MakeSessionApp
from .kit import (
    WINDOW,
    Backend,
    SignalLog,
    refresh,
    refreshed,
    session_id_of,
    sign_in,
    store_of,
    successor,
    unavailable,
)


@pytest.fixture
def token(app: Flask, signal_log: SignalLog) -> str:
    """A refresh token of a session whose first signals were removed from the log."""
    token = str(sign_in(app)["refresh_token"])
    signal_log.sessions.clear()
    signal_log.issued.clear()
    return token


def facts_of(token: str, user_id: str = "alice") -> dict[str, str]:
    return {"session_id": session_id_of(token), "user_id": user_id}


def test_a_sign_in_sends_session_started(app: Flask, signal_log: SignalLog) -> None:
    tokens = [sign_in(app, user_id)["refresh_token"] for user_id in ("alice", "bob")]

    assert signal_log.sessions == [
        ("tokenauth-session-started", facts_of(tokens[0])),
        ("tokenauth-session-started", facts_of(tokens[1], "bob")),
    ]


def test_a_failed_sign_in_sends_no_signal(app: Flask, signal_log: SignalLog) -> None:
    with pytest.raises(ValueError, match="label"):
        sign_in(app, label="\n")
    with unavailable(store_of(app)):
        app.test_client().post("/login", data={"username": "alice"})

    assert signal_log.sessions == []
    assert signal_log.issued == []


def test_a_refresh_sends_session_refreshed(app: Flask, signal_log: SignalLog, token: str) -> None:
    successor(app, token)

    assert signal_log.sessions == [("tokenauth-session-refreshed", facts_of(token))]


def test_a_repeat_within_the_window_sends_refresh_retried(app: Flask, signal_log: SignalLog, token: str) -> None:
    successor(app, token)
    signal_log.sessions.clear()

    successor(app, token)

    assert signal_log.sessions == [("tokenauth-refresh-retried", facts_of(token))]


@pytest.mark.parametrize("refreshes", [1, 2])
def test_a_repeat_after_the_window_sends_refresh_reused_once(
    app: Flask, backend: Backend, signal_log: SignalLog, token: str, refreshes: int
) -> None:
    last = token
    for _ in range(refreshes):
        last = successor(app, last)
    backend.age(session_id_of(token), WINDOW)
    signal_log.sessions.clear()

    for refresh_token in (token, token, last):
        refresh(app, refresh_token)

    assert signal_log.sessions == [
        ("tokenauth-refresh-reused", facts_of(token)),
        ("tokenauth-session-ended", facts_of(token) | {"reason": "reused"}),
    ]
    assert signal_log.reasons == ["refresh_token_reused", "session_over", "session_over"]


def test_a_store_that_lost_writes_sends_store_rolled_back_once(
    app: Flask, backend: Backend, signal_log: SignalLog, token: str
) -> None:
    last = successor(app, successor(app, token))
    backend.set_generation(session_id_of(token), 1)
    signal_log.sessions.clear()

    successor(app, last)
    successor(app, last)

    assert signal_log.sessions == [
        ("tokenauth-store-rolled-back", facts_of(token)),
        ("tokenauth-session-refreshed", facts_of(token)),
        ("tokenauth-refresh-retried", facts_of(token)),
    ]


@pytest.mark.parametrize("parameters", [{"scope": "c"}, {"grant_type": "password"}, {"refresh_token": "rt1_"}])
def test_a_refused_refresh_sends_no_signal(
    app: Flask, signal_log: SignalLog, token: str, parameters: dict[str, str]
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": token} | parameters

    assert app.test_client().post("/auth/refresh", data=form).status_code == 400

    assert (signal_log.sessions, signal_log.issued) == ([], [])


def test_a_refusal_of_before_refresh_sends_no_signal(
    app: Flask, auth: TokenAuth[Any], signal_log: SignalLog, token: str
) -> None:
    auth.before_refresh(lambda session: None)

    refresh(app, token)

    assert (signal_log.sessions, signal_log.issued) == ([], [])


def test_an_outage_sends_no_signal(app: Flask, signal_log: SignalLog, token: str) -> None:
    with unavailable(store_of(app), "redeem"):
        refresh(app, token)

    assert (signal_log.sessions, signal_log.issued) == ([], [])


def test_revoke_user_sends_one_signal_for_all_sessions(app: Flask, auth: TokenAuth[Any], signal_log: SignalLog) -> None:
    sign_in(app)
    sign_in(app)
    signal_log.sessions.clear()

    with app.app_context():
        auth.revoke_user("alice", api_keys=True)

    assert signal_log.sessions == [("tokenauth-user-revoked", {"user_id": "alice", "api_keys": True})]


def test_user_revoked_has_the_user_id_as_a_string(make_session_app: MakeSessionApp, signal_log: SignalLog) -> None:
    auth: TokenAuth[int] = TokenAuth(user_id_type=int)

    with make_session_app(auth=auth).app_context():
        auth.revoke_user(42, api_keys=False)

    assert signal_log.sessions == [("tokenauth-user-revoked", {"user_id": "42", "api_keys": False})]


def test_a_failed_revoke_user_sends_no_signal(app: Flask, auth: TokenAuth[Any], signal_log: SignalLog) -> None:
    with unavailable(store_of(app), "revoke_user"), app.app_context(), pytest.raises(StoreUnavailable):
        auth.revoke_user("alice", api_keys=True)

    assert signal_log.sessions == []


def test_each_access_token_of_a_session_sends_token_issued(
    make_session_app: MakeSessionApp, signal_log: SignalLog
) -> None:
    auth: TokenAuth[int] = TokenAuth(user_id_type=int)
    app = make_session_app(auth=auth)

    login = sign_in(app, 42, audience="x", expires_in=60)
    auth.before_refresh(lambda session: Grant(scopes=("c",)))
    refreshed(app, login["refresh_token"])

    first, second = signal_log.issued
    assert (first["user_id"], first["scopes"], first["audience"]) == (42, {"a", "b"}, {"x"})
    assert first["expires_in"].total_seconds() == 60
    assert (second["user_id"], second["scopes"], second["audience"]) == (42, {"c"}, None)
    assert second["expires_in"].total_seconds() == 900


def test_the_sender_is_the_application(app: Flask) -> None:
    senders: list[object] = []

    def listen(sender: object, **_: object) -> None:
        senders.append(sender)

    with session_started.connected_to(listen), session_refreshed.connected_to(listen):
        successor(app, sign_in(app)["refresh_token"])

    assert senders == [app, app]
