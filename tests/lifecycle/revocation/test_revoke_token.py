"""``auth.revoke_token``: one token is refused; its session and the user's other tokens stay good."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import NotAuthenticated, SettingsError, StoreUnavailable, TokenAuth
from flask_tokenauth.core.store import LONGEST_SILENCE
from flask_tokenauth.testing.store_contract import AgeRevocations

from ...conftest import NOW, MakeApp, StandingClock, bearer
from ..conftest import MakeSessionApp
from ..devices import me
from ..kit import (
    SignalLog,
    claims_of,
    load_revocations,
    pass_interval,
    record_calls,
    refreshed,
    sign_in,
    store_of,
    unavailable,
)
from .kit import MODES, PassTime, issue, revoke_current, revoke_id

SECOND = timedelta(seconds=1)
MOMENT = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
LEEWAY = timedelta(seconds=10)
DAY = timedelta(days=1)


@pytest.fixture(params=MODES)
def app(request: pytest.FixtureRequest, make_session_app: MakeSessionApp) -> Flask:
    """An application in each of the modes that refuse revoked tokens."""
    return make_session_app(TOKENAUTH_REVOCATION=request.param)


def token_id_of(token: str) -> str:
    return str(claims_of(token)["jti"])


# The token of the request


def test_revoke_token_refuses_the_current_token_at_once_and_no_other(app: Flask) -> None:
    login, same_user, other = sign_in(app), issue(app), issue(app, "bob")

    revoke_current(app, login["access_token"])

    assert [me(app, token) for token in (login["access_token"], same_user, other)] == [401, 200, 200]


def test_the_session_of_a_revoked_token_goes_on(app: Flask) -> None:
    login = sign_in(app)

    revoke_current(app, login["access_token"])

    assert me(app, refreshed(app, login["refresh_token"])["access_token"]) == 200


def test_a_revoked_token_gets_the_same_answer_as_any_bad_token(app: Flask, signal_log: SignalLog) -> None:
    token = issue(app)
    revoke_current(app, token)

    answer = app.test_client().get("/me", headers=bearer(token))

    assert answer.get_json() == {
        "error": "invalid_token",
        "error_description": app.test_client().get("/me", headers=bearer("x.y.z")).get_json()["error_description"],
    }
    assert signal_log.reasons[0] == "token_revoked"


def test_revoke_token_without_a_good_token_raises(app: Flask, auth: TokenAuth[Any]) -> None:
    with app.test_request_context(), pytest.raises(NotAuthenticated):
        auth.revoke_token()
    with app.test_request_context(headers=bearer("x.y.z")), pytest.raises(NotAuthenticated):
        auth.revoke_token()


def test_revoking_twice_sends_one_signal(app: Flask, signal_log: SignalLog) -> None:
    token = issue(app)
    with app.test_request_context(headers=bearer(token)):
        TokenAuth().revoke_token()
        TokenAuth().revoke_token()

    assert signal_log.sessions == [("tokenauth-token-revoked", {"token_id": token_id_of(token), "user_id": "alice"})]


def test_revoking_twice_writes_one_entry(app: Flask) -> None:
    token = issue(app)
    revoke_current(app, token)

    with app.test_request_context(headers=bearer(issue(app))):
        TokenAuth().revoke_token()
        TokenAuth().revoke_token()

    assert len(store_of(app).revocations_since(None).entries) == 2


# A token by its ID


@pytest.mark.parametrize("ahead", [None, timedelta(0), SECOND, DAY, 400 * DAY])
def test_a_token_revoked_by_id_is_refused_at_once(app: Flask, clock: StandingClock, ahead: timedelta | None) -> None:
    token, other = issue(app), issue(app)
    expires_at = datetime.fromtimestamp(claims_of(token)["exp"], UTC)

    revoke_id(app, token_id_of(token), expires_at=None if ahead is None else expires_at + ahead)

    assert [me(app, token), me(app, other)] == [401, 200]


def test_an_unknown_id_can_be_revoked(app: Flask, signal_log: SignalLog) -> None:
    revoke_id(app, "t1")

    assert signal_log.sessions == [("tokenauth-token-revoked", {"token_id": "t1", "user_id": None})]


def test_an_invalid_token_id_raises(app: Flask, auth: TokenAuth[Any]) -> None:
    class_of: dict[Any, type[Exception]] = {1: TypeError, b"t1": TypeError, "": ValueError, "a\n": ValueError}
    with app.app_context(), record_calls(store_of(app)) as called:
        for token_id, error in class_of.items():
            with pytest.raises(error, match="token"):
                auth.revoke_token(token_id)
        with pytest.raises(ValueError, match="1 to 255 characters"):
            auth.revoke_token("a" * 256)

    assert called == []


@pytest.mark.parametrize(
    ("expires_at", "error"), [(900, TypeError), ("900", TypeError), (datetime(2030, 1, 1), ValueError)]
)
def test_expires_at_must_be_an_aware_datetime(app: Flask, expires_at: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="expires_at"):
        revoke_id(app, "t1", expires_at=expires_at)


def test_the_error_of_a_claim_exp_in_seconds_says_how_to_pass_it(app: Flask) -> None:
    with pytest.raises(TypeError, match=r"got int: for seconds pass datetime\.fromtimestamp\(…, UTC\)"):
        revoke_id(app, "t1", expires_at=1_700_000_000)  # type: ignore[arg-type]


def test_expires_at_without_a_token_id_raises(app: Flask, auth: TokenAuth[Any]) -> None:
    with (
        app.test_request_context(headers=bearer(issue(app))),
        pytest.raises(ValueError, match="needs a token_id"),
    ):
        auth.revoke_token(expires_at=datetime.now(UTC))


# The time that a revocation is kept


@pytest.mark.parametrize("lifetime", [1, 299, 300, 900, 24 * 3600])
@pytest.mark.parametrize("by_id", [False, True])
def test_a_revocation_is_kept_a_little_longer_than_the_token_lives(
    app: Flask, pass_time: PassTime, signal_log: SignalLog, lifetime: int, *, by_id: bool
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
    assert signal_log.reasons == ["token_revoked", "token_expired"]

    pass_time(LEEWAY + MINUTE + LONGEST_SILENCE - MOMENT, app)
    assert store_of(app).purge(force=True) == 0
    pass_time(MOMENT, app)
    assert store_of(app).purge() == 1


def test_a_revocation_without_an_expiry_is_kept_for_the_longest_lifetime(
    app: Flask, pass_time: PassTime, signal_log: SignalLog
) -> None:
    token = issue(app, expires_in=24 * 3600)
    revoke_id(app, token_id_of(token))

    pass_time(DAY + LEEWAY - MOMENT, app)
    store_of(app).purge()
    assert me(app, token) == 401
    assert signal_log.reasons == ["token_revoked"]

    pass_time(2 * LEEWAY + MINUTE + LONGEST_SILENCE, app)
    assert store_of(app).purge(force=True) == 0
    pass_time(MOMENT, app)
    assert store_of(app).purge() == 1


@pytest.mark.parametrize("leeway", [0, 300])
def test_a_revocation_is_kept_although_clocks_differ_by_the_leeway(
    make_session_app: MakeSessionApp, clock: StandingClock, pass_time: PassTime, signal_log: SignalLog, leeway: int
) -> None:
    """The clock of the issuing worker was ahead; the clock of the checking worker is behind."""
    app = make_session_app(TOKENAUTH_LEEWAY=leeway, TOKENAUTH_REVOCATION="strict")
    clock.now += leeway
    token = issue(app, expires_in=24 * 3600)
    clock.now -= leeway
    revoke_id(app, token_id_of(token))

    pass_time(DAY + timedelta(seconds=2 * leeway) - MOMENT, app)
    store_of(app).purge()

    assert me(app, token) == 401
    assert signal_log.reasons == ["token_revoked"]


@pytest.mark.parametrize("leeway", [0, 300])
def test_a_revocation_without_an_expiry_is_kept_although_the_clock_of_its_writer_is_behind(
    make_session_app: MakeSessionApp, clock: StandingClock, pass_time: PassTime, signal_log: SignalLog, leeway: int
) -> None:
    """The clock of the worker that revokes and checks the token is behind those of the issuer and of the store."""
    app = make_session_app(TOKENAUTH_LEEWAY=leeway, TOKENAUTH_REVOCATION="strict")
    token = issue(app, expires_in=24 * 3600)
    clock.now -= leeway
    revoke_id(app, token_id_of(token))

    pass_time(DAY + timedelta(seconds=2 * leeway) - MOMENT, app)

    assert me(app, token) == 401
    assert signal_log.reasons == ["token_revoked"]


@pytest.mark.parametrize("by_id", [False, True])
def test_a_revocation_is_kept_for_the_longest_leeway_of_any_application(
    make_session_app: MakeSessionApp, pass_time: PassTime, signal_log: SignalLog, *, by_id: bool
) -> None:
    """The application that revokes the token refuses it earlier than another one of the same store."""
    lenient = make_session_app(auth=TokenAuth(), TOKENAUTH_LEEWAY=300, TOKENAUTH_REVOCATION="strict")
    app = make_session_app(TOKENAUTH_LEEWAY=0, TOKENAUTH_REVOCATION="strict")
    token = issue(lenient)
    if by_id:
        revoke_id(app, token_id_of(token), expires_at=datetime.fromtimestamp(claims_of(token)["exp"], UTC))
    else:
        revoke_current(app, token)

    pass_time(timedelta(seconds=900 + 300) - MOMENT, lenient)
    store_of(lenient).purge()

    assert me(lenient, token) == 401
    assert signal_log.reasons == ["token_revoked"]


@pytest.mark.parametrize("by_id", [False, True])
def test_a_token_that_another_application_may_still_accept_can_be_revoked(
    make_session_app: MakeSessionApp, clock: StandingClock, *, by_id: bool
) -> None:
    lenient = make_session_app(auth=TokenAuth(), TOKENAUTH_LEEWAY=300, TOKENAUTH_REVOCATION="strict")
    app = make_session_app(TOKENAUTH_LEEWAY=0, TOKENAUTH_REVOCATION="strict")
    token = issue(lenient)
    clock.now += 900 + 299

    if by_id:
        revoke_id(app, token_id_of(token), expires_at=datetime.fromtimestamp(claims_of(token)["exp"], UTC))
    else:
        app.test_client().post("/auth/revoke", data={"token": token})

    assert me(lenient, token) == 401
    assert store_of(app).is_revoked(token_id=token_id_of(token), session_id=None, user_id="alice", epoch=0)


# Other workers


@pytest.mark.parametrize("by_id", [False, True])
def test_other_workers_refuse_a_revoked_token_after_the_interval(
    app: Flask, make_session_app: MakeSessionApp, *, by_id: bool
) -> None:
    other = make_session_app(auth=TokenAuth())
    token = issue(app)
    assert [me(app, token), me(other, token)] == [200, 200]

    if by_id:
        revoke_id(app, token_id_of(token))
    else:
        revoke_current(app, token)
    pass_interval(other)

    assert me(other, token) == 401


def test_an_application_of_another_issuer_is_not_affected(app: Flask, make_app: MakeApp) -> None:
    other = make_app(TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER="https://other.example")
    other.add_url_rule("/me", view_func=app.view_functions["me"])
    token, theirs = issue(app), issue(other, claims={})

    revoke_current(app, token)

    assert me(other, theirs) == 200


# Errors


def test_revoke_token_without_a_store_names_the_setting(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    stateless = make_app(auth=auth)

    with stateless.app_context(), pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        auth.revoke_token("t1")


def test_revoke_token_during_an_outage_raises_and_sends_no_signal(app: Flask, signal_log: SignalLog) -> None:
    if app.config["TOKENAUTH_REVOCATION"] == "feed":
        load_revocations(app)
    token = issue(app)

    with unavailable(store_of(app), "revoke"), pytest.raises(StoreUnavailable):
        revoke_id(app, token_id_of(token))

    assert me(app, token) == 200
    assert signal_log.sessions == []


def test_revoke_token_in_a_view_during_an_outage_is_answered_with_503(app: Flask, auth: TokenAuth[Any]) -> None:
    @app.get("/revoke")
    def revoke() -> str:
        auth.revoke_token("t1")
        return "done"

    assert app.test_client().get("/revoke").status_code == 200
    with unavailable(store_of(app), "revoke"):
        answer = app.test_client().get("/revoke")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_in_strict_mode_a_forgotten_revocation_no_longer_counts(
    make_session_app: MakeSessionApp, age_revocations: AgeRevocations
) -> None:
    """The store's clock decides which revocations it has forgotten."""
    app = make_session_app(TOKENAUTH_REVOCATION="strict")
    token = issue(app)
    revoke_current(app, token)

    age_revocations(timedelta(seconds=900) + 2 * LEEWAY + MINUTE)

    assert me(app, token) == 200


