"""While the store is away: what is known is good for a while, and then guards refuse until it is back."""

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
from ..kit import METHODS, UNAVAILABLE, Heard, asked, away, hear, refresh, sign_in, store_of, warm
from .kit import MODES, Pass, issue, revoke_current

TICK = timedelta(milliseconds=1)
STALE = timedelta(seconds=30)
BACK = timedelta(seconds=5)  # after which the store is asked again, at the latest


def get(app: Flask, path: str, token: str) -> TestResponse:
    return app.test_client().get(path, headers=bearer(token))


@pytest.fixture
def token(app: Flask) -> str:
    """Return a good token; what is revoked was heard just now."""
    warm(app)
    return issue(app)


def test_guarded_views_go_on_with_what_is_known_and_no_longer(app: Flask, token: str, pass_time: Pass) -> None:
    revoked = issue(app)
    revoke_current(app, revoked)

    with away(store_of(app)):
        for _ in range(2):
            pass_time(STALE / 2 - TICK, app)
            assert [me(app, token), me(app, revoked)] == [200, 401]
        pass_time(2 * TICK, app)
        answers = [get(app, path, each) for path in ("/me", "/maybe") for each in (token, revoked)]

    for answer in answers:
        assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
        assert answer.headers["Retry-After"] == "5"
        assert "WWW-Authenticate" not in answer.headers


def test_open_views_go_on_throughout(app: Flask, token: str, pass_time: Pass, heard: Heard) -> None:
    with away(store_of(app)):
        for passed, user in ((timedelta(0), "alice"), (STALE - TICK, "alice"), (TICK, None), (STALE, None)):
            pass_time(passed, app)
            answer = get(app, "/open", token)
            assert (answer.status_code, answer.get_json()["user_id"]) == (200, user)

    assert heard.reasons == []


@pytest.mark.parametrize("text", ["x.y.z", "x", "forged", "expired"])
def test_a_bad_token_is_401_even_then(app: Flask, token: str, pass_time: Pass, text: str) -> None:
    made = {"forged": token[:-8] + "AAAAAAAA", "expired": issue(app, expires_in=1)}
    pass_time(2 * STALE, app)

    with away(store_of(app)), asked(store_of(app)) as called:
        answer = get(app, "/me", made.get(text, text))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert called == []


def test_who_brings_no_token_notices_nothing(app: Flask, pass_time: Pass) -> None:
    warm(app)
    pass_time(2 * STALE, app)

    with away(store_of(app)):
        assert app.test_client().get("/open").status_code == 200
        assert app.test_client().get("/maybe").status_code == 200
        assert app.test_client().get("/me").status_code == 401


def test_afterwards_all_is_well_with_no_restart(
    app: Flask, make_session_app: MakeSessionApp, token: str, pass_time: Pass
) -> None:
    other, revoked = make_session_app(auth=TokenAuth()), issue(app)
    with away(store_of(app)):
        pass_time(2 * STALE, app)
        assert me(app, token) == 503
    revoke_current(other, revoked)

    pass_time(BACK, app)

    assert [me(app, token), me(app, revoked)] == [200, 401]


def test_a_cold_worker_answers_no_guarded_request_before_it_has_heard_all(
    app: Flask, make_session_app: MakeSessionApp, pass_time: Pass
) -> None:
    revoked, token = issue(app), issue(app)
    revoke_current(app, revoked)
    cold = make_session_app(auth=TokenAuth())

    with away(store_of(cold), "revocations_since"):
        assert [me(cold, revoked), me(cold, token)] == [503, 503]
        assert get(cold, "/open", token).get_json()["user_id"] is None
    pass_time(BACK, cold)

    assert [me(cold, revoked), me(cold, token)] == [401, 200]


def test_an_idle_worker_hears_what_it_missed_first(
    app: Flask, make_session_app: MakeSessionApp, token: str, pass_time: Pass
) -> None:
    other = make_session_app(auth=TokenAuth())
    revoke_current(other, token)
    pass_time(timedelta(minutes=10), app)

    assert me(app, token) == 401


def test_an_outage_is_asked_about_once_a_request_and_then_rarely(app: Flask, token: str, pass_time: Pass) -> None:
    pass_time(STALE, app)

    with away(store_of(app)), asked(store_of(app)) as called:
        for _ in range(50):
            assert me(app, token) == 503

    assert called == ["revocations_since"]


