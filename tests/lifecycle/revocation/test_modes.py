"""``TOKENAUTH_REVOCATION``: the store is asked once in each interval, at each request, or never."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth
from flask_tokenauth.application.settings import Settings
from flask_tokenauth.application.stored_state import StoredState
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import CONFIG
from ..conftest import MakeSessionApp
from ..devices import end_device, id_of, log_out, me, revoke
from ..kit import (
    INVALID_GRANT,
    is_live,
    pass_interval,
    record_calls,
    refresh,
    sign_in,
    store_of,
    successor,
    unavailable,
)
from .kit import ALL_MODES, MODES, issue


def read_settings(**config: object) -> Settings:
    return Settings.from_config(CONFIG | config, app_name="tests")


# Settings


def test_the_feed_is_the_default() -> None:
    settings = read_settings(TOKENAUTH_STORE="memory://")

    assert settings.revocation == "feed"
    assert settings.revocation_interval == timedelta(seconds=1)
    assert settings.revocation_max_staleness == timedelta(seconds=30)
    assert settings.store_timeout == timedelta(seconds=0.5)


@pytest.mark.parametrize("mode", MODES)
def test_feed_and_strict_need_a_store(mode: str) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_REVOCATION needs TOKENAUTH_STORE"):
        read_settings(TOKENAUTH_REVOCATION=mode)


def test_off_needs_no_store() -> None:
    assert read_settings(TOKENAUTH_REVOCATION="off").revocation == "off"


@pytest.mark.parametrize("mode", ["", "on", "Feed", True, 1, None.__class__])
def test_other_modes_raise(mode: object) -> None:
    with pytest.raises(SettingsError, match=r'TOKENAUTH_REVOCATION must be "feed", "strict" or "off"'):
        read_settings(TOKENAUTH_STORE="memory://", TOKENAUTH_REVOCATION=mode)


@pytest.mark.parametrize(("staleness", "refused"), [(4.9, True), (5, False), (6, False)])
def test_the_interval_must_not_be_longer_than_max_staleness(staleness: float, *, refused: bool) -> None:
    config = {
        "TOKENAUTH_STORE": "memory://",
        "TOKENAUTH_REVOCATION_INTERVAL": 5,
        "TOKENAUTH_REVOCATION_MAX_STALENESS": staleness,
    }
    if not refused:
        assert read_settings(**config).revocation_max_staleness == timedelta(seconds=staleness)
        return
    with pytest.raises(
        SettingsError, match="REVOCATION_INTERVAL must not be longer than TOKENAUTH_REVOCATION_MAX_STALENESS"
    ):
        read_settings(**config)


def test_a_store_gets_the_timeout_from_the_settings() -> None:
    class StoreWithTimeout(MemoryStore):
        timeout: timedelta | None = None

        def bind(self, issuer: str, *, timeout: timedelta, lifetime: timedelta, leeway: timedelta) -> None:
            self.timeout = timeout
            super().bind(issuer, timeout=timeout, lifetime=lifetime, leeway=leeway)

    store = StoreWithTimeout()

    StoredState(read_settings(TOKENAUTH_STORE=store, TOKENAUTH_STORE_TIMEOUT=0.2), clock=time.time)

    assert store.timeout == timedelta(seconds=0.2)


# Calls of the store


EXPECTED_CALLS = {"feed": [["revocations_since"], [], []], "strict": [["is_revoked"]] * 3, "off": [[], [], []]}


@pytest.mark.parametrize("mode", ALL_MODES)
def test_the_mode_decides_when_a_request_asks_the_store(make_session_app: MakeSessionApp, mode: str) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION=mode)
    token = issue(app)
    calls = []

    for _ in range(3):
        with record_calls(store_of(app)) as called:
            assert me(app, token) == 200
        calls.append(called)

    assert calls == EXPECTED_CALLS[mode]


# Revoked tokens are refused

ENDS: dict[str, Callable[[Flask, Any, Any], object]] = {
    "a logout": lambda app, login, other: log_out(app, login["access_token"]),
    "the end of a device": lambda app, login, other: end_device(app, other["access_token"], id_of(login)),
    "a revoked refresh token": lambda app, login, other: revoke(app, login["refresh_token"]),
    "a refresh token that is used again": lambda app, login, other: reuse(app, login["refresh_token"]),
}


def reuse(app: Flask, refresh_token: str) -> None:
    successor(app, successor(app, refresh_token))
    assert refresh(app, refresh_token).get_json() == INVALID_GRANT


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("mode", ALL_MODES)
def test_the_access_tokens_of_an_ended_session_are_refused(
    make_session_app: MakeSessionApp, mode: str, end: Callable[[Flask, Any, Any], object]
) -> None:
    """Its own worker refuses them at once, other workers after the interval; with "off" they are accepted."""
    a, b = (make_session_app(auth=TokenAuth(), TOKENAUTH_REVOCATION=mode) for _ in range(2))
    login, other = sign_in(a), sign_in(b)
    assert [me(worker, login["access_token"]) for worker in (a, b)] == [200, 200]

    end(a, login, other)

    refused = 200 if mode == "off" else 401
    assert me(a, login["access_token"]) == refused
    if mode == "feed":
        pass_interval(b)
    assert me(b, login["access_token"]) == refused
    assert [me(worker, other["access_token"]) for worker in (a, b)] == [200, 200]
    assert not is_live(a, login["refresh_token"])
    assert [refresh(worker, login["refresh_token"]).status_code for worker in (a, b)] == [400, 400]


def test_a_worker_learns_of_an_end_on_another_worker_after_half_the_interval(make_session_app: MakeSessionApp) -> None:
    a, b = (make_session_app(auth=TokenAuth()) for _ in range(2))
    login = sign_in(a)
    assert me(b, login["access_token"]) == 200
    log_out(a, login["access_token"])

    b.extensions["tokenauth"].stored.feed.monotonic.now += 0.499
    assert me(b, login["access_token"]) == 200
    b.extensions["tokenauth"].stored.feed.monotonic.now += 0.001

    assert me(b, login["access_token"]) == 401


# With "off", revoking raises

CALLS: dict[str, Callable[[TokenAuth[Any]], object]] = {
    "a token": lambda auth: auth.revoke_token("t1"),
    "a session": lambda auth: auth.revoke_session("s1"),
    "a user": lambda auth: auth.revoke_user("alice", api_keys=True),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_with_off_revoking_raises_and_names_the_setting(
    make_session_app: MakeSessionApp, auth: TokenAuth[Any], call: Callable[[TokenAuth[Any]], object]
) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION="off")

    with app.app_context(), record_calls(store_of(app)) as called, pytest.raises(SettingsError) as caught:
        call(auth)

    assert 'TOKENAUTH_REVOCATION must be "feed" or "strict" to revoke' in str(caught.value)
    assert called == []


# Other settings


def test_verify_asks_the_store_like_a_request(app: Flask, auth: TokenAuth[Any]) -> None:
    token = issue(app)

    with app.app_context():
        with unavailable(store_of(app)), pytest.raises(StoreUnavailable):
            auth.verify(token)
        pass_interval(app)
        assert auth.verify(token).subject == "alice"


def test_the_feed_gets_its_timeout_and_its_leeway_from_the_settings(
    make_session_app: MakeSessionApp,
) -> None:
    app = make_session_app(TOKENAUTH_STORE_TIMEOUT=0.2, TOKENAUTH_LEEWAY=100)
    feed = app.extensions["tokenauth"].stored.feed

    assert (feed._timeout, feed._grace) == (0.2, 260)


def test_the_second_of_two_revocations_in_one_moment_counts_at_once(app: Flask, auth: TokenAuth[Any]) -> None:
    with app.app_context():
        auth.revoke_user("alice", api_keys=True)
    between = issue(app)
    assert me(app, between) == 200

    with app.app_context():
        auth.revoke_user("alice", api_keys=True)

    assert me(app, between) == 401


@pytest.mark.parametrize(("setting", "expected"), [({}, True), ({"TESTING": True}, False), ({"DEBUG": True}, False)])
def test_a_store_in_memory_logs_a_warning_in_production(
    caplog: pytest.LogCaptureFixture, setting: dict[str, object], expected: object
) -> None:
    app = Flask("tests")
    app.config |= CONFIG | {"TESTING": False, "TOKENAUTH_STORE": "memory://"} | setting

    TokenAuth(app)

    assert any("TOKENAUTH_STORE is memory://" in message for message in caplog.messages) is expected
