"""Who has no token of a living session neither lists nor ends any, and does not log out either."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core import Key

from ..conftest import ISSUER, NOW, SECRET, Mint, StandingClock
from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.devices import DOORS, Door, Login, id_of
from ..lifecycle.kit import DAY, IDLE, LIFETIME, MOMENT, MOSTLY_IN_MEMORY, Backend, Heard, is_live, sign_in, store_of

pytestmark = MOSTLY_IN_MEMORY

every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


def bare(app: Flask, backend: Backend, mint: Mint) -> str:
    with app.app_context():
        return create_token("alice")


def after(end: Callable[[Flask, Backend, Login], object]) -> Callable[[Flask, Backend, Mint], str]:
    """Return what makes the access token of a session, to which this has happened since."""

    def make(app: Flask, backend: Backend, mint: Mint) -> str:
        login = sign_in(app)
        end(app, backend, login)
        return str(login["access_token"])

    return make


def end_it(app: Flask, backend: Backend, login: Login) -> None:
    store_of(app).end_session(id_of(login), retention=DAY)


def end_and_purge(app: Flask, backend: Backend, login: Login) -> None:
    end_it(app, backend, login)
    store_of(app).purge()


def expire_and_purge(app: Flask, backend: Backend, login: Login) -> None:
    backend.age(id_of(login), IDLE)
    store_of(app).purge()


def revoke_everything(app: Flask, backend: Backend, login: Login) -> None:
    with app.app_context():
        TokenAuth().revoke_user("alice", api_keys=False)


def of_somebody_elses_session(app: Flask, backend: Backend, mint: Mint) -> str:
    return mint(sid=id_of(sign_in(app, "bob")))


def of_another_issuer(app: Flask, backend: Backend, mint: Mint) -> str:
    other = Mint(Key.derive(SECRET.encode(), purpose="access", issuer="https://other.example"))
    return other(iss="https://other.example", sid=id_of(sign_in(app)))


OUTSIDERS: dict[str, tuple[Callable[[Flask, Backend, Mint], str], str]] = {
    "no session": (bare, "session_missing"),
    "an unknown session": (lambda app, backend, mint: mint(sid="HVwLP2BpPAE0VqN7DY8JmQ"), "session_missing"),
    "the session of somebody else": (of_somebody_elses_session, "session_missing"),
    "an ended session": (after(end_it), "token_revoked"),
    "an ended and purged session": (after(end_and_purge), "token_revoked"),
    "an idle session": (after(lambda _, backend, login: backend.age(id_of(login), IDLE)), "session_missing"),
    "an expired session": (after(lambda _, backend, login: backend.age(id_of(login), LIFETIME)), "session_missing"),
    "an expired and purged session": (after(expire_and_purge), "session_missing"),
    "a revoked user": (after(revoke_everything), "token_revoked"),
    "another issuer": (of_another_issuer, "key_unknown"),
    "a refresh token": (lambda app, backend, mint: sign_in(app)["refresh_token"], "token_malformed"),
    "an expired token": (lambda app, backend, mint: mint(exp=NOW - 60, iat=NOW - 90), "token_expired"),
    "a number": (lambda app, backend, mint: mint(sid=1), "claim_malformed"),
}


@every_door
@pytest.mark.parametrize(("make", "reason"), OUTSIDERS.values(), ids=OUTSIDERS)
def test_who_has_no_token_of_a_living_session_gets_nowhere(
    app: Flask,
    backend: Backend,
    mint: Mint,
    heard: Heard,
    *,
    door: Door,
    make: Callable[[Flask, Backend, Mint], str],
    reason: str,
) -> None:
    token = make(app, backend, mint)
    target, bob = sign_in(app), sign_in(app, "bob")
    heard.sessions.clear()

    answer = door(app, token, id_of(target))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{ISSUER}", error="invalid_token"')
    assert answer.get_json()["error"] == "invalid_token"
    assert heard.reasons == [reason]
    assert heard.sessions == []
    assert is_live(app, target["refresh_token"])
    assert is_live(app, bob["refresh_token"])


@every_door
@pytest.mark.parametrize("aged", [IDLE - MOMENT, IDLE])
def test_a_session_opens_the_door_to_its_last_moment(app: Flask, backend: Backend, door: Door, aged: Any) -> None:
    login, target = sign_in(app), sign_in(app)

    backend.age(id_of(login), aged)

    assert (door(app, login["access_token"], id_of(target)).status_code == 401) is (aged == IDLE)


@every_door
@pytest.mark.parametrize("authorization", [None, "Basic YTpi", "bearer"])
def test_who_has_no_token_is_asked_for_one(app: Flask, phone: Login, door: Door, authorization: str | None) -> None:
    client = app.test_client()
    headers = {"Authorization": authorization} if authorization else {}
    answers: dict[Door, TestResponse] = {
        DOORS["logout"]: client.post("/auth/logout", headers=headers),
        DOORS["list"]: client.get("/auth/sessions", headers=headers),
        DOORS["end"]: client.delete(f"/auth/sessions/{id_of(phone)}", headers=headers),
    }
    answer = answers[door]

    assert answer.status_code == (400 if authorization == "bearer" else 401)
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer realm="{ISSUER}"')
    assert ("error=" in answer.headers["WWW-Authenticate"]) is (authorization == "bearer")
    assert is_live(app, phone["refresh_token"])


@every_door
def test_an_expired_access_token_gets_nowhere_to_the_second(
    app: Flask, clock: StandingClock, phone: Login, laptop: Login, door: Door
) -> None:
    clock.now = NOW + 900 + 10 - 1  # lifetime and leeway
    assert door(app, phone["access_token"], id_of(laptop)).status_code < 300

    clock.now = NOW + 900 + 10
    assert door(app, laptop["access_token"], id_of(phone)).status_code == 401


@every_door
def test_a_token_check_of_the_application_is_asked_here_too(
    app: Flask, auth: TokenAuth[Any], phone: Login, heard: Heard, door: Door
) -> None:
    auth.token_check(lambda token: False)

    assert door(app, phone["access_token"], id_of(phone)).status_code == 401
    assert heard.reasons == ["token_rejected"]


@every_door
def test_no_scope_is_needed(app: Flask, door: Door) -> None:
    login = sign_in(app, scopes=())

    assert door(app, login["access_token"], id_of(login)).status_code < 300


@every_door
def test_users_may_be_numbers(make_session_app: MakeSessionApp, door: Door) -> None:
    app = make_session_app(auth=TokenAuth(user_id_type=int))
    login = sign_in(app, 42)

    assert door(app, login["access_token"], id_of(login)).status_code < 300


@every_door
def test_another_application_with_the_secret_and_another_store_knows_none_of_it(
    app: Flask, make_session_app: MakeSessionApp, phone: Login, heard: Heard, door: Door
) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_STORE="memory://")

    assert door(other, phone["access_token"], id_of(phone)).status_code == 401
    assert heard.reasons == ["session_missing"]
