"""A refresh token is good once: repeats, thieves, races, and a store that forgets."""

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
    WINDOW,
    Backend,
    Heard,
    away,
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
)


def test_each_refresh_token_is_another(app: Flask) -> None:
    token = sign_in(app)["refresh_token"]
    tokens = [token] + [token := successor(app, token) for _ in range(5)]

    assert len(set(tokens)) == 6
    assert len({session_id_of(each) for each in tokens}) == 1
    assert generation_of(app, token) == 5


@pytest.mark.parametrize("later", [timedelta(0), MOMENT, WINDOW - MOMENT])
def test_within_the_window_a_repeat_gets_the_same_successor(app: Flask, backend: Backend, later: timedelta) -> None:
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
def test_after_the_window_a_repeat_ends_the_session(
    app: Flask, backend: Backend, caplog: pytest.LogCaptureFixture, later: timedelta
) -> None:
    """RFC 9700 section 4.14.2."""
    first = sign_in(app)["refresh_token"]
    second = refreshed(app, first)
    backend.age(session_id_of(first), later)

    with caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        answer = refresh(app, first)
        told = [(record.levelname, record.getMessage()) for record in caplog.records]

    assert (answer.status_code, answer.get_json()) == (400, INVALID_GRANT)
    assert not is_live(app, first)
    assert refresh(app, second["refresh_token"]).get_json() == INVALID_GRANT
    assert told == [
        ("WARNING", f"a refresh token was used twice, so there is a copy of it: ended session {session_id_of(first)}"),
        ("INFO", "refused: refresh_token_reused"),
    ]


def test_a_token_two_generations_back_ends_the_session_even_within_the_window(app: Flask) -> None:
    first = sign_in(app)["refresh_token"]
    third = successor(app, successor(app, first))

    assert refresh(app, first).get_json() == INVALID_GRANT
    assert refresh(app, third).get_json() == INVALID_GRANT


@pytest.mark.parametrize("cache_size", [0, 1024])
def test_with_the_session_end_its_access_tokens_remembered_or_not(
    make_session_app: MakeSessionApp, backend: Backend, heard: Heard, cache_size: int
) -> None:
    app = make_session_app(TOKENAUTH_TOKEN_CACHE_SIZE=cache_size)
    login, other = sign_in(app), sign_in(app)
    second = refreshed(app, login["refresh_token"])
    assert [me(app, each["access_token"]) for each in (login, second, other)] == [200, 200, 200]
    backend.age(session_id_of(login["refresh_token"]), WINDOW)
    refresh(app, login["refresh_token"])
    heard.reasons.clear()

    assert [me(app, each["access_token"]) for each in (login, second, other)] == [401, 401, 200]
    assert heard.reasons == ["token_revoked", "token_revoked"]


def test_with_a_window_of_zero_every_repeat_ends_the_session(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_REFRESH_RETRY_WINDOW=0)
    first = sign_in(app)["refresh_token"]
    second = successor(app, first)

    assert refresh(app, first).get_json() == INVALID_GRANT
    assert refresh(app, second).get_json() == INVALID_GRANT


def test_32_threads_that_redeem_one_token_get_one_successor(app: Flask, heard: Heard) -> None:
    token = sign_in(app)["refresh_token"]
    heard.sessions.clear()

    bodies = at_once(32, lambda _: refreshed(app, token))

    assert len({body["refresh_token"] for body in bodies}) == 1
    assert len({body["access_token"] for body in bodies}) == 32
    assert generation_of(app, token) == 1
    names = sorted(name for name, _ in heard.sessions)
    assert names == ["tokenauth-refresh-retried"] * 31 + ["tokenauth-session-refreshed"]
    assert refresh(app, bodies[0]["refresh_token"]).status_code == 200


