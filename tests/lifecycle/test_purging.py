"""Purging forgets what is over, to the millisecond, and nothing else; who never purges loses space alone."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.store_contract import AgeRevocations

from ..conftest import NOW, StandingClock
from ..stores import memory_kit, sqlite_kit
from .conftest import MakeSessionApp
from .devices import id_of, listed, log_out, me
from .kit import IDLE, LIFETIME, MOMENT, Backend, refresh, sign_in, store_of, successor

SECOND = timedelta(seconds=1)
RETENTION = timedelta(hours=24, seconds=2 * 10 + 60)  # the longest life of an access token, leeway twice, and a minute
BEFORE_AT_AFTER = [(-SECOND, False), (-MOMENT, False), (MOMENT * 0, True), (MOMENT, True), (SECOND, True)]


@pytest.fixture
def app(make_session_app: MakeSessionApp) -> Flask:
    """An application that asks the store for every request, and so notices at once what that has forgotten."""
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
def test_a_session_is_forgotten_when_its_time_is_over(
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
    "user": lambda app, _: store_of(app).revoke_user("alice", retention=RETENTION),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize(("off", "over"), BEFORE_AT_AFTER)
def test_a_revocation_is_forgotten_when_no_token_can_be_left(
    app: Flask, age_revocations: AgeRevocations, end: Callable[[Flask, str], object], off: timedelta, *, over: bool
) -> None:
    login = sign_in(app)
    end(app, login["access_token"])
    assert purge(app) == 1  # the session

    age_revocations(RETENTION + off)

    assert me(app, login["access_token"]) == (200 if over else 401)  # the clock of the workers stands still
    assert purge(app) == int(over)
    assert purge(app) == 0


@pytest.mark.parametrize("off", [timedelta(0), SECOND, timedelta(days=1)])
def test_no_token_outlives_the_memory_of_its_revocation(
    app: Flask, clock: StandingClock, age_revocations: AgeRevocations, off: timedelta
) -> None:
    with app.app_context():
        token = create_token("alice", expires_in=24 * 3600)
        TokenAuth().revoke_user("alice", api_keys=True)
    age_revocations(RETENTION + off)
    purge(app)

    clock.now = NOW + 24 * 3600 + 10  # a minute before that

    assert me(app, token) == 401


@pytest.mark.parametrize("setting", [{}, {"TOKENAUTH_MAX_LIFETIME": 3600, "TOKENAUTH_LEEWAY": 0}])
def test_a_revocation_is_remembered_for_as_long_as_the_settings_ask_for(
    make_session_app: Callable[..., Flask], age_revocations: AgeRevocations, setting: dict[str, int]
) -> None:
    app = make_session_app(**setting)
    retention = timedelta(seconds=3600 + 60) if setting else RETENTION
    log_out(app, sign_in(app)["access_token"])
    assert purge(app) == 1

    age_revocations(retention - MOMENT)
    assert purge(app) == 0

    age_revocations(MOMENT)
    assert purge(app) == 1


@pytest.mark.parametrize(("off", "over"), BEFORE_AT_AFTER)
def test_the_revocation_of_one_token_is_forgotten_too(
    app: Flask, backend: Backend, age_revocations: AgeRevocations, off: timedelta, *, over: bool
) -> None:
    login = sign_in(app)
    [session] = store_of(app).list_sessions("alice")  # by whose start we know what time it is
    expires_at = int(session.started_at.timestamp() * 1000) + 3_600_000
    store_of(app).revoke(Revocation(kind="token", subject="t1", value=int(NOW), expires_at=expires_at))

    age_revocations(timedelta(hours=1) + off)

    assert purge(app) == int(over)
    assert me(app, login["access_token"]) == 200


def test_a_purge_takes_everything_that_is_over_and_nothing_else(
    app: Flask, backend: Backend, age_revocations: AgeRevocations
) -> None:
    live, idle, gone, below = sign_in(app), sign_in(app), sign_in(app), sign_in(app, "bob")
    log_out(app, gone["access_token"])
    age_revocations(RETENTION)
    backend.age(id_of(idle), IDLE)
    with app.app_context():
        TokenAuth().revoke_user("bob", api_keys=True)
    again = sign_in(app, "bob")

    assert purge(app) == 4  # three sessions, and that one was revoked

    assert purge(app) == 0
    assert listed(app, live["access_token"]) == [id_of(live)]
    assert listed(app, again["access_token"]) == [id_of(again)]
    assert me(app, below["access_token"]) == 401
    assert [refresh(app, each["refresh_token"]).status_code for each in (idle, gone, below)] == [400, 400, 400]


def test_a_session_that_ended_stays_revoked_when_it_is_forgotten(app: Flask) -> None:
    login = sign_in(app)
    log_out(app, login["access_token"])

    purge(app)

    assert me(app, login["access_token"]) == 401


def test_what_is_below_an_epoch_stays_so_for_ever(
    app: Flask, backend: Backend, age_revocations: AgeRevocations
) -> None:
    with app.app_context():
        TokenAuth().revoke_user("alice", api_keys=True)
        first = store_of(app).read_epoch("alice")
        age_revocations(RETENTION)
        purge(app)
        TokenAuth().revoke_user("alice", api_keys=True)

    assert store_of(app).read_epoch("alice") > first > 0


def test_who_never_purges_notices_nothing(
    app: Flask, backend: Backend, age_revocations: AgeRevocations, clock: StandingClock
) -> None:
    for number in range(30):
        login = sign_in(app, "alice")
        if number % 3 == 0:
            log_out(app, login["access_token"])
        elif number % 3 == 1:
            store_of(app).revoke_user("alice", retention=RETENTION)
        backend.age(id_of(login), LIFETIME)
    age_revocations(RETENTION)
    clock.now = NOW + 90 * 86400

    login = sign_in(app)

    assert listed(app, login["access_token"]) == [id_of(login)]
    assert me(app, login["access_token"]) == 200
    assert refresh(app, login["refresh_token"]).status_code == 200
    assert log_out(app, login["access_token"]).status_code == 204
    assert me(app, login["access_token"]) == 401