def test_a_token_stays_revoked_if_the_leeway_is_raised_later(
    make_session_app: MakeSessionApp, pass_time: PassTime, signal_log: SignalLog
) -> None:
    before = make_session_app(TOKENAUTH_LEEWAY=0, TOKENAUTH_REVOCATION="strict")
    token = issue(before)
    revoke_current(before, token)

    after = make_session_app(auth=TokenAuth(), TOKENAUTH_LEEWAY=300, TOKENAUTH_REVOCATION="strict")
    pass_time(timedelta(seconds=900 + 300) - MOMENT, after)

    assert me(after, token) == 401
    assert signal_log.reasons == ["token_revoked"]


def test_a_token_revoked_by_id_is_refused_for_the_longest_lifetime_of_any_process(
    app: Flask, make_session_app: MakeSessionApp, pass_time: PassTime, signal_log: SignalLog
) -> None:
    """A command may have other settings than the issuing application."""
    long = make_session_app(auth=TokenAuth(), TOKENAUTH_MAX_LIFETIME=timedelta(days=7), TOKENAUTH_REVOCATION="strict")
    token, dated = issue(long, expires_in=7 * DAY), issue(long, expires_in=7 * DAY)

    revoke_id(app, token_id_of(token))
    revoke_id(app, token_id_of(dated), expires_at=datetime.fromtimestamp(claims_of(dated)["exp"], UTC))
    pass_time(7 * DAY, long)
    store_of(long).purge()

    assert [me(long, token), me(long, dated)] == [401, 401]
    assert signal_log.reasons == ["token_revoked", "token_revoked"]


