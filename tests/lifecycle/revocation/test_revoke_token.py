"""One token is refused from now on; its session and the user's other tokens go on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import NotAuthenticated, SettingsError, StoreUnavailable, TokenAuth
from flask_tokenauth.testing.store_contract import AgeRevocations

from ...conftest import MakeApp, StandingClock, bearer
from ..conftest import MakeSessionApp
from ..devices import me
from ..kit import Heard, asked, away, claims_of, hear, refreshed, sign_in, store_of, warm
from .kit import MODES, Pass, issue, revoke_current, revoke_id

SECOND = timedelta(seconds=1)
MOMENT = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
LEEWAY = timedelta(seconds=10)
DAY = timedelta(days=1)


@pytest.fixture(params=MODES)
def app(request: pytest.FixtureRequest, make_session_app: MakeSessionApp) -> Flask:
    """An application in each mode in which what is revoked is refused."""
    return make_session_app(TOKENAUTH_REVOCATION=request.param)


def token_id_of(token: str) -> str:
    return str(claims_of(token)["jti"])


# The token of the request


def test_the_current_token_is_refused_at_once_and_no_other(app: Flask) -> None:
    login, same_user, other = sign_in(app), issue(app), issue(app, "bob")

    revoke_current(app, login["access_token"])

    assert [me(app, each) for each in (login["access_token"], same_user, other)] == [401, 200, 200]


def test_its_session_goes_on(app: Flask) -> None:
    login = sign_in(app)

    revoke_current(app, login["access_token"])

    assert me(app, refreshed(app, login["refresh_token"])["access_token"]) == 200


def test_the_client_is_told_no_more_than_of_any_bad_token(app: Flask, heard: Heard) -> None:
    token = issue(app)
    revoke_current(app, token)

    answer = app.test_client().get("/me", headers=bearer(token))

    assert answer.get_json() == {
        "error": "invalid_token",
        "error_description": app.test_client().get("/me", headers=bearer("x.y.z")).get_json()["error_description"],
    }
    assert heard.reasons[0] == "token_revoked"


def test_without_a_token_there_is_none_to_revoke(app: Flask, auth: TokenAuth[Any]) -> None:
    with app.test_request_context(), pytest.raises(NotAuthenticated):
        auth.revoke_token()
    with app.test_request_context(headers=bearer("x.y.z")), pytest.raises(NotAuthenticated):
        auth.revoke_token()


def test_listeners_are_told_once(app: Flask, heard: Heard) -> None:
    token = issue(app)
    with app.test_request_context(headers=bearer(token)):
        TokenAuth().revoke_token()
        TokenAuth().revoke_token()

    assert heard.sessions == [("tokenauth-token-revoked", {"token_id": token_id_of(token), "user_id": "alice"})]


def test_one_token_cannot_fill_the_store(app: Flask) -> None:
    token = issue(app)
    revoke_current(app, token)

    with app.test_request_context(headers=bearer(issue(app))), asked(store_of(app)) as called:
        TokenAuth().revoke_token()
        TokenAuth().revoke_token()

    assert called.count("revoke") == 1


# A token by its ID


@pytest.mark.parametrize("ahead", [None, timedelta(0), SECOND, DAY, 400 * DAY])
def test_the_token_of_an_id_is_refused_at_once(app: Flask, clock: StandingClock, ahead: timedelta | None) -> None:
    token, other = issue(app), issue(app)
    expires_at = datetime.fromtimestamp(claims_of(token)["exp"], UTC)

    revoke_id(app, token_id_of(token), expires_at=None if ahead is None else expires_at + ahead)

    assert [me(app, token), me(app, other)] == [401, 200]


def test_an_id_may_be_revoked_that_nobody_has_seen(app: Flask, heard: Heard) -> None:
    revoke_id(app, "t1")

    assert heard.sessions == [("tokenauth-token-revoked", {"token_id": "t1", "user_id": None})]


def test_what_is_no_id_is_a_mistake(app: Flask, auth: TokenAuth[Any]) -> None:
    class_of: dict[Any, type[Exception]] = {1: TypeError, b"t1": TypeError, "": ValueError, "a\n": ValueError}
    with app.app_context(), asked(store_of(app)) as called:
        for token_id, error in class_of.items():
            with pytest.raises(error, match="token"):
                auth.revoke_token(token_id)
        with pytest.raises(ValueError, match="1 to 255 characters"):
            auth.revoke_token("a" * 256)

    assert called == []


@pytest.mark.parametrize(
    ("expires_at", "error"), [(900, TypeError), ("900", TypeError), (datetime(2030, 1, 1), ValueError)]
)
def test_an_expiry_is_an_aware_instant(app: Flask, expires_at: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="expires_at"):
        revoke_id(app, "t1", expires_at=expires_at)


def test_of_the_current_token_the_expiry_is_known(app: Flask, auth: TokenAuth[Any]) -> None:
    with (
        app.test_request_context(headers=bearer(issue(app))),
        pytest.raises(ValueError, match="needs a token_id"),
    ):
        auth.revoke_token(expires_at=datetime.now(UTC))


# How long it is remembered


@pytest.mark.parametrize("lifetime", [1, 299, 300, 900, 24 * 3600])
@pytest.mark.parametrize("by_id", [False, True])
def test_a_revocation_outlives_the_token_and_not_by_much(
    app: Flask, pass_time: Pass, heard: Heard, lifetime: int, *, by_id: bool
) -> None:
    token = issue(app, expires_in=lifetime)
    if by_id:
        revoke_id(app, token_id_of(token), expires_at=datetime.fromtimestamp(claims_of(token)["exp"], UTC))
    else:
        revoke_current(app, token)
    last = timedelta(seconds=lifetime) + LEEWAY

    pass_time(last - MOMENT, app)
    store_of(app).purge()
    assert me(app, token) == 401
    pass_time(MOMENT, app)
    assert me(app, token) == 401
    assert heard.reasons == ["token_revoked", "token_expired"]

    pass_time(LEEWAY + MINUTE - MOMENT, app)
    assert store_of(app).purge() == 0
    pass_time(MOMENT, app)
    assert store_of(app).purge() == 1


def test_where_nobody_knows_when_it_expires_the_longest_lifetime_counts(
    app: Flask, pass_time: Pass, heard: Heard
) -> None:
    token = issue(app, expires_in=24 * 3600)
    revoke_id(app, token_id_of(token))

    pass_time(DAY + LEEWAY - MOMENT, app)
    store_of(app).purge()
    assert me(app, token) == 401
    assert heard.reasons == ["token_revoked"]

    pass_time(LEEWAY + MINUTE, app)
    assert store_of(app).purge() == 0
    pass_time(MOMENT, app)
    assert store_of(app).purge() == 1


@pytest.mark.parametrize("leeway", [0, 300])
def test_clocks_may_differ_by_the_leeway(
    make_session_app: MakeSessionApp, clock: StandingClock, pass_time: Pass, heard: Heard, leeway: int
) -> None:
    """Who issued was ahead, who revokes by ID is not, and who judges is behind."""
    app = make_session_app(TOKENAUTH_LEEWAY=leeway, TOKENAUTH_REVOCATION="strict")
    clock.now += leeway
    token = issue(app, expires_in=24 * 3600)
    clock.now -= leeway
    revoke_id(app, token_id_of(token))

    pass_time(DAY + timedelta(seconds=2 * leeway) - MOMENT, app)
    store_of(app).purge()

    assert me(app, token) == 401
    assert heard.reasons == ["token_revoked"]


# Other workers


@pytest.mark.parametrize("by_id", [False, True])
def test_other_workers_refuse_it_after_the_interval(
    app: Flask, make_session_app: MakeSessionApp, *, by_id: bool
) -> None:
    other = make_session_app(auth=TokenAuth())
    token = issue(app)
    assert [me(app, token), me(other, token)] == [200, 200]

    if by_id:
        revoke_id(app, token_id_of(token))
    else:
        revoke_current(app, token)
    hear(other)

    assert me(other, token) == 401


def test_an_application_of_another_issuer_is_not_concerned(app: Flask, make_app: MakeApp) -> None:
    other = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER="https://other.example")
    other.add_url_rule("/me", view_func=app.view_functions["me"])
    token, theirs = issue(app), issue(other, claims={})

    revoke_current(app, token)

    assert me(other, theirs) == 200


# Where it cannot work


def test_without_a_store_the_setting_is_named(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    stateless = make_app(auth=auth)

    with stateless.app_context(), pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        auth.revoke_token("t1")


def test_while_the_store_is_away_nobody_is_told_that_it_was_done(app: Flask, heard: Heard) -> None:
    if app.config["TOKENAUTH_REVOCATION"] == "feed":
        warm(app)
    token = issue(app)

    with away(store_of(app), "revoke"), pytest.raises(StoreUnavailable):
        revoke_id(app, token_id_of(token))

    assert me(app, token) == 200
    assert heard.sessions == []


def test_within_a_request_that_is_answered_with_503(app: Flask, auth: TokenAuth[Any]) -> None:
    @app.get("/revoke")
    def revoke() -> str:
        auth.revoke_token("t1")
        return "done"

    assert app.test_client().get("/revoke").status_code == 200
    with away(store_of(app), "revoke"):
        answer = app.test_client().get("/revoke")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_revocation_whose_store_ages_alone_is_believed_by_its_time(
    make_session_app: MakeSessionApp, age_revocations: AgeRevocations
) -> None:
    """The store's clock decides what it has forgotten."""
    app = make_session_app(TOKENAUTH_REVOCATION="strict")
    token = issue(app)
    revoke_current(app, token)

    age_revocations(timedelta(seconds=900) + 2 * LEEWAY + MINUTE)

    assert me(app, token) == 200


