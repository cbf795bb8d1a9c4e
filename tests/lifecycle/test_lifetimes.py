"""The end of a session: idle, too old, ended, or of a deleted user. The client does not learn which."""

from datetime import timedelta

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth

from .conftest import MakeSessionApp
from .kit import (
    IDLE,
    INVALID_GRANT,
    LIFETIME,
    MOMENT,
    WINDOW,
    Backend,
    SignalLog,
    claims_of,
    generation_of,
    is_live,
    refresh,
    refreshed,
    session_id_of,
    sign_in,
    store_of,
    successor,
)


@pytest.mark.parametrize(("later", "live"), [(IDLE - MOMENT, True), (IDLE, False), (IDLE + MOMENT, False)])
def test_a_session_ends_after_the_idle_lifetime(
    app: Flask, backend: Backend, signal_log: SignalLog, later: timedelta, *, live: bool
) -> None:
    token = sign_in(app)["refresh_token"]
    backend.age(session_id_of(token), later)

    answer = refresh(app, token)

    assert answer.status_code == (200 if live else 400)
    assert signal_log.reasons == ([] if live else ["session_over"])
    assert is_live(app, token) is live


def test_each_refresh_restarts_the_idle_lifetime(app: Flask, backend: Backend) -> None:
    token = sign_in(app)["refresh_token"]
    for _ in range(2):
        backend.age(session_id_of(token), IDLE - MOMENT)
        token = successor(app, token)

    assert is_live(app, token)


@pytest.mark.parametrize(("later", "live"), [(-MOMENT, True), (timedelta(0), False), (MOMENT, False)])
def test_an_active_session_ends_after_its_lifetime(
    app: Flask, backend: Backend, later: timedelta, *, live: bool
) -> None:
    token = sign_in(app)["refresh_token"]
    for _ in range(3):
        backend.age(session_id_of(token), IDLE - 2 * MOMENT)
        body = refreshed(app, token)
        token = body["refresh_token"]

    assert body["refresh_expires_in"] == 0  # six milliseconds are left
    backend.age(session_id_of(token), LIFETIME - 3 * (IDLE - 2 * MOMENT) + later)
    assert refresh(app, token).status_code == (200 if live else 400)


def test_the_lifetimes_come_from_the_settings(make_session_app: MakeSessionApp, backend: Backend) -> None:
    app = make_session_app(
        TOKENAUTH_REFRESH_IDLE_LIFETIME=60, TOKENAUTH_SESSION_LIFETIME=90, TOKENAUTH_REFRESH_RETRY_WINDOW=20
    )
    first = sign_in(app)
    token = first["refresh_token"]
    backend.age(session_id_of(token), timedelta(seconds=50))

    second = refreshed(app, token)
    backend.age(session_id_of(token), timedelta(seconds=19))

    assert (first["refresh_expires_in"], second["refresh_expires_in"]) == (60, 40)
    assert successor(app, token) == second["refresh_token"]
    backend.age(session_id_of(token), timedelta(seconds=21))
    assert refresh(app, second["refresh_token"]).get_json() == INVALID_GRANT


@pytest.mark.parametrize("end", ["reused", "expired", "ended", "user revoked", "forgotten"])
def test_the_answer_to_a_refused_refresh_does_not_show_the_reason(app: Flask, backend: Backend, end: str) -> None:
    token = sign_in(app)["refresh_token"]
    session_id, store = session_id_of(token), store_of(app)
    second = successor(app, token)
    if end == "reused":
        backend.age(session_id, WINDOW)
    elif end == "expired":
        backend.age(session_id, LIFETIME)
    elif end == "ended":
        store.end_session(session_id, retention=LIFETIME)
    elif end == "user revoked":
        store.revoke_user("alice", retention=LIFETIME, api_keys=False)
    else:
        store.end_session(session_id, retention=LIFETIME)
        store.purge()

    answers = [refresh(app, token), refresh(app, second)]

    assert [(answer.status_code, answer.get_json()) for answer in answers] == [(400, INVALID_GRANT)] * 2
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


@pytest.mark.parametrize("end", ["expired", "ended", "user revoked"])
def test_a_spent_token_of_an_ended_session_is_not_reported_as_reuse(
    app: Flask, backend: Backend, signal_log: SignalLog, end: str
) -> None:
    token = sign_in(app)["refresh_token"]
    successor(app, successor(app, token))
    if end == "expired":
        backend.age(session_id_of(token), LIFETIME)
    elif end == "ended":
        store_of(app).end_session(session_id_of(token), retention=LIFETIME)
    else:
        store_of(app).revoke_user("alice", retention=LIFETIME, api_keys=False)
    signal_log.sessions.clear()

    refresh(app, token)

    assert signal_log.sessions == []
    assert signal_log.reasons == ["session_over"]


def test_a_session_with_an_invalid_user_id_is_over(make_session_app: MakeSessionApp, signal_log: SignalLog) -> None:
    old = make_session_app()
    new = make_session_app(auth=TokenAuth(user_id_type=int), TOKENAUTH_STORE=store_of(old))
    token = sign_in(old, "alice")["refresh_token"]

    assert refresh(new, token).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["session_over"]
    assert generation_of(old, token) == 0
    assert claims_of(refreshed(new, sign_in(old, "42")["refresh_token"])["access_token"])["sub"] == "42"
