"""A refresh token is good once: repeats, reuse, races, and a store that lost writes."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.core.opaque.refresh_token import RefreshToken
from flask_tokenauth.testing.store_contract.kit import at_once

from .conftest import MakeSessionApp
from .devices import me
from .kit import (
    INVALID_GRANT,
    MOMENT,
    PATIENT,
    WINDOW,
    Backend,
    SignalLog,
    claims_of,
    generation_of,
    is_live,
    refresh,
    refreshed,
    session_id_of,
    session_of,
    sign_in,
    store_of,
    successor,
    unavailable,
)


def test_each_refresh_returns_a_new_refresh_token(app: Flask) -> None:
    token = sign_in(app)["refresh_token"]
    tokens = [token] + [token := successor(app, token) for _ in range(5)]

    assert len(set(tokens)) == 6
    assert len({session_id_of(issued) for issued in tokens}) == 1
    assert generation_of(app, token) == 5


@pytest.mark.parametrize("later", [timedelta(0), MOMENT, WINDOW - MOMENT])
def test_a_repeat_within_the_window_gets_the_same_successor(app: Flask, backend: Backend, later: timedelta) -> None:
    first = sign_in(app)["refresh_token"]
    second = refreshed(app, first)
    backend.age(session_id_of(first), later)

    repeated = refreshed(app, first)

    assert repeated["refresh_token"] == second["refresh_token"]
    assert repeated["access_token"] != second["access_token"]
    assert me(app, second["access_token"]) == me(app, repeated["access_token"]) == 200
    assert generation_of(app, first) == 1
    assert refresh(app, second["refresh_token"]).status_code == 200


def test_a_repeat_does_not_prolong_the_window(app: Flask, backend: Backend) -> None:
    first = sign_in(app)["refresh_token"]
    successor(app, first)
    backend.age(session_id_of(first), WINDOW - MOMENT)
    successor(app, first)

    backend.age(session_id_of(first), MOMENT)

    assert refresh(app, first).get_json() == INVALID_GRANT
    assert not is_live(app, first)


@pytest.mark.parametrize("later", [WINDOW, WINDOW + MOMENT, timedelta(days=1)])
def test_a_repeat_after_the_window_ends_the_session(
    app: Flask, backend: Backend, caplog: pytest.LogCaptureFixture, later: timedelta
) -> None:
    """RFC 9700 section 4.14.2."""
    first = sign_in(app)["refresh_token"]
    second = refreshed(app, first)
    backend.age(session_id_of(first), later)

    with caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        answer = refresh(app, first)
        messages = [(record.levelname, record.getMessage()) for record in caplog.records]

    assert (answer.status_code, answer.get_json()) == (400, INVALID_GRANT)
    assert not is_live(app, first)
    assert refresh(app, second["refresh_token"]).get_json() == INVALID_GRANT
    assert messages == [
        ("WARNING", f"a refresh token was used twice, so there is a copy of it: ended session {session_id_of(first)}"),
        ("INFO", "refused: refresh_token_reused"),
    ]


def test_a_token_two_generations_back_ends_the_session_even_within_the_window(app: Flask) -> None:
    first = sign_in(app)["refresh_token"]
    third = successor(app, successor(app, first))

    assert refresh(app, first).get_json() == INVALID_GRANT
    assert refresh(app, third).get_json() == INVALID_GRANT


@pytest.mark.parametrize("cache_size", [0, 1024])
def test_a_reuse_ends_the_access_tokens_with_and_without_the_cache(
    make_session_app: MakeSessionApp, backend: Backend, signal_log: SignalLog, cache_size: int
) -> None:
    app = make_session_app(TOKENAUTH_TOKEN_CACHE_SIZE=cache_size)
    login, other = sign_in(app), sign_in(app)
    second = refreshed(app, login["refresh_token"])
    assert [me(app, tokens["access_token"]) for tokens in (login, second, other)] == [200, 200, 200]
    backend.age(session_id_of(login["refresh_token"]), WINDOW)
    refresh(app, login["refresh_token"])
    signal_log.reasons.clear()

    assert [me(app, tokens["access_token"]) for tokens in (login, second, other)] == [401, 401, 200]
    assert signal_log.reasons == ["token_revoked", "token_revoked"]


def test_with_a_window_of_zero_every_repeat_ends_the_session(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_REFRESH_RETRY_WINDOW=0)
    first = sign_in(app)["refresh_token"]
    second = successor(app, first)

    assert refresh(app, first).get_json() == INVALID_GRANT
    assert refresh(app, second).get_json() == INVALID_GRANT


@pytest.mark.usefixtures("patient")
def test_32_threads_that_redeem_one_token_get_one_successor(
    make_session_app: MakeSessionApp, signal_log: SignalLog
) -> None:
    app = make_session_app(TOKENAUTH_STORE_TIMEOUT=PATIENT)
    token = sign_in(app)["refresh_token"]
    signal_log.sessions.clear()

    bodies = at_once(32, lambda _: refreshed(app, token))

    assert len({body["refresh_token"] for body in bodies}) == 1
    assert len({body["access_token"] for body in bodies}) == 32
    assert generation_of(app, token) == 1
    names = sorted(name for name, _ in signal_log.sessions)
    assert names == ["tokenauth-refresh-retried"] * 31 + ["tokenauth-session-refreshed"]
    assert refresh(app, bodies[0]["refresh_token"]).status_code == 200


@pytest.mark.usefixtures("patient")
def test_32_threads_that_use_a_token_again_end_one_session_once(
    make_session_app: MakeSessionApp, signal_log: SignalLog
) -> None:
    app = make_session_app(TOKENAUTH_REFRESH_RETRY_WINDOW=0, TOKENAUTH_STORE_TIMEOUT=PATIENT)
    token = sign_in(app)["refresh_token"]
    successor(app, token)
    signal_log.sessions.clear()

    answers = at_once(32, lambda _: refresh(app, token).get_json())

    assert answers == [INVALID_GRANT] * 32
    assert sorted(name for name, _ in signal_log.sessions) == ["tokenauth-refresh-reused", "tokenauth-session-ended"]


def test_a_store_that_lost_refreshes_takes_the_generation_from_the_client(
    app: Flask, backend: Backend, signal_log: SignalLog, caplog: pytest.LogCaptureFixture
) -> None:
    first = sign_in(app)["refresh_token"]
    second = successor(app, first)
    third = successor(app, second)
    backend.set_generation(session_id_of(first), 0)
    signal_log.sessions.clear()

    fourth = successor(app, third)

    assert generation_of(app, first) == 3
    of = {"session_id": session_id_of(first), "user_id": "alice"}
    assert signal_log.sessions == [("tokenauth-store-rolled-back", of), ("tokenauth-session-refreshed", of)]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"the store has lost a refresh of session {session_id_of(first)}: it has lost writes"
    ]
    assert refresh(app, second).get_json() == INVALID_GRANT
    assert refresh(app, fourth).get_json() == INVALID_GRANT


def test_a_store_that_loses_a_refresh_meanwhile_goes_on_from_its_own_generation(
    app: Flask, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sign_in(app)["refresh_token"]
    second = successor(app, first)
    successor(app, second)
    store: Any = store_of(app)
    find = store.find_session

    def find_and_lose(session_id: str) -> Any:
        found = find(session_id)
        backend.set_generation(session_id, 0)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store, "find_session", find_and_lose)
        answer = refresh(app, first)

    assert answer.get_json()["refresh_token"] == second
    assert refresh(app, second).status_code == 200


@pytest.mark.parametrize("method", ["find_session", "redeem"])
def test_an_outage_spends_no_refresh_token(app: Flask, method: str) -> None:
    token = sign_in(app)["refresh_token"]

    with unavailable(store_of(app), method):
        assert refresh(app, token).status_code == 503

    assert generation_of(app, token) == 0
    assert refresh(app, token).status_code == 200


def test_a_repeat_after_a_lost_answer_gets_the_same_generation(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store kept the swap, but the caller got an error."""
    token = sign_in(app)["refresh_token"]
    store: Any = store_of(app)
    redeem = store.redeem

    def redeem_and_fail(*args: Any, **options: Any) -> None:
        redeem(*args, **options)
        store.redeem = redeem
        with unavailable(store):
            store.redeem()

    with monkeypatch.context() as patch:
        patch.setattr(store, "redeem", redeem_and_fail)
        assert refresh(app, token).status_code == 503

    assert generation_of(app, token) == 1
    assert refresh(app, token).status_code == 200
    assert generation_of(app, token) == 1


