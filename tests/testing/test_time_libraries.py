"""freezegun and time-machine move the clock by which an application issues and verifies tokens and ends sessions."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from freezegun import freeze_time

from flask_tokenauth import TokenAuth, create_token, login_required
from flask_tokenauth.authentication.outage_log import OutageLog
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import engine
from flask_tokenauth.stores.sql.store import SQLStore
from flask_tokenauth.testing import at, logged_in, token_headers
from flask_tokenauth.testing.store_contract.kit import start

from ..conftest import CONFIG, StandingClock, bearer
from ..lifecycle.kit import claims_of, generation_of, refresh, refreshed, session_of, sessions_of, sign_in
from ..stores.sqlite_kit import opened, url_of

SECOND = timedelta(seconds=1)
LIFETIME = timedelta(minutes=15)
LEEWAY = timedelta(seconds=10)
IDLE = timedelta(days=30)
WINDOW = timedelta(seconds=10)

PAST = datetime(2012, 1, 14, 12, tzinfo=UTC)
FUTURE = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass
class MovableClock:
    """Moves a clock that stands still."""

    tick: Callable[[timedelta], object]
    move_to: Callable[[datetime], object]


@contextmanager
def stop_by_freezegun(moment: datetime) -> Iterator[MovableClock]:
    with freeze_time(moment) as frozen:
        yield MovableClock(tick=frozen.tick, move_to=frozen.move_to)


@contextmanager
def stop_by_time_machine(moment: datetime) -> Iterator[MovableClock]:
    with time_machine.travel(moment, tick=False) as traveller:
        yield MovableClock(tick=traveller.shift, move_to=traveller.move_to)


Stop = Callable[[datetime], AbstractContextManager[MovableClock]]


@pytest.fixture(params=[stop_by_freezegun, stop_by_time_machine], ids=["freezegun", "time-machine"])
def stop(request: pytest.FixtureRequest) -> Stop:
    """Return a context manager that stops the clock of the whole process."""
    stop: Stop = request.param
    return stop


Stopped = Callable[[], AbstractContextManager[tuple[Flask, MovableClock]]]


@pytest.fixture(params=["before", "within"])
def stopped(request: pytest.FixtureRequest, stop: Stop) -> Stopped:
    """Return a context manager that stops the clock, with an application that was created before or within it."""

    @contextmanager
    def stopped() -> Iterator[tuple[Flask, MovableClock]]:
        api = make_api() if request.param == "before" else None
        with stop(PAST) as clock:
            yield api or make_api(), clock

    return stopped


def make_api(store: object = "memory://", **config: object) -> Flask:
    """Return an application with the clock that applications of users have."""
    api = Flask("api")
    api.config |= CONFIG | {"TOKENAUTH_STORE": store} | config
    auth = TokenAuth(api)
    api.register_blueprint(auth.endpoints)
    api.extensions["auth"] = auth
    api.add_url_rule("/me", view_func=login_required(lambda: "me"), endpoint="me")
    api.add_url_rule("/recent", view_func=login_required(max_age=60)(lambda: "recent"), endpoint="recent")
    return api


def get(api: Flask, token: str, path: str = "/me") -> int:
    return api.test_client().get(path, headers=bearer(token)).status_code


def make_token(api: Flask) -> str:
    with api.app_context():
        return create_token("alice")


def revoke(api: Flask, token: str) -> None:
    with api.app_context():
        api.extensions["auth"].revoke_token(claims_of(token)["jti"])


def let_fetch(api: Flask) -> None:
    """Let the application fetch the revocations with its next request, without waiting for the interval."""
    feed: Any = api.extensions["tokenauth"].stored.feed
    feed.monotonic = StandingClock(feed.monotonic() + 2)


def test_tokens_are_issued_and_judged_by_the_stopped_clock(stopped: Stopped) -> None:
    with stopped() as (api, clock):
        token = make_token(api)

        assert claims_of(token)["iat"] == PAST.timestamp()
        assert claims_of(token)["exp"] == (PAST + LIFETIME).timestamp()
        clock.tick(LIFETIME + LEEWAY - SECOND)
        assert get(api, token) == 200
        clock.tick(SECOND)
        assert get(api, token) == 401


def test_a_token_that_was_remembered_is_judged_again_when_the_clock_has_moved(stopped: Stopped) -> None:
    with stopped() as (api, clock):
        token = make_token(api)
        assert get(api, token) == 200

        clock.move_to(PAST + LIFETIME + LEEWAY)
        assert get(api, token) == 401
        clock.move_to(PAST)
        assert get(api, token) == 200
        clock.move_to(PAST - LEEWAY - SECOND)
        assert get(api, token) == 401


def test_a_recent_login_is_measured_by_the_stopped_clock(stopped: Stopped) -> None:
    with stopped() as (api, clock):
        token = sign_in(api)["access_token"]

        assert get(api, token, "/recent") == 200
        clock.tick(timedelta(seconds=60) + LEEWAY + SECOND)
        assert get(api, token) == 200
        assert get(api, token, "/recent") == 401


def test_a_session_in_memory_that_idles_ends(stopped: Stopped) -> None:
    with stopped() as (api, clock):
        first = sign_in(api)["refresh_token"]

        clock.tick(IDLE - SECOND)
        second = refreshed(api, first)["refresh_token"]
        clock.tick(timedelta(days=31))

        assert refresh(api, second).status_code == 400
        assert session_of(api, second) is None


def test_a_session_in_memory_began_when_the_clock_says(stopped: Stopped) -> None:
    with stopped() as (api, clock):
        clock.move_to(FUTURE)
        sign_in(api)

        [session] = sessions_of(api)

        assert session.started_at == FUTURE
        assert session.idle_expires_at == FUTURE + IDLE


@pytest.mark.parametrize(("later", "status"), [(WINDOW - SECOND, 200), (WINDOW, 400)])
def test_the_retry_window_is_measured_by_the_stopped_clock(stopped: Stopped, later: timedelta, status: int) -> None:
    with stopped() as (api, clock):
        token = sign_in(api)["refresh_token"]
        assert generation_of(api, refreshed(api, token)["refresh_token"]) == 1

        clock.tick(later)

        assert refresh(api, token).status_code == status


def test_a_session_from_before_goes_on_and_ends_in_time(stop: Stop) -> None:
    api = make_api()
    token, moment = sign_in(api)["refresh_token"], datetime.now(UTC)

    with stop(moment + timedelta(days=29)) as clock:
        token = refreshed(api, token)["refresh_token"]
        clock.tick(IDLE)
        assert refresh(api, token).status_code == 400


def test_when_the_clock_goes_on_sessions_are_judged_by_it_again(stop: Stop) -> None:
    api = make_api()
    token = sign_in(api)["refresh_token"]

    with stop(FUTURE):
        assert refresh(api, token).status_code == 400

    assert refresh(api, token).status_code == 200


@pytest.mark.parametrize("moment", [PAST, FUTURE])
@pytest.mark.parametrize("mode", ["feed", "strict"])
def test_what_was_revoked_is_refused_after_a_journey(stop: Stop, mode: str, moment: datetime) -> None:
    api = make_api(TOKENAUTH_REVOCATION=mode)
    one, all_of_alice, other = make_token(api), make_token(api), sign_in(api, "bob")["access_token"]
    revoke(api, one)
    with api.app_context():
        api.extensions["auth"].revoke_user("alice", api_keys=False)
    with stop(moment):
        if mode == "feed":
            let_fetch(api)
        assert get(api, make_token(api)) == 200
        if mode == "feed":
            let_fetch(api)

    assert [get(api, token) for token in (one, all_of_alice, other)] == [401, 401, 200]


@pytest.mark.parametrize("mode", ["feed", "strict"])
def test_what_is_revoked_while_the_clock_stands_is_refused_at_once(stop: Stop, mode: str) -> None:
    with stop(PAST) as clock:
        api = make_api(TOKENAUTH_REVOCATION=mode)
        token = make_token(api)
        assert get(api, token) == 200
        revoke(api, token)

        assert get(api, token) == 401
        clock.tick(timedelta(minutes=5))
        assert get(api, token) == 401
        assert get(api, make_token(api)) == 200


def test_at_counts_from_the_stopped_clock_and_stands_still_by_itself(stopped: Stopped) -> None:
    with stopped() as (api, clock):
        body = sign_in(api)

        with at(api, LIFETIME + LEEWAY) as moment:
            assert moment == PAST + LIFETIME + LEEWAY
            assert get(api, body["access_token"]) == 401
            clock.move_to(PAST + SECOND)
            assert get(api, body["access_token"]) == 401
        with at(api, timedelta(days=31)):
            assert refresh(api, body["refresh_token"]).status_code == 400
        with at(api, FUTURE) as moment:
            assert moment == FUTURE

        assert get(api, body["access_token"]) == 200
        assert refresh(api, body["refresh_token"]).status_code == 200


def test_a_test_client_gets_its_next_token_by_the_stopped_clock(stopped: Stopped) -> None:
    with stopped() as (api, clock):
        client, headers = logged_in(api, "alice"), token_headers(api, "alice")

        clock.tick(timedelta(hours=1))

        assert client.get("/me").status_code == 200
        assert api.test_client().get("/me", headers=headers).status_code == 401


@pytest.mark.slow
def test_durations_are_measured_by_clocks_that_go_on(stop: Stop) -> None:
    """Otherwise a process would fetch no revocations while the clock is stopped, and none for years after that."""
    with stop(FUTURE):
        feed = RevocationFeed(MemoryStore(), interval=SECOND, max_staleness=SECOND)

        assert feed._wall() == FUTURE.timestamp()
        for monotonic in feed.monotonic, OutageLog().monotonic:
            assert len({monotonic() for _ in range(1_000)}) > 1
            assert monotonic() < PAST.timestamp()  # seconds since the machine started, not since 1970


@pytest.mark.slow
def test_a_store_that_stays_locked_is_given_up_while_time_stands_still(
    stop: Stop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, pauses = tmp_path / "store.db", []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert len(pauses) < 50, "this would go on for ever"

    store = SQLStore(url_of(path))
    store.create()
    monkeypatch.setattr(engine, "LONGEST_WRITE", 0.05)
    monkeypatch.setattr(time, "sleep", pause)

    with opened(path) as other, stop(PAST):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            start(store)
    store.close()
    assert len(pauses) < 50
