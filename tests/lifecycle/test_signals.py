"""What sessions tell those who listen: each signal with whose session it was, exactly when, and never a token."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import StoreUnavailable, TokenAuth, session_refreshed, session_started
from flask_tokenauth.core.records.grant import Grant

from .conftest import MakeSessionApp
from .kit import (
    WINDOW,
    Backend,
    Heard,
    away,
    refresh,
    refreshed,
    session_id_of,
    sign_in,
    store_of,
    successor,
)


@pytest.fixture
def token(app: Flask, heard: Heard) -> str:
    """A refresh token of a session whose beginning was heard already."""
    token = str(sign_in(app)["refresh_token"])
    heard.sessions.clear()
    heard.issued.clear()
    return token


def of(token: str, user_id: str = "alice") -> dict[str, str]:
    return {"session_id": session_id_of(token), "user_id": user_id}


def test_a_session_that_begins(app: Flask, heard: Heard) -> None:
    tokens = [sign_in(app, user_id)["refresh_token"] for user_id in ("alice", "bob")]

    assert heard.sessions == [
        ("tokenauth-session-started", of(tokens[0])),
        ("tokenauth-session-started", of(tokens[1], "bob")),
    ]


def test_a_session_that_does_not_begin(app: Flask, heard: Heard) -> None:
    with pytest.raises(ValueError, match="label"):
        sign_in(app, label="\n")
    with away(store_of(app)):
        app.test_client().post("/login", data={"username": "alice"})

    assert heard.sessions == []
    assert heard.issued == []


def test_a_refresh(app: Flask, heard: Heard, token: str) -> None:
    successor(app, token)

    assert heard.sessions == [("tokenauth-session-refreshed", of(token))]


def test_a_repeat_within_the_window(app: Flask, heard: Heard, token: str) -> None:
    successor(app, token)
    heard.sessions.clear()

    successor(app, token)

    assert heard.sessions == [("tokenauth-refresh-retried", of(token))]


@pytest.mark.parametrize("refreshes", [1, 2])
def test_a_repeat_after_the_window(app: Flask, backend: Backend, heard: Heard, token: str, refreshes: int) -> None:
    last = token
    for _ in range(refreshes):
        last = successor(app, last)
    backend.age(session_id_of(token), WINDOW)
    heard.sessions.clear()

    for each in (token, token, last):
        refresh(app, each)

    assert heard.sessions == [
        ("tokenauth-refresh-reused", of(token)),
        ("tokenauth-session-ended", of(token) | {"reason": "reused"}),
    ]
    assert heard.reasons == ["refresh_token_reused", "session_over", "session_over"]


def test_a_store_that_has_forgotten(app: Flask, backend: Backend, heard: Heard, token: str) -> None:
    last = successor(app, successor(app, token))
    backend.set_generation(session_id_of(token), 1)
    heard.sessions.clear()

    successor(app, last)
    successor(app, last)

    assert heard.sessions == [
        ("tokenauth-store-rolled-back", of(token)),
        ("tokenauth-session-refreshed", of(token)),
        ("tokenauth-refresh-retried", of(token)),
    ]


@pytest.mark.parametrize("parameters", [{"scope": "c"}, {"grant_type": "password"}, {"refresh_token": "rt1_"}])
def test_a_refresh_that_gets_nothing_and_spends_nothing(
    app: Flask, heard: Heard, token: str, parameters: dict[str, str]
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": token} | parameters

    assert app.test_client().post("/auth/refresh", data=form).status_code == 400

    assert (heard.sessions, heard.issued) == ([], [])


def test_a_refusal_of_the_application(app: Flask, auth: TokenAuth[Any], heard: Heard, token: str) -> None:
    auth.before_refresh(lambda session: None)

    refresh(app, token)

    assert (heard.sessions, heard.issued) == ([], [])


def test_an_outage(app: Flask, heard: Heard, token: str) -> None:
    with away(store_of(app), "redeem"):
        refresh(app, token)

    assert (heard.sessions, heard.issued) == ([], [])


def test_all_that_a_user_had_told_once_however_many_sessions(app: Flask, auth: TokenAuth[Any], heard: Heard) -> None:
    sign_in(app)
    sign_in(app)
    heard.sessions.clear()

    with app.app_context():
        auth.revoke_user("alice", api_keys=True)

    assert heard.sessions == [("tokenauth-user-revoked", {"user_id": "alice"})]


def test_all_that_a_user_had_who_is_named_as_text(make_session_app: MakeSessionApp, heard: Heard) -> None:
    auth: TokenAuth[int] = TokenAuth(user_id_type=int)

    with make_session_app(auth=auth).app_context():
        auth.revoke_user(42, api_keys=False)

    assert heard.sessions == [("tokenauth-user-revoked", {"user_id": "42"})]


def test_what_could_not_be_revoked(app: Flask, auth: TokenAuth[Any], heard: Heard) -> None:
    with away(store_of(app), "revoke_user"), app.app_context(), pytest.raises(StoreUnavailable):
        auth.revoke_user("alice", api_keys=True)

    assert heard.sessions == []


def test_each_access_token_is_told_as_any_other(make_session_app: MakeSessionApp, heard: Heard) -> None:
    auth: TokenAuth[int] = TokenAuth(user_id_type=int)
    app = make_session_app(auth=auth)

    login = sign_in(app, 42, audience="x", expires_in=60)
    auth.before_refresh(lambda session: Grant(scopes=("c",)))
    refreshed(app, login["refresh_token"])

    first, second = heard.issued
    assert (first["user_id"], first["scopes"], first["audience"]) == (42, {"a", "b"}, {"x"})
    assert first["expires_in"].total_seconds() == 60
    assert (second["user_id"], second["scopes"], second["audience"]) == (42, {"c"}, None)
    assert second["expires_in"].total_seconds() == 900


def test_the_application_sends_them(app: Flask) -> None:
    senders: list[object] = []

    def listen(sender: object, **_: object) -> None:
        senders.append(sender)

    with session_started.connected_to(listen), session_refreshed.connected_to(listen):
        successor(app, sign_in(app)["refresh_token"])

    assert senders == [app, app]
