"""``TOKENAUTH_REVOCATION``: the store is heard once an interval, asked for every request, or neither."""

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
from ..kit import INVALID_GRANT, asked, away, hear, is_live, refresh, sign_in, store_of, successor
from .kit import ALL_MODES, MODES, issue


def read(**config: object) -> Settings:
    return Settings.from_config(CONFIG | config, app_name="tests")


# Settings


def test_the_feed_is_the_default() -> None:
    settings = read(TOKENAUTH_STORE="memory://")

    assert settings.revocation == "feed"
    assert settings.revocation_interval == timedelta(seconds=1)
    assert settings.revocation_max_staleness == timedelta(seconds=30)
    assert settings.store_timeout == timedelta(seconds=0.5)


@pytest.mark.parametrize("mode", MODES)
def test_without_a_store_nothing_is_revoked_in_silence(mode: str) -> None:
    with pytest.raises(SettingsError, match="TOKENAUTH_REVOCATION needs TOKENAUTH_STORE"):
        read(TOKENAUTH_REVOCATION=mode)


def test_without_a_store_it_may_be_off() -> None:
    assert read(TOKENAUTH_REVOCATION="off").revocation == "off"


@pytest.mark.parametrize("mode", ["", "on", "Feed", True, 1, None.__class__])
def test_there_are_three_modes(mode: object) -> None:
    with pytest.raises(SettingsError, match=r'TOKENAUTH_REVOCATION must be "feed", "strict" or "off"'):
        read(TOKENAUTH_STORE="memory://", TOKENAUTH_REVOCATION=mode)


@pytest.mark.parametrize(("staleness", "refused"), [(4.9, True), (5, False), (6, False)])
def test_news_are_not_rarer_than_they_may_be_old(staleness: float, *, refused: bool) -> None:
    config = {
        "TOKENAUTH_STORE": "memory://",
        "TOKENAUTH_REVOCATION_INTERVAL": 5,
        "TOKENAUTH_REVOCATION_MAX_STALENESS": staleness,
    }
    if not refused:
        assert read(**config).revocation_max_staleness == timedelta(seconds=staleness)
        return
    with pytest.raises(
        SettingsError, match="REVOCATION_INTERVAL must not be longer than TOKENAUTH_REVOCATION_MAX_STALENESS"
    ):
        read(**config)


def test_a_store_is_told_how_long_it_may_take() -> None:
    class Listening(MemoryStore):
        told: timedelta | None = None

        def bind(self, issuer: str, *, timeout: timedelta, retention: timedelta) -> None:
            self.told = timeout
            super().bind(issuer, timeout=timeout, retention=retention)

    store = Listening()

    StoredState(read(TOKENAUTH_STORE=store, TOKENAUTH_STORE_TIMEOUT=0.2), clock=time.time)

    assert store.told == timedelta(seconds=0.2)


# What a request asks the store


ASKED = {"feed": [["revocations_since"], [], []], "strict": [["is_revoked"]] * 3, "off": [[], [], []]}


@pytest.mark.parametrize("mode", ALL_MODES)
def test_requests_ask_the_store_as_the_mode_says(make_session_app: MakeSessionApp, mode: str) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION=mode)
    token = issue(app)
    calls = []

    for _ in range(3):
        with asked(store_of(app)) as called:
            assert me(app, token) == 200
        calls.append(called)

    assert calls == ASKED[mode]


# What is revoked is refused

ENDS: dict[str, Callable[[Flask, Any, Any], object]] = {
    "a logout": lambda app, login, other: log_out(app, login["access_token"]),
    "the end of a device": lambda app, login, other: end_device(app, other["access_token"], id_of(login)),
    "a revoked refresh token": lambda app, login, other: revoke(app, login["refresh_token"]),
    "a refresh token that is used again": lambda app, login, other: use_again(app, login["refresh_token"]),
}