def test_expires_at_may_be_far_in_the_future(app: Flask) -> None:
    revoke_id(app, "t1", expires_at=datetime(9999, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize("leeway", [0, 10])
@pytest.mark.parametrize("since", [timedelta(0), timedelta(microseconds=1), DAY, 20_000 * DAY])
def test_a_time_at_which_every_server_refuses_the_token_cannot_be_expires_at(
    make_session_app: MakeSessionApp, clock: StandingClock, signal_log: SignalLog, leeway: int, since: timedelta
) -> None:
    """The entry would be forgotten at once, and a token that lives longer would be accepted."""
    app = make_session_app(TOKENAUTH_LEEWAY=leeway)
    limit = datetime.fromtimestamp(clock.now - 2 * leeway, UTC)

    with record_calls(store_of(app)) as called, pytest.raises(ValueError, match="expires_at must be later than"):
        revoke_id(app, "t1", expires_at=limit - since)

    assert called == ["longest_leeway"]
    assert signal_log.sessions == []


@pytest.mark.parametrize("leeway", [0, 10])
def test_a_token_that_a_server_may_still_accept_can_be_revoked_by_its_expiry(
    make_session_app: MakeSessionApp, clock: StandingClock, leeway: int
) -> None:
    """The clock of that server may be behind by the leeway."""
    app = make_session_app(TOKENAUTH_LEEWAY=leeway, TOKENAUTH_REVOCATION="strict")
    limit = datetime.fromtimestamp(clock.now - 2 * leeway, UTC)

    revoke_id(app, "t1", expires_at=limit + SECOND)

    assert store_of(app).is_revoked(token_id="t1", session_id=None, user_id="alice", epoch=0)


def test_the_error_of_a_past_expires_at_has_the_limit_and_the_advice(
    make_session_app: MakeSessionApp, clock: StandingClock
) -> None:
    app = make_session_app()
    clock.now = NOW

    with pytest.raises(ValueError, match="expires_at") as caught:
        revoke_id(app, "t1", expires_at=datetime.fromtimestamp(NOW - 60, UTC))

    assert str(caught.value) == (
        "expires_at must be later than 2023-11-14T22:13:00+00:00 (now, less twice the longest TOKENAUTH_LEEWAY of the "
        "store), got 2023-11-14T22:12:20+00:00: pass the claim exp of the token, as datetime.fromtimestamp(exp, UTC), "
        "or leave expires_at out if you do not know it. A token that has expired needs no revocation"
    )


@pytest.mark.parametrize("leeway", [0, 300])
def test_a_process_keeps_a_revocation_for_the_leeway_too(
    make_session_app: MakeSessionApp, clock: StandingClock, pass_time: PassTime, signal_log: SignalLog, leeway: int
) -> None:
    """The store may have purged the revocation already; the process must still keep it."""
    app = make_session_app(TOKENAUTH_LEEWAY=leeway)
    token = issue(app, expires_in=300)
    revoke_current(app, token)

    for _ in range(10):
        pass_time(timedelta(seconds=(300 + leeway) / 10 - 0.001), app)
        store_of(app).purge()
        me(app, token)

    assert set(signal_log.reasons) == {"token_revoked"}
