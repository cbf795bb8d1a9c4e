"""``flask_tokenauth.testing.at`` also moves the clock of the store in memory, so that sessions end in tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing import at

from ..conftest import NOW, MakeApp
from ..lifecycle.kit import DAY, IDLE, LIFETIME, MOMENT, WINDOW, is_live, refresh, refreshed, sign_in, store_of
from ..stores.sqlite_kit import url_of

STARTED = int(NOW) * 1000  # time of the store's own clock, in milliseconds


@pytest.fixture
def api(make_app: MakeApp) -> Flask:
    """An application with sessions in memory. Were it called ``app``, pytest-flask would push a context of it."""
    return make_api(make_app, MemoryStore(clock=lambda: STARTED))


def make_api(make_app: MakeApp, store: object, **config: object) -> Flask:
    auth = TokenAuth()
    api = make_app(auth=auth, TOKENAUTH_STORE=store, **config)
    api.register_blueprint(auth.endpoints)
    return api


def make_busy_api(make_app: MakeApp) -> Flask:
    """Return an application whose idle lifetime is as long as the lifetime of sessions."""
    return make_api(make_app, MemoryStore(clock=lambda: STARTED), TOKENAUTH_REFRESH_IDLE_LIFETIME=LIFETIME)


def time_of(api: Flask) -> int:
    """Return the time of the store, in milliseconds after STARTED."""
    store: Any = store_of(api)
    now: int = store.clock()
    return now - STARTED


@pytest.mark.parametrize(("later", "status"), [(IDLE - MOMENT, 200), (IDLE, 400), (IDLE + MOMENT, 400), (-DAY, 200)])
def test_a_session_that_idles_ends(api: Flask, later: timedelta, status: int) -> None:
    token = sign_in(api)["refresh_token"]

    with at(api, later):
        assert refresh(api, token).status_code == status


@pytest.mark.parametrize(("later", "status"), [(LIFETIME - MOMENT, 200), (LIFETIME, 400), (timedelta(days=400), 400)])
def test_a_session_ends_however_busy(make_app: MakeApp, later: timedelta, status: int) -> None:
    api = make_busy_api(make_app)
    token = sign_in(api)["refresh_token"]

    with at(api, later):
        assert refresh(api, token).status_code == status


@pytest.mark.parametrize(("later", "status"), [(WINDOW - MOMENT, 200), (WINDOW, 400), (WINDOW + MOMENT, 400)])
def test_a_spent_token_gives_the_same_again_within_the_window_only(api: Flask, later: timedelta, status: int) -> None:
    token = sign_in(api)["refresh_token"]
    refreshed(api, token)

    with at(api, later):
        assert refresh(api, token).status_code == status


def test_within_a_block_another_counts_from_its_time_for_sessions_too(api: Flask) -> None:
    token = sign_in(api)["refresh_token"]

    with at(api, IDLE - MOMENT):
        second = refreshed(api, token)["refresh_token"]
        with at(api, IDLE - MOMENT):
            third = refreshed(api, second)["refresh_token"]
            with at(api, IDLE - MOMENT):
                assert is_live(api, third)
            with at(api, IDLE):
                assert not is_live(api, third)
            assert is_live(api, third)


def test_the_last_access_token_ends_with_its_session(make_app: MakeApp) -> None:
    api = make_busy_api(make_app)
    token = sign_in(api)["refresh_token"]

    with at(api, LIFETIME - timedelta(seconds=60)):
        assert refreshed(api, token)["expires_in"] == 60


def test_the_clock_of_the_store_moves_as_far_as_that_of_the_application_and_back(api: Flask) -> None:
    store: Any = store_of(api)
    own = store.clock

    with at(api, datetime.fromtimestamp(NOW + 1.5, UTC)):
        assert time_of(api) == 1500
        with at(api, -1):
            assert time_of(api) == 500
        with at(api, datetime.fromtimestamp(NOW, UTC)):
            assert time_of(api) == 0
        assert time_of(api) == 1500

    assert store.clock is own


def test_after_an_exception_the_clock_of_the_store_is_what_it_was(api: Flask) -> None:
    store: Any = store_of(api)
    own = store.clock

    with pytest.raises(LookupError), at(api, DAY):
        raise LookupError

    assert store.clock is own


def test_a_session_that_ended_in_the_future_goes_on_afterwards(api: Flask) -> None:
    token = sign_in(api)["refresh_token"]
    with at(api, timedelta(days=400)):
        assert refresh(api, token).status_code == 400

    assert refresh(api, token).status_code == 200


def test_within_a_block_the_store_stands_still(make_app: MakeApp) -> None:
    api = make_api(make_app, "memory://")

    with at(api, 60):
        assert len({time_of(api) for _ in range(10_000)}) == 1


def test_with_the_setting_sessions_end_as_well(make_app: MakeApp) -> None:
    api = make_api(make_app, "memory://")
    token = sign_in(api)["refresh_token"]

    with at(api, IDLE):
        assert refresh(api, token).status_code == 400
    with at(api, IDLE - DAY):
        assert refresh(api, token).status_code == 200


def test_a_database_goes_on_by_its_own_clock(make_app: MakeApp, tmp_path: Path) -> None:
    api = make_api(make_app, url_of(tmp_path / "store.db"))
    token = sign_in(api)["refresh_token"]

    with at(api, timedelta(days=400)):
        assert is_live(api, token)
    store_of(api).close()
