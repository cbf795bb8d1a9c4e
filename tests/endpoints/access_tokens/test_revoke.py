"""``POST /auth/revoke`` (RFC 7009) with access tokens: whoever holds one may end it, and learns nothing."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth

from ...conftest import Mint, StandingClock
from ...lifecycle.conftest import MakeSessionApp
from ...lifecycle.devices import UNSUPPORTED_TYPE, Login, id_of, log_out, me, revoke
from ...lifecycle.kit import Heard, asked, claims_of, hear, is_live, refreshed, sign_in, store_of
from ...lifecycle.revocation.kit import Pass, issue


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


# What this worker does not believe, and others may


def test_one_that_lives_too_long_for_this_worker_is_revoked_for_those_who_believe_it(
    app: Flask, make_session_app: MakeSessionApp, pass_time: Pass
) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_MAX_LIFETIME=timedelta(days=7))
    token = issue(other, expires_in=timedelta(days=6))
    assert [me(app, token), me(other, token)] == [401, 200]

    check_done(revoke(app, token))
    pass_time(timedelta(days=6), other)

    assert store_of(app).purge() == 0
    assert me(other, token) == 401


@pytest.mark.parametrize("ahead", [11, 300, 3600])
def test_one_that_is_issued_by_a_clock_that_is_ahead_is_revoked(
    app: Flask, make_session_app: MakeSessionApp, clock: StandingClock, ahead: int
) -> None:
    other = make_session_app(auth=TokenAuth())
    other.extensions["tokenauth"].clock = StandingClock(clock.now + ahead)
    token = issue(other)
    assert [me(app, token), me(other, token)] == [401, 200]

    check_done(revoke(app, token))
    hear(other)

    assert me(other, token) == 401


@pytest.mark.parametrize(("issued", "begins"), [(0, 60), (60, 60), (60, 120), (120, 60)])
def test_one_that_is_good_only_later_is_revoked(
    app: Flask, mint: Mint, clock: StandingClock, issued: int, begins: int
) -> None:
    now = clock.now
    times: dict[str, Any] = {"iat": now + issued, "nbf": now + begins, "exp": now + 900}
    token, other = mint(**times), mint(**times, jti="t2")

    check_done(revoke(app, token))
    clock.now += 120

    assert [me(app, token), me(app, other)] == [401, 200]


def test_one_that_is_over_before_it_begins_is_unknown(app: Flask, mint: Mint, clock: StandingClock) -> None:
    token = mint(iat=clock.now, nbf=clock.now + 120, exp=clock.now + 60)

    with asked(store_of(app)) as called:
        check_done(revoke(app, token))

    assert called == []


@pytest.mark.parametrize("length", [2000])
def test_one_that_is_longer_than_tokens_may_be_is_unknown(make_session_app: MakeSessionApp, length: int) -> None:
    app, small = make_session_app(), make_session_app(auth=TokenAuth(), TOKENAUTH_MAX_TOKEN_BYTES=1024)
    token = issue(app, claims={"x": "a" * length})

    with asked(store_of(small)) as called:
        check_done(revoke(small, token))

    assert called == []


@pytest.mark.parametrize("exp", [899.9999999, 900.5, 299.99999999])
def test_one_that_expires_within_a_second_is_found_where_it_is_looked_for(
    make_session_app: MakeSessionApp, mint: Mint, clock: StandingClock, exp: float
) -> None:
    """At the edge of a bucket too."""
    app = make_session_app()
    edge = (clock.now // 300 + 4) * 300
    token = mint(iat=clock.now, exp=edge - 900 + exp)

    check_done(revoke(app, token))

    assert me(app, token) == 401


def test_what_another_worker_has_just_revoked_is_refused_here_at_once_by_who_says_it_again(
    app: Flask, make_session_app: MakeSessionApp, login: Login
) -> None:
    other = make_session_app(auth=TokenAuth())
    assert me(other, login["access_token"]) == 200
    revoke(app, login["access_token"])

    check_done(revoke(other, login["access_token"]))

    assert me(other, login["access_token"]) == 401


def test_one_whose_session_another_worker_has_just_ended_is_refused_here_at_once(
    app: Flask, make_session_app: MakeSessionApp, login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    """The store refuses it by its session, and is not told of it, nor said to have lost it."""
    other = make_session_app(auth=TokenAuth())
    assert me(app, login["access_token"]) == 200
    log_out(other, login["access_token"])

    check_done(revoke(app, login["access_token"]))

    assert me(app, login["access_token"]) == 401
    app.extensions["tokenauth"].stored.feed._start_reload()
    hear(app)
    assert me(app, login["access_token"]) == 401
    assert not [each for each in caplog.messages if "has lost" in each]