def use_again(app: Flask, refresh_token: str) -> None:
    successor(app, successor(app, refresh_token))
    assert refresh(app, refresh_token).get_json() == INVALID_GRANT


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_session_that_ends_takes_its_access_tokens_along(
    make_session_app: MakeSessionApp, mode: str, end: Callable[[Flask, Any, Any], object]
) -> None:
    """At once where it ends, on other workers after the interval; unless nothing is to be refused."""
    a, b = (make_session_app(auth=TokenAuth(), TOKENAUTH_REVOCATION=mode) for _ in range(2))
    login, other = sign_in(a), sign_in(b)
    assert [me(worker, login["access_token"]) for worker in (a, b)] == [200, 200]

    end(a, login, other)

    refused = 200 if mode == "off" else 401
    assert me(a, login["access_token"]) == refused
    if mode == "feed":
        hear(b)
    assert me(b, login["access_token"]) == refused
    assert [me(worker, other["access_token"]) for worker in (a, b)] == [200, 200]
    assert not is_live(a, login["refresh_token"])
    assert [refresh(worker, login["refresh_token"]).status_code for worker in (a, b)] == [400, 400]


def test_an_end_on_another_worker_is_not_known_before_the_interval(make_session_app: MakeSessionApp) -> None:
    a, b = (make_session_app(auth=TokenAuth()) for _ in range(2))
    login = sign_in(a)
    assert me(b, login["access_token"]) == 200
    log_out(a, login["access_token"])

    b.extensions["tokenauth"].stored.feed.monotonic.now += 0.499
    assert me(b, login["access_token"]) == 200
    b.extensions["tokenauth"].stored.feed.monotonic.now += 0.001

    assert me(b, login["access_token"]) == 401


# Where nothing is refused, nothing is promised

CALLS: dict[str, Callable[[TokenAuth[Any]], object]] = {
    "a token": lambda auth: auth.revoke_token("t1"),
    "a session": lambda auth: auth.revoke_session("s1"),
    "a user": lambda auth: auth.revoke_user("alice", api_keys=True),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_where_it_is_off_revoking_is_a_mistake_that_names_the_setting(
    make_session_app: MakeSessionApp, auth: TokenAuth[Any], call: Callable[[TokenAuth[Any]], object]
) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION="off")

    with app.app_context(), asked(store_of(app)) as called, pytest.raises(SettingsError) as caught:
        call(auth)

    assert 'TOKENAUTH_REVOCATION must be "feed" or "strict" to revoke' in str(caught.value)
    assert called == []


# What else is set


def test_what_is_verified_by_hand_is_asked_for_like_a_request(app: Flask, auth: TokenAuth[Any]) -> None:
    token = issue(app)

    with app.app_context():
        with away(store_of(app)), pytest.raises(StoreUnavailable):
            auth.verify(token)
        hear(app)
        assert auth.verify(token).subject == "alice"


def test_requests_wait_for_news_as_long_as_is_set_and_remember_for_as_long_as_clocks_may_differ(
    make_session_app: MakeSessionApp,
) -> None:
    app = make_session_app(TOKENAUTH_STORE_TIMEOUT=0.2, TOKENAUTH_LEEWAY=100)
    feed = app.extensions["tokenauth"].stored.feed

    assert (feed._timeout, feed._grace) == (0.2, 260)


def test_the_second_of_two_revocations_in_one_moment_counts_here_at_once(app: Flask, auth: TokenAuth[Any]) -> None:
    with app.app_context():
        auth.revoke_user("alice", api_keys=True)
    between = issue(app)
    assert me(app, between) == 200

    with app.app_context():
        auth.revoke_user("alice", api_keys=True)

    assert me(app, between) == 401


@pytest.mark.parametrize(("setting", "told"), [({}, True), ({"TESTING": True}, False), ({"DEBUG": True}, False)])
def test_a_memory_that_no_second_worker_shares_is_warned_of(
    caplog: pytest.LogCaptureFixture, setting: dict[str, object], told: object
) -> None:
    app = Flask("tests")
    app.config |= CONFIG | {"TESTING": False, "TOKENAUTH_STORE": "memory://"} | setting

    TokenAuth(app)

    assert any("TOKENAUTH_STORE is memory://" in each for each in caplog.messages) is told
