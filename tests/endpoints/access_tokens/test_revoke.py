"""``POST /auth/revoke`` (RFC 7009) with access tokens: a client revokes its own token and learns nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import TokenAuth

from ...conftest import Mint, StandingClock
from ...lifecycle.conftest import MakeSessionApp
from ...lifecycle.devices import UNSUPPORTED_TYPE, Login, id_of, log_out, me, revoke
from ...lifecycle.kit import SignalLog, claims_of, is_live, pass_interval, record_calls, refreshed, sign_in, store_of
from ...lifecycle.revocation.kit import MODES, PassTime, issue, revoke_id


@pytest.fixture
def login(app: Flask, signal_log: SignalLog) -> Login:
    login = sign_in(app)
    signal_log.sessions.clear()
    return login


def check_success(answer: TestResponse) -> None:
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
def test_a_revoked_access_token_is_refused(app: Flask, login: Login, signal_log: SignalLog, hint: str | None) -> None:
    """RFC 7009 section 2.1: after a wrong hint "the authorization server MUST extend its search"."""
    answer = revoke(app, login["access_token"], **({} if hint is None else {"token_type_hint": hint}))

    check_success(answer)
    assert me(app, login["access_token"]) == 401
    facts = {"token_id": claims_of(login["access_token"])["jti"], "user_id": "alice"}
    assert signal_log.sessions == [("tokenauth-token-revoked", facts)]


def test_the_session_of_a_revoked_access_token_goes_on(app: Flask, login: Login) -> None:
    """RFC 7009 section 2.1: the server "MAY revoke the respective refresh token as well"."""
    revoke(app, login["access_token"])

    assert is_live(app, login["refresh_token"])
    assert me(app, refreshed(app, login["refresh_token"])["access_token"]) == 200


def test_a_token_without_a_session_can_be_revoked(app: Flask) -> None:
    token, other = issue(app), issue(app)

    check_success(revoke(app, token))

    assert [me(app, token), me(app, other)] == [401, 200]


def test_a_token_for_another_audience_can_be_revoked(
    app: Flask, make_session_app: MakeSessionApp, backend: Any
) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_AUDIENCE="https://other.example")
    token = issue(app, audience="https://other.example")
    assert [me(app, token), me(other, token)] == [401, 200]

    check_success(revoke(app, token))
    pass_interval(other)

    assert me(other, token) == 401


def test_a_token_of_another_issuer_is_not_revoked(app: Flask, make_session_app: MakeSessionApp) -> None:
    theirs = make_session_app(auth=TokenAuth(), TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER="https://other.example")
    token = issue(theirs)

    with record_calls(store_of(app)) as called:
        check_success(revoke(app, token))

    assert called == []
    assert me(theirs, token) == 200


@pytest.mark.parametrize(("passed", "kept"), [(1499, True), (1500, False), (1501, False)])
def test_a_token_is_revoked_until_it_has_expired_for_every_server(
    app: Flask, clock: StandingClock, login: Login, passed: int, *, kept: bool
) -> None:
    """Another application may have the longest leeway that a setting allows: 5 minutes."""
    clock.now += passed

    with record_calls(store_of(app)) as called:
        check_success(revoke(app, login["access_token"]))

    assert ("revoke" in called) is kept


@pytest.mark.parametrize("passed", [900, 910, 919])
def test_a_token_that_a_server_with_a_slower_clock_accepts_can_be_revoked(
    app: Flask, make_session_app: MakeSessionApp, clock: StandingClock, passed: int
) -> None:
    other = make_session_app(auth=TokenAuth())
    other.extensions["tokenauth"].clock = StandingClock(clock.now + passed - 10)
    token = issue(app)
    clock.now += passed
    assert me(other, token) == 200

    check_success(revoke(app, token))
    pass_interval(other)

    assert me(other, token) == 401


def test_a_token_can_be_revoked_until_its_last_second(
    app: Flask, pass_time: PassTime, login: Login, signal_log: SignalLog
) -> None:
    pass_time(timedelta(seconds=909), app)

    check_success(revoke(app, login["access_token"]))

    assert me(app, login["access_token"]) == 401
    assert signal_log.reasons == ["token_revoked"]


def test_revoking_again_writes_no_second_entry(app: Flask, login: Login, signal_log: SignalLog) -> None:
    for _ in range(3):
        check_success(revoke(app, login["access_token"]))

    assert len(store_of(app).revocations_since(None).entries) == 1
    assert len(signal_log.sessions) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_token_with_a_shorter_entry_is_revoked_until_it_expires(
    make_session_app: MakeSessionApp, pass_time: PassTime, clock: StandingClock, signal_log: SignalLog, mode: str
) -> None:
    """The entry may have been made with a wrong time. A client that gets 200 relies on the revocation."""
    app, other = (make_session_app(auth=TokenAuth(), TOKENAUTH_REVOCATION=mode) for _ in range(2))
    token = issue(app)
    revoke_id(app, claims_of(token)["jti"], expires_at=datetime.fromtimestamp(clock.now + 1, UTC))

    check_success(revoke(app, token))
    pass_time(timedelta(seconds=899), app, other)
    store_of(app).purge()

    assert [me(app, token), me(other, token)] == [401, 401]
    assert signal_log.reasons == ["token_revoked", "token_revoked"]


def test_a_token_of_an_ended_session_is_revoked_by_itself_too(app: Flask, login: Login, signal_log: SignalLog) -> None:
    """The entry of the session may be shorter than the token lives. The signal is about the session alone."""
    log_out(app, login["access_token"])

    check_success(revoke(app, login["access_token"]))

    kinds = {entry.kind for entry in store_of(app).revocations_since(None).entries}
    assert kinds == {"session", "token"}
    assert [name for name, _ in signal_log.sessions] == ["tokenauth-session-ended"]


def test_token_check_does_not_prevent_a_revocation(
    app: Flask, auth: TokenAuth[Any], login: Login, signal_log: SignalLog
) -> None:
    """A client may revoke a token that the application refuses."""
    auth.token_check(lambda token: False)

    check_success(revoke(app, login["access_token"]))

    assert [name for name, _ in signal_log.sessions] == ["tokenauth-token-revoked"]


def test_with_off_the_endpoint_refuses_access_tokens(make_session_app: MakeSessionApp, signal_log: SignalLog) -> None:
    """RFC 7009 section 2.2.1."""
    app = make_session_app(TOKENAUTH_REVOCATION="off")
    login = sign_in(app)

    answer = revoke(app, login["access_token"], token_type_hint="access_token")

    assert (answer.status_code, answer.get_json()) == (400, UNSUPPORTED_TYPE)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers
    assert signal_log.reasons == ["token_type_unsupported"]
    assert me(app, login["access_token"]) == 200
    assert is_live(app, login["refresh_token"])
    check_success(revoke(app, "x"))


def test_a_revoked_refresh_token_ends_its_access_tokens_on_every_worker(
    app: Flask, make_session_app: MakeSessionApp, login: Login
) -> None:
    other = make_session_app(auth=TokenAuth())
    second = refreshed(app, login["refresh_token"])
    tokens = [login["access_token"], second["access_token"]]
    assert [me(worker, token) for worker in (app, other) for token in tokens] == [200] * 4

    check_success(revoke(app, second["refresh_token"]))

    assert [me(app, token) for token in tokens] == [401, 401]
    pass_interval(other)
    assert [me(other, token) for token in tokens] == [401, 401]
    assert id_of(login) == claims_of(second["access_token"])["sid"]


# Tokens that this worker refuses, but others may accept


def test_a_token_with_a_longer_lifetime_than_allowed_here_can_be_revoked(
    app: Flask, make_session_app: MakeSessionApp, pass_time: PassTime
) -> None:
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_MAX_LIFETIME=timedelta(days=7))
    token = issue(other, expires_in=timedelta(days=6))
    assert [me(app, token), me(other, token)] == [401, 200]

    check_success(revoke(app, token))
    pass_time(timedelta(days=6), other)

    assert store_of(app).purge() == 0
    assert me(other, token) == 401


@pytest.mark.parametrize("ahead", [11, 300, 3600])
def test_a_token_issued_in_the_future_can_be_revoked(
    app: Flask, make_session_app: MakeSessionApp, clock: StandingClock, ahead: int
) -> None:
    other = make_session_app(auth=TokenAuth())
    other.extensions["tokenauth"].clock = StandingClock(clock.now + ahead)
    token = issue(other)
    assert [me(app, token), me(other, token)] == [401, 200]

    check_success(revoke(app, token))
    pass_interval(other)

    assert me(other, token) == 401


@pytest.mark.parametrize(("issued", "begins"), [(0, 60), (60, 60), (60, 120), (120, 60)])
def test_a_token_that_is_not_yet_valid_can_be_revoked(
    app: Flask, mint: Mint, clock: StandingClock, issued: int, begins: int
) -> None:
    now = clock.now
    times: dict[str, Any] = {"iat": now + issued, "nbf": now + begins, "exp": now + 900}
    token, other = mint(**times), mint(**times, jti="t2")

    check_success(revoke(app, token))
    clock.now += 120

    assert [me(app, token), me(app, other)] == [401, 200]


def test_a_token_that_expires_before_it_is_valid_is_not_revoked(app: Flask, mint: Mint, clock: StandingClock) -> None:
    token = mint(iat=clock.now, nbf=clock.now + 60 + 2 * 600, exp=clock.now + 60)

    with record_calls(store_of(app)) as called:
        check_success(revoke(app, token))

    assert called == []


def test_a_token_over_max_token_bytes_of_this_application_can_be_revoked(make_session_app: MakeSessionApp) -> None:
    app, small = make_session_app(), make_session_app(auth=TokenAuth(), TOKENAUTH_MAX_TOKEN_BYTES=1024)
    token = issue(app, claims={"x": "a" * 2000})

    check_success(revoke(small, token))
    pass_interval(app)

    assert me(app, token) == 401


@pytest.mark.parametrize("exp", [899.9999999, 900.5, 299.99999999])
def test_a_token_that_expires_within_a_second_can_be_revoked(
    make_session_app: MakeSessionApp, mint: Mint, clock: StandingClock, exp: float
) -> None:
    """This holds at the edge of a bucket too."""
    app = make_session_app()
    edge = (clock.now // 300 + 4) * 300
    token = mint(iat=clock.now, exp=edge - 900 + exp)

    check_success(revoke(app, token))

    assert me(app, token) == 401


def test_revoking_a_token_that_another_worker_has_revoked_counts_at_once(
    app: Flask, make_session_app: MakeSessionApp, login: Login
) -> None:
    other = make_session_app(auth=TokenAuth())
    assert me(other, login["access_token"]) == 200
    revoke(app, login["access_token"])

    check_success(revoke(other, login["access_token"]))

    assert me(other, login["access_token"]) == 401


def test_revoking_a_token_whose_session_another_worker_has_ended_counts_at_once(
    app: Flask, make_session_app: MakeSessionApp, login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    """The entry of the token is written beside that of its session, and none is reported as lost."""
    other = make_session_app(auth=TokenAuth())
    assert me(app, login["access_token"]) == 200
    log_out(other, login["access_token"])

    check_success(revoke(app, login["access_token"]))

    assert me(app, login["access_token"]) == 401
    app.extensions["tokenauth"].stored.feed._start_reload()
    pass_interval(app)
    assert me(app, login["access_token"]) == 401
    assert not [message for message in caplog.messages if "has lost" in message]
