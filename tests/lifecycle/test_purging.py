"""A purge deletes all that is over, to the millisecond, and nothing else. Without purges only disk space is lost."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.store import LONGEST_SILENCE
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.store_contract import AgeRevocations

from ..conftest import NOW, StandingClock
from ..stores import memory_kit, sqlite_kit
from .conftest import MakeSessionApp
from .devices import id_of, list_session_ids, log_out, me
from .kit import IDLE, LIFETIME, MOMENT, Backend, refresh, sessions_of, sign_in, store_of, successor

SECOND = timedelta(seconds=1)
# The longest lifetime of an access token, twice the leeway, and a minute.
RETENTION = timedelta(hours=24, seconds=2 * 10 + 60)
STORED = RETENTION + LONGEST_SILENCE  # a purge leaves it for longer, since the clock may be ahead
BEFORE_AT_AFTER = [(-SECOND, False), (-MOMENT, False), (MOMENT * 0, True), (MOMENT, True), (SECOND, True)]


@pytest.fixture
def app(make_session_app: MakeSessionApp) -> Flask:
    """An application that asks the store at every request, so it sees at once what the store has forgotten."""
    return make_session_app(TOKENAUTH_REVOCATION="strict")


@pytest.fixture
def age_revocations(backend: Backend, tmp_path: Path) -> AgeRevocations:
    if isinstance(backend.source, MemoryStore):
        return memory_kit.revocation_ager(backend.source)
    return sqlite_kit.revocation_ager(tmp_path / "sessions.db")


def purge(app: Flask) -> int:
    return store_of(app).purge()


@pytest.mark.parametrize("lifetime", [IDLE, LIFETIME])
@pytest.mark.parametrize(("off", "over"), BEFORE_AT_AFTER)
def test_a_purge_deletes_a_session_after_its_lifetime(
    app: Flask, backend: Backend, lifetime: timedelta, off: timedelta, *, over: bool
) -> None:
    login, other = sign_in(app), sign_in(app, "bob")
    token = login["refresh_token"]
    if lifetime == LIFETIME:
        for _ in range(3):
            backend.age(id_of(login), IDLE - MOMENT)
            token = successor(app, token)
        backend.age(id_of(login), LIFETIME - 3 * (IDLE - MOMENT) + off)
    else:
        backend.age(id_of(login), IDLE + off)

    assert purge(app) == int(over)

    assert refresh(app, token).status_code == (400 if over else 200)
    assert refresh(app, other["refresh_token"]).status_code == 200


ENDS: dict[str, Callable[[Flask, str], object]] = {
    "session": log_out,
    "user": lambda app, _: store_of(app).revoke_user("alice", retention=RETENTION, api_keys=False),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(("off", "over"), BEFORE_AT_AFTER)
def test_a_revocation_ends_when_all_its_tokens_have_expired(
    app: Flask, age_revocations: AgeRevocations, end: Callable[[Flask, str], object], off: timedelta, *, over: bool
) -> None:
    login = sign_in(app)
    end(app, login["access_token"])

    age_revocations(RETENTION + off)

    assert me(app, login["access_token"]) == (200 if over else 401)  # the workers' clock stands still


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(("off", "over"), BEFORE_AT_AFTER)
def test_a_purge_deletes_a_revocation_two_days_after_its_end(
    app: Flask, age_revocations: AgeRevocations, end: Callable[[Flask, str], object], off: timedelta, *, over: bool
) -> None:
    end(app, sign_in(app)["access_token"])
    assert purge(app) == 1  # the session

    age_revocations(STORED + off)

    assert purge(app) == int(over)
    assert purge(app) == 0


@pytest.mark.parametrize("ahead", [RETENTION, LONGEST_SILENCE])
def test_a_purge_by_a_clock_that_is_ahead_unnoticed_deletes_no_revocation_of_a_good_token(
    app: Flask, age_revocations: AgeRevocations, ahead: timedelta
) -> None:
    login = sign_in(app)
    log_out(app, login["access_token"])
    age_revocations(ahead)
    purge(app)

    age_revocations(-ahead)  # the clock is set right

    assert me(app, login["access_token"]) == 401


@pytest.mark.parametrize("off", [timedelta(0), SECOND, timedelta(days=1)])
def test_a_revocation_is_kept_until_its_tokens_have_expired(
    app: Flask, clock: StandingClock, age_revocations: AgeRevocations, off: timedelta
) -> None:
    with app.app_context():
        token = create_token("alice", expires_in=24 * 3600)
        TokenAuth().revoke_user("alice", api_keys=True)
    age_revocations(RETENTION + off)
    purge(app)

    clock.now = NOW + 24 * 3600 + 10  # a minute before the revocation is forgotten

    assert me(app, token) == 401


@pytest.mark.parametrize("setting", [{}, {"TOKENAUTH_MAX_LIFETIME": 3600, "TOKENAUTH_LEEWAY": 0}])
def test_the_settings_decide_how_long_a_revocation_is_kept(
    make_session_app: Callable[..., Flask], age_revocations: AgeRevocations, setting: dict[str, int]
) -> None:
    app = make_session_app(**setting)
    retention = timedelta(seconds=3600 + 60) if setting else RETENTION
    log_out(app, sign_in(app)["access_token"])
    assert purge(app) == 1

    age_revocations(retention + LONGEST_SILENCE - MOMENT)
    assert purge(app) == 0

    age_revocations(MOMENT)
    assert purge(app) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("off", "over"), BEFORE_AT_AFTER)
def test_a_purge_deletes_the_revocation_of_one_token(
    app: Flask, backend: Backend, age_revocations: AgeRevocations, off: timedelta, *, over: bool
) -> None:
    login = sign_in(app)
    [session] = sessions_of(app, "alice")  # its start shows the time of the store
    expires_at = int(session.started_at.timestamp() * 1000) + 3_600_000
    store_of(app).revoke(Revocation(kind="token", subject="t1", value=int(NOW), expires_at=expires_at))

    age_revocations(timedelta(hours=1) + LONGEST_SILENCE + off)

    assert purge(app) == int(over)
    assert me(app, login["access_token"]) == 200


def test_a_purge_deletes_all_that_is_over_and_nothing_else(
    app: Flask, backend: Backend, age_revocations: AgeRevocations
) -> None:
    live, idle, gone, below = sign_in(app), sign_in(app), sign_in(app), sign_in(app, "bob")
    log_out(app, gone["access_token"])
    age_revocations(STORED)
    backend.age(id_of(idle), IDLE)
    with app.app_context():
        TokenAuth().revoke_user("bob", api_keys=True)
    again = sign_in(app, "bob")

    assert purge(app) == 4  # three sessions, and one revocation of a session

    assert purge(app) == 0
    assert list_session_ids(app, live["access_token"]) == [id_of(live)]
    assert list_session_ids(app, again["access_token"]) == [id_of(again)]
    assert me(app, below["access_token"]) == 401
    assert [refresh(app, login["refresh_token"]).status_code for login in (idle, gone, below)] == [400, 400, 400]


def test_an_ended_session_stays_revoked_after_a_purge(app: Flask) -> None:
    login = sign_in(app)
    log_out(app, login["access_token"])

    purge(app)

    assert me(app, login["access_token"]) == 401


def test_a_purge_keeps_epochs(app: Flask, backend: Backend, age_revocations: AgeRevocations) -> None:
    with app.app_context():
        TokenAuth().revoke_user("alice", api_keys=True)
        first = store_of(app).read_epoch("alice")
        age_revocations(STORED)
        purge(app)
        TokenAuth().revoke_user("alice", api_keys=True)

    assert store_of(app).read_epoch("alice") > first > 0


def test_sessions_work_without_purges(
    app: Flask, backend: Backend, age_revocations: AgeRevocations, clock: StandingClock
) -> None:
    for number in range(30):
        login = sign_in(app, "alice")
        if number % 3 == 0:
            log_out(app, login["access_token"])
        elif number % 3 == 1:
            store_of(app).revoke_user("alice", retention=RETENTION, api_keys=False)
        backend.age(id_of(login), LIFETIME)
    age_revocations(RETENTION)
    clock.now = NOW + 90 * 86400

    login = sign_in(app)

    assert list_session_ids(app, login["access_token"]) == [id_of(login)]
    assert me(app, login["access_token"]) == 200
    assert refresh(app, login["refresh_token"]).status_code == 200
    assert log_out(app, login["access_token"]).status_code == 204
    assert me(app, login["access_token"]) == 401