def test_a_session_that_ends_here_counts_though_news_cannot_be_heard(app: Flask, token: str, pass_time: Pass) -> None:
    login = sign_in(app)
    pass_time(timedelta(seconds=1), app)

    with away(store_of(app), "revocations_since"):
        assert log_out(app, login["access_token"]).status_code == 204
        assert me(app, login["access_token"]) == 401


def test_the_log_tells_at_the_first_sign_and_when_it_is_over(
    app: Flask, token: str, pass_time: Pass, caplog: pytest.LogCaptureFixture
) -> None:
    with away(store_of(app)), caplog.at_level(logging.INFO, logger="flask_tokenauth"):
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
        ("WARNING", "revocations can be fetched again, after 2 failed tries"),
    ]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("mode", MODES)
def test_the_log_is_not_flooded_by_requests_that_are_refused(
    make_session_app: MakeSessionApp, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION=mode)
    app.extensions["tokenauth"].authenticator._outages.monotonic = StandingClock(0)
    token = issue(app)

    with away(store_of(app)):
        statuses = [get(app, path, token).status_code for path in ("/me", "/open") * 20]

    assert statuses == [503, 200] * 20
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


@pytest.fixture
def on_sqlite(make_session_app: MakeSessionApp, tmp_path: Path) -> Flask:
    return make_session_app(TOKENAUTH_STORE=url_of(tmp_path / "garbage.db"))


GARBAGE = ["kind = 'x'", "subject = x'00'", "subject = ''", "value = 'never'", "value = -1", "expires_at = 9e18"]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_bad_answer_of_the_store_is_an_outage_and_no_pass(on_sqlite: Flask, tmp_path: Path, garbage: str) -> None:
    warm(on_sqlite)
    login = sign_in(on_sqlite)
    store_of(on_sqlite).end_session(id_of(login), retention=timedelta(days=1))
    execute(tmp_path / "garbage.db", f"UPDATE tokenauth_revocation SET {garbage}")

    hear(on_sqlite, after=STALE)
    assert [me(on_sqlite, login["access_token"]), me(on_sqlite, issue(on_sqlite))] == [503, 503]

    execute(tmp_path / "garbage.db", "DELETE FROM tokenauth_revocation")
    hear(on_sqlite, after=BACK)
    assert me(on_sqlite, issue(on_sqlite)) == 200


class Foreign(MemoryStore):
    """A store that does not keep what stores promise."""

    answer: object = None

    def revocations_since(self, cursor: str | None) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [ConnectionResetError("secret"), None, 7, RevocationPage(entries=(1,), cursor="x"), ValueError("secret")],  # type: ignore[arg-type]
)
def test_a_store_that_fails_in_its_own_way_is_an_outage_too(
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
    """A store whose server is away, and which does not know how to say that."""

    broken = False

    def __getattribute__(self, name: str) -> Any:
        if name in METHODS and self.broken:
            raise ConnectionError("redis://user:hunter2@host")
        return super().__getattribute__(name)


@pytest.fixture(params=MODES)
def on_broken(request: pytest.FixtureRequest, make_session_app: MakeSessionApp) -> Flask:
    return make_session_app(TOKENAUTH_STORE=Broken(), TOKENAUTH_REVOCATION=request.param)


def test_a_store_that_fails_with_foreign_errors_is_an_outage_wherever_it_is_asked(
    on_broken: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    login, client = sign_in(on_broken), on_broken.test_client()
    on_broken.config["TOKENAUTH_STORE"].broken = True

    assert me(on_broken, login["access_token"]) == 503
    assert get(on_broken, "/open", login["access_token"]).get_json()["user_id"] is None
    assert get(on_broken, "/auth/sessions", login["access_token"]).status_code == 503
    assert refresh(on_broken, login["refresh_token"]).status_code == 503
    assert revoke(on_broken, login["refresh_token"]).status_code == 503
    assert client.post("/login", data={"username": "alice"}).status_code == 503
    assert "the store failed with ConnectionError" in caplog.text
    assert "hunter2" not in caplog.text


def test_who_verifies_by_hand_is_not_told_the_text_of_a_foreign_error(on_broken: Flask, auth: TokenAuth[Any]) -> None:
    token = issue(on_broken)
    on_broken.config["TOKENAUTH_STORE"].broken = True

    with on_broken.app_context(), pytest.raises(StoreUnavailable) as caught:
        auth.verify(token)

    assert "the store failed with ConnectionError" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_was_wrong_before_is_not_told_of_the_next_outage(app: Flask, token: str, pass_time: Pass) -> None:
    with away(store_of(app)):
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
