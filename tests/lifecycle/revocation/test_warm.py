"""``TokenAuth.warm``: a worker hears what is revoked before the first request asks."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_tokenauth import SettingsError, TokenAuth, extension
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp
from ...stores.sqlite_kit import execute, url_of
from ..conftest import MakeSessionApp
from ..devices import me
from ..kit import asked, away, sign_in, store_of
from .kit import issue


def test_a_warm_worker_asks_nothing_at_its_first_request(app: Flask, auth: TokenAuth[Any]) -> None:
    token = issue(app)
    with asked(store_of(app)) as called:
        auth.warm()
    assert called == ["revocations_since"]

    with asked(store_of(app)) as called:
        assert me(app, token) == 200

    assert called == []


def test_every_application_of_one_object_is_warmed_and_no_other(make_session_app: MakeSessionApp) -> None:
    mine: TokenAuth[Any] = TokenAuth()
    one, two = (make_session_app(auth=mine, TOKENAUTH_STORE=MemoryStore()) for _ in range(2))
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_STORE=MemoryStore())

    with asked(store_of(one)) as a, asked(store_of(two)) as b, asked(store_of(other)) as c:
        mine.warm()

    assert (a, b, c) == (["revocations_since"], ["revocations_since"], [])


@pytest.mark.parametrize("mode", ["strict", "off"])
def test_where_nothing_is_heard_there_is_nothing_to_warm(make_session_app: MakeSessionApp, mode: str) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = make_session_app(auth=auth, TOKENAUTH_REVOCATION=mode)

    with asked(store_of(app)) as called:
        auth.warm()

    assert called == []


def test_without_a_store_either(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    make_app(auth=auth)

    auth.warm()


def test_a_store_that_is_away_stops_no_worker(
    app: Flask, auth: TokenAuth[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with away(store_of(app)):
        auth.warm()

    assert caplog.messages == [
        "revocations were never fetched and cannot be fetched now: nobody answers; "
        "guarded requests get 503 until they are"
    ]


def test_a_mistake_in_the_setup_stops_it(make_session_app: MakeSessionApp, auth: TokenAuth[Any]) -> None:
    class Misused(MemoryStore):
        def revocations_since(self, cursor: str | None) -> Any:
            raise SettingsError("two processes")

    app = make_session_app(TOKENAUTH_STORE=Misused())

    with pytest.raises(SettingsError, match="two processes"):
        auth.warm()
    with pytest.raises(SettingsError, match="two processes"):
        me(app, issue(app))


@pytest.mark.parametrize(
    "trouble", [StoreUnavailable("away"), SettingsError("two processes")], ids=["outage", "mistake"]
)
def test_trouble_of_one_application_keeps_no_other_from_being_warmed(
    make_session_app: MakeSessionApp, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    class Troubled(MemoryStore):
        def revocations_since(self, cursor: str | None) -> Any:
            raise trouble

    auth: TokenAuth[Any] = TokenAuth()
    troubled, other = (make_session_app(auth=auth, TOKENAUTH_STORE=store()) for store in (Troubled, MemoryStore))
    monkeypatch.setattr(extension, "list_states", lambda: [each.extensions["tokenauth"] for each in (troubled, other)])

    with asked(store_of(other)) as called, suppress(SettingsError):
        auth.warm()

    assert called == ["revocations_since"]


MakeWithDatabase = Callable[[Path], Flask]


@pytest.fixture
def make_with_database(make_app: MakeApp, auth: TokenAuth[Any]) -> Iterator[MakeWithDatabase]:
    """Return a function that makes an application on a file; all share one Flask-SQLAlchemy object."""
    db, made = SQLAlchemy(), []

    def make(path: Path) -> Flask:
        app = make_app(auth=auth, TOKENAUTH_STORE=db, SQLALCHEMY_DATABASE_URI=url_of(path))
        db.init_app(app)
        made.append(app)
        return app

    yield make
    for app in made:
        store_of(app).close()


def test_a_flask_sqlalchemy_object_is_warmed_where_there_is_no_application_context(
    make_with_database: MakeWithDatabase, auth: TokenAuth[Any], tmp_path: Path
) -> None:
    app = make_with_database(tmp_path / "app.db")

    auth.warm()

    assert app.extensions["tokenauth"].stored.feed.describe().age == 0


def test_each_of_the_applications_that_share_one_is_warmed_from_its_own_database(
    make_with_database: MakeWithDatabase, auth: TokenAuth[Any], tmp_path: Path
) -> None:
    one, two = make_with_database(tmp_path / "one.db"), make_with_database(tmp_path / "two.db")

    with one.app_context():
        auth.warm()
    sign_in(two)

    counted = [execute(tmp_path / name, "SELECT count(*) FROM tokenauth_session") for name in ("one.db", "two.db")]
    assert counted == [[(0,)], [(1,)]]
