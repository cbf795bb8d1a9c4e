"""Listing and ending sessions needs the token of a living session."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core import Key

from ..conftest import ISSUER, NOW, SECRET, Mint, StandingClock
from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.devices import ENDPOINTS, Endpoint, Login, id_of
from ..lifecycle.kit import (
    DAY,
    IDLE,
    LIFETIME,
    MOMENT,
    MOSTLY_IN_MEMORY,
    Backend,
    SignalLog,
    is_live,
    sign_in,
    store_of,
)

pytestmark = MOSTLY_IN_MEMORY

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)


def make_bare_token(app: Flask, backend: Backend, mint: Mint) -> str:
    with app.app_context():
        return create_token("alice")


def token_after(end: Callable[[Flask, Backend, Login], object]) -> Callable[[Flask, Backend, Mint], str]:
    """Return a function that makes the access token of a session, and then calls *end* with the session's login."""

    def make(app: Flask, backend: Backend, mint: Mint) -> str:
        login = sign_in(app)
        end(app, backend, login)
        return str(login["access_token"])

    return make


def end_session(app: Flask, backend: Backend, login: Login) -> None:
    store_of(app).end_session(id_of(login), retention=DAY)


def end_and_purge(app: Flask, backend: Backend, login: Login) -> None:
    end_session(app, backend, login)
    store_of(app).purge()


def expire_and_purge(app: Flask, backend: Backend, login: Login) -> None:
    backend.age(id_of(login), IDLE)
    store_of(app).purge(force=True)


def revoke_everything(app: Flask, backend: Backend, login: Login) -> None:
    with app.app_context():
        TokenAuth().revoke_user("alice", api_keys=False)


def with_session_of_another_user(app: Flask, backend: Backend, mint: Mint) -> str:
    return mint(sid=id_of(sign_in(app, "bob")))


def of_another_issuer(app: Flask, backend: Backend, mint: Mint) -> str:
    other = Mint(Key.derive(SECRET.encode(), purpose="access", issuer="https://other.example"))
    return other(iss="https://other.example", sid=id_of(sign_in(app)))


REFUSED: dict[str, tuple[Callable[[Flask, Backend, Mint], str], str]] = {
    "no session": (make_bare_token, "session_missing"),
    "an unknown session": (lambda app, backend, mint: mint(sid="HVwLP2BpPAE0VqN7DY8JmQ"), "session_missing"),
    "the session of another user": (with_session_of_another_user, "session_missing"),
    "an ended session": (token_after(end_session), "token_revoked"),
    "an ended and purged session": (token_after(end_and_purge), "token_revoked"),
    "an idle session": (token_after(lambda _, backend, login: backend.age(id_of(login), IDLE)), "session_missing"),
    "an expired session": (
        token_after(lambda _, backend, login: backend.age(id_of(login), LIFETIME)),
        "session_missing",
    ),
    "an expired and purged session": (token_after(expire_and_purge), "session_missing"),
    "a revoked user": (token_after(revoke_everything), "token_revoked"),
    "another issuer": (of_another_issuer, "key_unknown"),
    "a refresh token": (lambda app, backend, mint: sign_in(app)["refresh_token"], "refresh_token_sent"),
    "an expired token": (lambda app, backend, mint: mint(exp=NOW - 60, iat=NOW - 90), "token_expired"),
    "a number": (lambda app, backend, mint: mint(sid=1), "claim_malformed"),
}


@pytest.mark.slow
@every_endpoint
@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_token_without_a_living_session_is_refused(
    app: Flask,
    backend: Backend,
    mint: Mint,
    signal_log: SignalLog,
    *,
    endpoint: Endpoint,
    make: Callable[[Flask, Backend, Mint], str],
    reason: str,
) -> None:
    token = make(app, backend, mint)
    target, bob = sign_in(app), sign_in(app, "bob")
    signal_log.sessions.clear()

    answer = endpoint(app, token, id_of(target))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{ISSUER}", error="invalid_token"')
    assert answer.get_json()["error"] == "invalid_token"
    assert signal_log.reasons == [reason]
    assert signal_log.sessions == []
    assert is_live(app, target["refresh_token"])
    assert is_live(app, bob["refresh_token"])


@every_endpoint
@pytest.mark.parametrize("aged", [IDLE - MOMENT, IDLE])
def test_a_session_counts_until_its_last_millisecond(
    app: Flask, backend: Backend, endpoint: Endpoint, aged: Any
) -> None:
    login, target = sign_in(app), sign_in(app)

    backend.age(id_of(login), aged)

    assert (endpoint(app, login["access_token"], id_of(target)).status_code == 401) is (aged == IDLE)


@every_endpoint
@pytest.mark.parametrize("authorization", [None, "Basic YTpi", "bearer"])
def test_a_request_without_a_token_gets_a_challenge(
    app: Flask, phone: Login, endpoint: Endpoint, authorization: str | None
) -> None:
    client = app.test_client()
    headers = {"Authorization": authorization} if authorization else {}
    answers: dict[Endpoint, TestResponse] = {
        ENDPOINTS["logout"]: client.post("/auth/logout", headers=headers),
        ENDPOINTS["list"]: client.get("/auth/sessions", headers=headers),
        ENDPOINTS["end"]: client.delete(f"/auth/sessions/{id_of(phone)}", headers=headers),
    }
    answer = answers[endpoint]

    assert answer.status_code == (400 if authorization == "bearer" else 401)
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{ISSUER}"')
    assert ("error=" in answer.headers["WWW-Authenticate"]) is (authorization == "bearer")
    assert is_live(app, phone["refresh_token"])


@every_endpoint
def test_an_access_token_is_refused_from_the_second_of_its_expiry(
    app: Flask, clock: StandingClock, phone: Login, laptop: Login, endpoint: Endpoint
) -> None:
    clock.now = NOW + 900 + 10 - 1  # lifetime and leeway
    assert endpoint(app, phone["access_token"], id_of(laptop)).status_code < 300

    clock.now = NOW + 900 + 10
    assert endpoint(app, laptop["access_token"], id_of(phone)).status_code == 401


@every_endpoint
def test_token_check_is_called(
    app: Flask, auth: TokenAuth[Any], phone: Login, signal_log: SignalLog, endpoint: Endpoint
) -> None:
    auth.token_check(lambda token: False)

    assert endpoint(app, phone["access_token"], id_of(phone)).status_code == 401
    assert signal_log.reasons == ["token_rejected"]


@every_endpoint
def test_no_scope_is_needed(app: Flask, endpoint: Endpoint) -> None:
    login = sign_in(app, scopes=())

    assert endpoint(app, login["access_token"], id_of(login)).status_code < 300


@every_endpoint
def test_user_ids_may_be_integers(make_session_app: MakeSessionApp, endpoint: Endpoint) -> None:
    app = make_session_app(auth=TokenAuth(user_id_type=int))
    login = sign_in(app, 42)

    assert endpoint(app, login["access_token"], id_of(login)).status_code < 300


@every_endpoint
def test_an_application_with_another_store_refuses_the_token(
    app: Flask, make_session_app: MakeSessionApp, phone: Login, signal_log: SignalLog, endpoint: Endpoint
) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_STORE="memory://")

    assert endpoint(other, phone["access_token"], id_of(phone)).status_code == 401
    assert signal_log.reasons == ["session_missing"]