def test_32_threads_that_use_a_token_again_end_one_session_once(make_session_app: MakeSessionApp, heard: Heard) -> None:
    app = make_session_app(TOKENAUTH_REFRESH_RETRY_WINDOW=0)
    token = sign_in(app)["refresh_token"]
    successor(app, token)
    heard.sessions.clear()

    answers = at_once(32, lambda _: refresh(app, token).get_json())

    assert answers == [INVALID_GRANT] * 32
    assert sorted(name for name, _ in heard.sessions) == ["tokenauth-refresh-reused", "tokenauth-session-ended"]


def test_a_store_that_lost_refreshes_is_told_by_the_client_how_far_it_was(
    app: Flask, backend: Backend, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    first = sign_in(app)["refresh_token"]
    second = successor(app, first)
    third = successor(app, second)
    backend.set_generation(session_id_of(first), 0)
    heard.sessions.clear()

    fourth = successor(app, third)

    assert generation_of(app, first) == 3
    of = {"session_id": session_id_of(first), "user_id": "alice"}
    assert heard.sessions == [("tokenauth-store-rolled-back", of), ("tokenauth-session-refreshed", of)]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"the store has lost a refresh of session {session_id_of(first)}: it has lost writes"
    ]
    assert refresh(app, second).get_json() == INVALID_GRANT
    assert refresh(app, fourth).get_json() == INVALID_GRANT


def test_a_store_that_loses_a_refresh_at_this_very_moment_goes_on_from_what_it_has(
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
def test_an_outage_loses_nothing(app: Flask, method: str) -> None:
    token = sign_in(app)["refresh_token"]

    with away(store_of(app), method):
        assert refresh(app, token).status_code == 503

    assert generation_of(app, token) == 0
    assert refresh(app, token).status_code == 200


def test_an_answer_that_was_lost_with_the_store_is_given_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The swap was kept; nobody heard of it."""
    token = sign_in(app)["refresh_token"]
    store: Any = store_of(app)
    redeem = store.redeem

    def redeem_and_fail(*args: Any, **options: Any) -> None:
        redeem(*args, **options)
        store.redeem = redeem
        with away(store):
            store.redeem()

    with monkeypatch.context() as patch:
        patch.setattr(store, "redeem", redeem_and_fail)
        assert refresh(app, token).status_code == 503

    assert generation_of(app, token) == 1
    assert refresh(app, token).status_code == 200
    assert generation_of(app, token) == 1


def test_a_session_goes_to_the_last_generation_and_no_further(app: Flask) -> None:
    token = sign_in(app)["refresh_token"]
    sessions = app.extensions["tokenauth"].sessions
    last = sessions.write(RefreshToken(sessions.read(token).handle, 2**32 - 2))

    beyond = successor(app, last)

    assert generation_of(app, token) == 2**32 - 1
    assert refresh(app, beyond).get_json() == INVALID_GRANT
    assert successor(app, last) == beyond


def test_a_session_keeps_what_it_was_given(app: Flask, backend: Backend) -> None:
    token = sign_in(app)["refresh_token"]
    before = session_of(app, token)

    refreshed(app, token, scope="a")

    after = session_of(app, token)
    assert before is not None
    assert after is not None
    assert (after.grant, after.started_at, after.expires_at) == (before.grant, before.started_at, before.expires_at)


def test_whoever_refreshes_the_tokens_are_for_the_audience_of_the_login(make_session_app: MakeSessionApp) -> None:
    """Two applications of one issuer, with one store: what one grants opens nothing of the other."""
    billing = make_session_app(auth=TokenAuth(), TOKENAUTH_AUDIENCE="https://billing.example")
    admin = make_session_app(auth=TokenAuth(), TOKENAUTH_AUDIENCE="https://admin.example")
    login = sign_in(billing)

    body = refreshed(admin, login["refresh_token"])

    assert claims_of(body["access_token"])["aud"] == "https://billing.example"
    assert [me(app, body["access_token"]) for app in (billing, admin)] == [200, 401]