def test_by_its_id_a_token_is_refused_for_as_long_as_any_process_lets_tokens_live(
    app: Flask, make_session_app: MakeSessionApp, pass_time: Pass, heard: Heard
) -> None:
    """A command may have other settings than who issued."""
    long = make_session_app(auth=TokenAuth(), TOKENAUTH_MAX_LIFETIME=timedelta(days=7), TOKENAUTH_REVOCATION="strict")
    token, dated = issue(long, expires_in=7 * DAY), issue(long, expires_in=7 * DAY)

    revoke_id(app, token_id_of(token))
    revoke_id(app, token_id_of(dated), expires_at=datetime.fromtimestamp(claims_of(dated)["exp"], UTC))
    pass_time(7 * DAY, long)
    store_of(long).purge()

    assert [me(long, token), me(long, dated)] == [401, 401]
    assert heard.reasons == ["token_revoked", "token_revoked"]


@pytest.mark.parametrize("year", [1960, 1970, 9999])
def test_any_instant_is_taken_for_an_expiry(app: Flask, year: int) -> None:
    revoke_id(app, "t1", expires_at=datetime(year, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize("leeway", [0, 300])
def test_a_process_remembers_for_as_long_as_clocks_may_differ(
    make_session_app: MakeSessionApp, clock: StandingClock, pass_time: Pass, heard: Heard, leeway: int
) -> None:
    """Not by what the store still has: that is of a purge, and the news are of before."""
    app = make_session_app(TOKENAUTH_LEEWAY=leeway)
    token = issue(app, expires_in=300)
    revoke_current(app, token)

    for _ in range(10):
        pass_time(timedelta(seconds=(300 + leeway) / 10 - 0.001), app)
        store_of(app).purge()
        me(app, token)

    assert set(heard.reasons) == {"token_revoked"}