def test_a_session_ends_at_the_last_generation(app: Flask) -> None:
    token = sign_in(app)["refresh_token"]
    sessions = app.extensions["tokenauth"].sessions
    last = sessions.write(RefreshToken(sessions.read(token).handle, 2**32 - 2))

    beyond = successor(app, last)

    assert generation_of(app, token) == 2**32 - 1
    assert refresh(app, beyond).get_json() == INVALID_GRANT
    assert successor(app, last) == beyond


def test_a_refresh_keeps_the_grant_of_the_session(app: Flask, backend: Backend) -> None:
    token = sign_in(app)["refresh_token"]
    before = session_of(app, token)

    refreshed(app, token, scope="a")

    after = session_of(app, token)
    assert before is not None
    assert after is not None
    assert (after.grant, after.started_at, after.expires_at) == (before.grant, before.started_at, before.expires_at)


def test_refreshed_tokens_keep_the_audience_of_the_login(make_session_app: MakeSessionApp) -> None:
    """Two applications of one issuer share a store; a refresh at one gives no access to the other."""
    billing = make_session_app(auth=TokenAuth(), TOKENAUTH_AUDIENCE="https://billing.example")
    admin = make_session_app(auth=TokenAuth(), TOKENAUTH_AUDIENCE="https://admin.example")
    login = sign_in(billing)

    body = refreshed(admin, login["refresh_token"])

    assert claims_of(body["access_token"])["aud"] == "https://billing.example"
    assert [me(app, body["access_token"]) for app in (billing, admin)] == [200, 401]
