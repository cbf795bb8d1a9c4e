"""``POST /auth/revoke`` (RFC 7009) with access tokens: whoever holds one may end it, and learns nothing."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth

from ..conftest import StandingClock
from ..sessions.conftest import MakeSessionApp
from ..sessions.devices import UNSUPPORTED_TYPE, Login, id_of, log_out, me, revoke
from ..sessions.kit import Heard, asked, claims_of, hear, is_live, refreshed, sign_in, store_of
from .kit import Pass, issue


@pytest.fixture
def login(app: Flask, heard: Heard) -> Login:
    login = sign_in(app)
    heard.sessions.clear()
    return login


def check_done(answer: TestResponse) -> None:
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
def test_an_access_token_is_refused_from_then_on(app: Flask, login: Login, heard: Heard, hint: str | None) -> None:
    """RFC 7009 section 2.1: of a wrong hint "the authorization server MUST extend its search"."""
    answer = revoke(app, login["access_token"], **({} if hint is None else {"token_type_hint": hint}))

    check_done(answer)
    assert me(app, login["access_token"]) == 401
    told = {"token_id": claims_of(login["access_token"])["jti"], "user_id": "alice"}
    assert heard.sessions == [("tokenauth-token-revoked", told)]


def test_its_session_goes_on(app: Flask, login: Login) -> None:
    """RFC 7009 section 2.1: the server "MAY revoke the respective refresh token as well"."""
    revoke(app, login["access_token"])

    assert is_live(app, login["refresh_token"])
    assert me(app, refreshed(app, login["refresh_token"])["access_token"]) == 200


def test_one_that_belongs_to_no_session_is_revoked_too(app: Flask) -> None:
    token, other = issue(app), issue(app)

    check_done(revoke(app, token))

    assert [me(app, token), me(app, other)] == [401, 200]


def test_one_for_another_audience_is_ours_as_well(app: Flask, make_session_app: MakeSessionApp, backend: Any) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_AUDIENCE="https://other.example")
    token = issue(app, audience="https://other.example")
    assert [me(app, token), me(other, token)] == [401, 200]

    check_done(revoke(app, token))
    hear(other)

    assert me(other, token) == 401


def test_one_of_another_issuer_is_not(app: Flask, make_session_app: MakeSessionApp) -> None:
    theirs = make_session_app(auth=TokenAuth(), TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER="https://other.example")
    token = issue(theirs)

    with asked(store_of(app)) as called:
        check_done(revoke(app, token))

    assert called == []
    assert me(theirs, token) == 200


def test_one_that_has_expired_is_unknown(app: Flask, clock: StandingClock, login: Login) -> None:
    clock.now += 910

    with asked(store_of(app)) as called:
        check_done(revoke(app, login["access_token"]))

    assert called == []


def test_one_is_known_to_its_last_second(app: Flask, pass_time: Pass, login: Login, heard: Heard) -> None:
    pass_time(timedelta(seconds=909), app)

    check_done(revoke(app, login["access_token"]))

    assert me(app, login["access_token"]) == 401
    assert heard.reasons == ["token_revoked"]


def test_whoever_says_it_again_changes_nothing_and_cannot_fill_the_store(
    app: Flask, login: Login, heard: Heard
) -> None:
    with asked(store_of(app)) as called:
        for _ in range(3):
            check_done(revoke(app, login["access_token"]))

    assert called.count("revoke") == 1
    assert len(heard.sessions) == 1


def test_one_of_a_session_that_has_ended_is_as_good_as_revoked(app: Flask, login: Login) -> None:
    log_out(app, login["access_token"])

    with asked(store_of(app)) as called:
        check_done(revoke(app, login["access_token"]))

    assert "revoke" not in called


def test_the_application_is_not_asked(app: Flask, auth: TokenAuth[Any], login: Login, heard: Heard) -> None:
    """Who holds a token that it refuses may still want to be sure."""
    auth.token_check(lambda token: False)

    check_done(revoke(app, login["access_token"]))

    assert [name for name, _ in heard.sessions] == ["tokenauth-token-revoked"]


def test_where_nothing_can_be_revoked_that_is_said(make_session_app: MakeSessionApp, heard: Heard) -> None:
    """RFC 7009 section 2.2.1."""
    app = make_session_app(TOKENAUTH_REVOCATION="off")
    login = sign_in(app)

    answer = revoke(app, login["access_token"], token_type_hint="access_token")

    assert (answer.status_code, answer.get_json()) == (400, UNSUPPORTED_TYPE)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers
    assert heard.reasons == ["token_type_unsupported"]
    assert me(app, login["access_token"]) == 200
    assert is_live(app, login["refresh_token"])
    check_done(revoke(app, "x"))


def test_a_refresh_token_takes_its_access_tokens_along_on_every_worker(
    app: Flask, make_session_app: MakeSessionApp, login: Login
) -> None:
    other = make_session_app(auth=TokenAuth())
    second = refreshed(app, login["refresh_token"])
    tokens = [login["access_token"], second["access_token"]]
    assert [me(worker, each) for worker in (app, other) for each in tokens] == [200] * 4

    check_done(revoke(app, second["refresh_token"]))

    assert [me(app, each) for each in tokens] == [401, 401]
    hear(other)
    assert [me(other, each) for each in tokens] == [401, 401]
    assert id_of(login) == claims_of(second["access_token"])["sid"]
