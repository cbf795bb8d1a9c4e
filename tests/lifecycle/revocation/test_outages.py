"""While the store is unavailable, loaded revocations count for a while; then guards refuse until the store is back."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import StoreUnavailable, TokenAuth
from flask_tokenauth.core.records.revocation import RevocationPage
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import StandingClock, bearer
from ...stores.sqlite_kit import execute, url_of
from ..conftest import MakeSessionApp
from ..devices import id_of, log_out, me, revoke
from ..kit import (
    METHODS,
    UNAVAILABLE,
    SignalLog,
    load_revocations,
    pass_interval,
    record_calls,
    refresh,
    sign_in,
    store_of,
    unavailable,
)
from .kit import MODES, PassTime, issue, revoke_current

TICK = timedelta(milliseconds=1)
STALE = timedelta(seconds=30)
BACK = timedelta(seconds=5)  # the store is asked again after this time at the latest


def get(app: Flask, path: str, token: str) -> TestResponse:
    return app.test_client().get(path, headers=bearer(token))


@pytest.fixture
def token(app: Flask) -> str:
    """Return a good token. All revocations were just loaded."""
    load_revocations(app)
    return issue(app)


def test_guarded_views_answer_until_the_loaded_revocations_are_stale(
    app: Flask, token: str, pass_time: PassTime
) -> None:
    revoked = issue(app)
    revoke_current(app, revoked)

    with unavailable(store_of(app)):
        for _ in range(2):
            pass_time(STALE / 2 - TICK, app)
            assert [me(app, token), me(app, revoked)] == [200, 401]
        pass_time(2 * TICK, app)
        answers = [get(app, path, text) for path in ("/me", "/maybe") for text in (token, revoked)]

    for answer in answers:
        assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
        assert answer.headers["Retry-After"] == "5"
        assert "WWW-Authenticate" not in answer.headers


def test_open_views_answer_during_an_outage(app: Flask, token: str, pass_time: PassTime, signal_log: SignalLog) -> None:
    with unavailable(store_of(app)):
        for passed, user in ((timedelta(0), "alice"), (STALE - TICK, "alice"), (TICK, None), (STALE, None)):
            pass_time(passed, app)
            answer = get(app, "/open", token)
            assert (answer.status_code, answer.get_json()["user_id"]) == (200, user)

    assert signal_log.reasons == []


@pytest.mark.parametrize("text", ["x.y.z", "x", "forged", "expired"])
def test_a_bad_token_gets_401_during_an_outage(app: Flask, token: str, pass_time: PassTime, text: str) -> None:
    made = {"forged": token[:-8] + "AAAAAAAA", "expired": issue(app, expires_in=1)}
    pass_time(2 * STALE, app)

    with unavailable(store_of(app)), record_calls(store_of(app)) as called:
        answer = get(app, "/me", made.get(text, text))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert called == []


def test_requests_without_a_token_are_not_affected_by_an_outage(app: Flask, pass_time: PassTime) -> None:
    load_revocations(app)
    pass_time(2 * STALE, app)

    with unavailable(store_of(app)):
        assert app.test_client().get("/open").status_code == 200
        assert app.test_client().get("/maybe").status_code == 200
        assert app.test_client().get("/me").status_code == 401


def test_a_worker_recovers_from_an_outage_without_a_restart(
    app: Flask, make_session_app: MakeSessionApp, token: str, pass_time: PassTime
) -> None:
    other, revoked = make_session_app(auth=TokenAuth()), issue(app)
    with unavailable(store_of(app)):
        pass_time(2 * STALE, app)
        assert me(app, token) == 503
    revoke_current(other, revoked)

    pass_time(BACK, app)

    assert [me(app, token), me(app, revoked)] == [200, 401]


def test_a_new_worker_answers_no_guarded_request_before_it_has_loaded_all_revocations(
    app: Flask, make_session_app: MakeSessionApp, pass_time: PassTime
) -> None:
    revoked, token = issue(app), issue(app)
    revoke_current(app, revoked)
    new = make_session_app(auth=TokenAuth())

    with unavailable(store_of(new), "revocations_since"):
        assert [me(new, revoked), me(new, token)] == [503, 503]
        assert get(new, "/open", token).get_json()["user_id"] is None
    pass_time(BACK, new)

    assert [me(new, revoked), me(new, token)] == [401, 200]


def test_an_idle_worker_loads_missed_revocations_before_it_answers(
    app: Flask, make_session_app: MakeSessionApp, token: str, pass_time: PassTime
) -> None:
    other = make_session_app(auth=TokenAuth())
    revoke_current(other, token)
    pass_time(timedelta(minutes=10), app)

    assert me(app, token) == 401


def test_50_requests_in_an_outage_ask_the_store_once(app: Flask, token: str, pass_time: PassTime) -> None:
    pass_time(STALE, app)

    with unavailable(store_of(app)), record_calls(store_of(app)) as called:
        for _ in range(50):
            assert me(app, token) == 503

    assert called == ["revocations_since"]


def test_an_own_revocation_counts_while_the_feed_cannot_be_loaded(app: Flask, token: str, pass_time: PassTime) -> None:
    login = sign_in(app)
    pass_time(timedelta(seconds=1), app)

    with unavailable(store_of(app), "revocations_since"):
        assert log_out(app, login["access_token"]).status_code == 204
        assert me(app, login["access_token"]) == 401


def test_the_log_has_the_beginning_and_the_end_of_an_outage(
    app: Flask, token: str, pass_time: PassTime, caplog: pytest.LogCaptureFixture
) -> None:
    with unavailable(store_of(app)), caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        pass_time(timedelta(seconds=1), app)
        me(app, token)
        pass_time(STALE, app)
        me(app, token)
    pass_time(BACK, app)
    me(app, token)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            "revocations were fetched 1.0 s ago and cannot be fetched now: nobody answers; "
            "guarded requests get 503 from 30 s on",
        ),
        (
            "WARNING",
            "revocations were fetched 31.0 s ago and cannot be fetched now: nobody answers; "
            "guarded requests get 503 from 30 s on",
        ),
        ("ERROR", "the store cannot be asked: revocations were fetched 31.0 s ago: nobody answers"),
        ("INFO", "refused: store_unavailable"),
        ("WARNING", "revocations can be fetched again; tries that had failed: 2"),
    ]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("mode", MODES)
def test_40_refused_requests_log_one_error(
    make_session_app: MakeSessionApp, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION=mode)
    app.extensions["tokenauth"].authenticator._outages.monotonic = StandingClock(0)
    token = issue(app)

    with unavailable(store_of(app)):
        statuses = [get(app, path, token).status_code for path in ("/me", "/open") * 20]

    assert statuses == [503, 200] * 20
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


@pytest.fixture
def sqlite_app(make_session_app: MakeSessionApp, tmp_path: Path) -> Flask:
    return make_session_app(TOKENAUTH_STORE=url_of(tmp_path / "garbage.db"))


GARBAGE = ["kind = 'x'", "subject = x'00'", "subject = ''", "value = 'never'", "value = -1", "expires_at = 9e18"]


@pytest.mark.slow
@pytest.mark.parametrize("garbage", GARBAGE)
def test_an_invalid_row_in_the_store_is_treated_as_an_outage(sqlite_app: Flask, tmp_path: Path, garbage: str) -> None:
    load_revocations(sqlite_app)
    login = sign_in(sqlite_app)
    store_of(sqlite_app).end_session(id_of(login), retention=timedelta(days=1))
    execute(tmp_path / "garbage.db", f"UPDATE tokenauth_revocation SET {garbage}")

    pass_interval(sqlite_app, after=STALE)
    assert [me(sqlite_app, login["access_token"]), me(sqlite_app, issue(sqlite_app))] == [503, 503]

    execute(tmp_path / "garbage.db", "DELETE FROM tokenauth_revocation")
    pass_interval(sqlite_app, after=BACK)
    assert me(sqlite_app, issue(sqlite_app)) == 200


class Foreign(MemoryStore):
    """A store that breaks the contract of stores."""

    answer: object = None

    def revocations_since(self, cursor: str | None) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [ConnectionResetError("secret"), None, 7, RevocationPage(entries=(1,), cursor="x"), ValueError("secret")],  # type: ignore[arg-type]
)
def test_an_invalid_answer_of_a_custom_store_is_treated_as_an_outage(
    make_session_app: MakeSessionApp, caplog: pytest.LogCaptureFixture, answer: object
) -> None:
    store = Foreign()
    store.answer = answer
    app = make_session_app(TOKENAUTH_STORE=store)
    token = issue(app)

    assert me(app, token) == 503
    assert get(app, "/open", token).get_json()["user_id"] is None
    assert "the store failed with " in caplog.text
    assert "secret" not in caplog.text


class Broken(MemoryStore):
    """A store that raises an error of its own instead of StoreUnavailable."""

    broken = False

    def __getattribute__(self, name: str) -> Any:
        if name in METHODS and self.broken:
            raise ConnectionError("redis://user:hunter2@host")
        return super().__getattribute__(name)


@pytest.fixture(params=MODES)
def broken_app(request: pytest.FixtureRequest, make_session_app: MakeSessionApp) -> Flask:
    return make_session_app(TOKENAUTH_STORE=Broken(), TOKENAUTH_REVOCATION=request.param)


def test_an_error_of_a_custom_store_is_treated_as_an_outage_everywhere(
    broken_app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    login, client = sign_in(broken_app), broken_app.test_client()
    broken_app.config["TOKENAUTH_STORE"].broken = True

    assert me(broken_app, login["access_token"]) == 503
    assert get(broken_app, "/open", login["access_token"]).get_json()["user_id"] is None
    assert get(broken_app, "/auth/sessions", login["access_token"]).status_code == 503
    assert refresh(broken_app, login["refresh_token"]).status_code == 503
    assert revoke(broken_app, login["refresh_token"]).status_code == 503
    assert client.post("/login", data={"username": "alice"}).status_code == 503
    assert "the store failed with ConnectionError" in caplog.text
    assert "hunter2" not in caplog.text


def test_verify_does_not_repeat_the_message_of_a_custom_stores_error(broken_app: Flask, auth: TokenAuth[Any]) -> None:
    token = issue(broken_app)
    broken_app.config["TOKENAUTH_STORE"].broken = True

    with broken_app.app_context(), pytest.raises(StoreUnavailable) as caught:
        auth.verify(token)

    assert "the store failed with ConnectionError" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_message_of_an_outage_does_not_repeat_the_previous_cause(
    app: Flask, token: str, pass_time: PassTime
) -> None:
    with unavailable(store_of(app)):
        pass_time(STALE, app)
        assert me(app, token) == 503
    pass_time(BACK, app)
    assert me(app, token) == 200
    feed = app.extensions["tokenauth"].stored.feed

    with feed._fetching:
        feed._timeout = 0.001
        pass_time(STALE, app)
        with app.app_context(), pytest.raises(StoreUnavailable, match="the store has not answered yet"):
            TokenAuth().verify(token)
