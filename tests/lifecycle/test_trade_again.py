"""A second trade of one token gets the same answer within the retry window, and none after it or after the session."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth.core import Key
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.rotation import Sessions
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.store_contract import AgeRevocations

from ..conftest import SECRET, StandingClock
from ..stores import memory_kit, sqlite_kit
from .conftest import MakeTradingApp
from .devices import log_out, me
from .kit import (
    IDLE,
    INVALID_GRANT,
    MOMENT,
    WINDOW,
    Backend,
    SignalLog,
    claims_of,
    refresh,
    refreshed,
    session_id_of,
    sessions_of,
    store_of,
    successor,
)
from .old_libraries import (
    REFRESH_LIFETIME,
    entry,
    old_claims,
    sign_old,
    trade,
    traded,
)

NEW_SECRET = "7b1e5c9d0a2b48f391c05d7be2af4368b7d0c1e5f9a2468d"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture
def app(trading_app: Flask) -> Flask:
    return trading_app


@pytest.mark.parametrize(
    ("age", "good"),
    [(-WINDOW / 2, True), (0 * WINDOW, True), (WINDOW - MOMENT, True), (WINDOW, False), (WINDOW + MOMENT, False)],
)
def test_a_second_trade_within_the_retry_window_gets_the_same_refresh_token(
    app: Flask, old: str, clock: StandingClock, signal_log: SignalLog, *, age: timedelta, good: bool
) -> None:
    """The clock of the process may be behind that of the store."""
    first = traded(app, old)
    clock.now += age.total_seconds()

    second = trade(app, old)

    if good:
        body = second.get_json()
        assert (body["refresh_token"], body["scope"]) == (first["refresh_token"], first["scope"])
        assert claims_of(body["access_token"])["sid"] == claims_of(first["access_token"])["sid"]
        assert body["refresh_expires_in"] == (IDLE - WINDOW).total_seconds()
        assert me(app, body["access_token"]) == 200
        assert signal_log.sessions[1:] == [("tokenauth-refresh-retried", signal_log.sessions[0][1])]
    else:
        assert (second.status_code, second.get_json()) == (400, INVALID_GRANT)
        assert signal_log.reasons == ["token_already_traded"]
        assert len(signal_log.sessions) == 1
    assert refresh(app, first["refresh_token"]).status_code == 200


def test_with_a_window_of_zero_there_is_no_second_answer(make_trading_app: MakeTradingApp, old: str) -> None:
    app = make_trading_app(TOKENAUTH_REFRESH_RETRY_WINDOW=0)
    traded(app, old)

    assert trade(app, old).get_json() == INVALID_GRANT
    assert len(sessions_of(app)) == 1


def test_nor_if_the_clock_of_the_store_is_ahead(
    make_trading_app: MakeTradingApp, old: str, clock: StandingClock
) -> None:
    app = make_trading_app(TOKENAUTH_REFRESH_RETRY_WINDOW=0)
    traded(app, old)
    clock.now -= 1

    assert trade(app, old).get_json() == INVALID_GRANT


def test_after_a_refresh_there_is_no_second_answer(app: Flask, old: str, signal_log: SignalLog) -> None:
    next_token = successor(app, traded(app, old)["refresh_token"])

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["token_already_traded"]
    assert refresh(app, next_token).status_code == 200


def test_a_second_answer_is_for_the_same_user_only(make_trading_app: MakeTradingApp, old: str) -> None:
    users = iter(["alice", "bob"])
    app = make_trading_app(entry(users=lambda _: next(users)))
    traded(app, old)

    assert trade(app, old).get_json() == INVALID_GRANT


def test_a_scope_that_is_no_longer_declared_is_left_out_of_the_second_answer(
    make_trading_app: MakeTradingApp, old: str
) -> None:
    first = traded(make_trading_app(), old)
    later = make_trading_app(TOKENAUTH_SCOPES={"a": "Read."})

    body = traded(later, old)

    assert (body["refresh_token"], body["scope"]) == (first["refresh_token"], "a")


ENDS: dict[str, Callable[[Flask, dict[str, Any], Backend], object]] = {
    "logout": lambda app, body, _: log_out(app, body["access_token"]),
    "revoke_user": lambda app, _, __: store_of(app).revoke_user("alice", retention=IDLE, api_keys=False),
    "its idle lifetime": lambda _, body, backend: backend.age(session_id_of(body["refresh_token"]), IDLE),
    "reuse": lambda app, body, backend: reuse(app, body["refresh_token"], backend),
}


def reuse(app: Flask, token: str, backend: Backend) -> None:
    """Redeem a refresh token twice, the second time after the window."""
    refreshed(app, token)
    backend.age(session_id_of(token), WINDOW)
    assert refresh(app, token).get_json() == INVALID_GRANT


@pytest.mark.parametrize("is_purged", [False, True], ids=["kept", "purged"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_token_whose_session_has_ended_is_not_traded_again(
    app: Flask,
    old: str,
    backend: Backend,
    signal_log: SignalLog,
    end: Callable[[Flask, dict[str, Any], Backend], object],
    *,
    is_purged: bool,
) -> None:
    body = traded(app, old)
    end(app, body, backend)
    if is_purged:
        assert store_of(app).purge(force=True) == 1
    signal_log.reasons.clear()

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["session_over"]
    assert sessions_of(app) == []


@pytest.fixture
def age_revocations(backend: Backend, tmp_path: Path) -> AgeRevocations:
    if isinstance(backend.source, MemoryStore):
        return memory_kit.revocation_ager(backend.source)
    return sqlite_kit.revocation_ager(tmp_path / "sessions.db")


@pytest.mark.parametrize(
    ("off", "reason"), [(-MOMENT, "session_over"), (0 * MOMENT, "token_expired"), (MOMENT, "token_expired")]
)
def test_a_purged_session_is_remembered_as_long_as_its_old_token_is_good(
    make_trading_app: MakeTradingApp,
    old: str,
    clock: StandingClock,
    age_revocations: AgeRevocations,
    signal_log: SignalLog,
    *,
    off: timedelta,
    reason: str,
) -> None:
    leeway = timedelta(minutes=5)
    app = make_trading_app(entry(leeway=leeway))
    log_out(app, traded(app, old)["access_token"])
    passed = REFRESH_LIFETIME + leeway + off
    clock.now += passed.total_seconds()
    age_revocations(passed)
    store_of(app).purge(force=True)

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == [reason]


@pytest.mark.parametrize(("seconds", "remembered"), [(659.999, True), (660, False), (660.001, False)])
def test_a_trade_is_forgotten_when_no_leeway_makes_the_token_good(
    app: Flask, backend: Backend, seconds: float, *, remembered: bool
) -> None:
    """A minute more than twice the longest leeway that a setting allows."""
    sessions: Sessions = app.extensions["tokenauth"].sessions

    sessions.remember_trade(b"e30.e30", expires_at=backend.now - seconds)

    assert sessions.was_traded(b"e30.e30") is remembered
    assert not sessions.was_traded(b"e30.e31")


def test_the_last_time_there_is_can_be_remembered(app: Flask) -> None:
    sessions: Sessions = app.extensions["tokenauth"].sessions

    sessions.remember_trade(b"e30.e30", expires_at=253_402_300_799)  # the end of the year 9999

    assert sessions.was_traded(b"e30.e30")


def test_processes_forget_a_trade_when_the_token_has_expired(app: Flask, backend: Backend) -> None:
    """The value of a revocation is the ``exp`` by which each process keeps it."""
    app.extensions["tokenauth"].sessions.remember_trade(b"e30.e30", expires_at=backend.now + 0.5)

    [entry] = store_of(app).revocations_since(None).entries
    assert (entry.kind, entry.value, entry.expires_at) == ("token", backend.now, backend.now * 1000 + 660_500)


def test_after_a_rotation_of_the_secret_the_same_session_is_met(make_trading_app: MakeTradingApp, old: str) -> None:
    first = traded(make_trading_app(), old)
    later = make_trading_app(SECRET_KEY=NEW_SECRET, SECRET_KEY_FALLBACKS=["0" + SECRET[1:], SECRET])

    second = traded(later, old)

    assert session_id_of(second["refresh_token"]) == session_id_of(first["refresh_token"])
    assert len(sessions_of(later)) == 1
    assert refresh(later, second["refresh_token"]).status_code == 200
    assert trade(later, old).get_json() == INVALID_GRANT


def test_after_a_rotation_the_new_secret_starts_sessions(make_trading_app: MakeTradingApp, old: str) -> None:
    later = make_trading_app(SECRET_KEY=NEW_SECRET, SECRET_KEY_FALLBACKS=[SECRET])

    first, second = traded(later, old), traded(make_trading_app(SECRET_KEY=NEW_SECRET), old)

    assert first["refresh_token"] == second["refresh_token"]


def test_without_the_fallback_a_traded_token_is_refused(make_trading_app: MakeTradingApp, old: str) -> None:
    traded(make_trading_app(), old)
    later = make_trading_app(SECRET_KEY=NEW_SECRET)

    assert trade(later, old).get_json() == INVALID_GRANT
    assert len(sessions_of(later)) == 1


def test_a_second_signature_of_the_same_token_meets_the_same_session(
    make_trading_app: MakeTradingApp, backend: Backend
) -> None:
    """Each client can turn an ECDSA signature (r, s) into the good signature (r, n - s)."""
    key = Key.generate("ES256")
    app = make_trading_app(entry(secret=None, keys=key.public().to_pem()))
    old = sign_old(old_claims(backend.now), key)
    signed, _, signature = old.rpartition(".")
    r, s = base64url.decode(signature.encode())[:32], base64url.decode(signature.encode())[32:]
    other = f"{signed}.{base64url.encode(r + (P256_ORDER - int.from_bytes(s)).to_bytes(32)).decode()}"

    first, second = traded(app, old), traded(app, other)

    assert other != old
    assert first["refresh_token"] == second["refresh_token"]
    assert len(sessions_of(app)) == 1
