"""``TokenAuth.warm``: a worker loads the revocations before its first request."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_tokenauth import SettingsError, TokenAuth
from flask_tokenauth.application import warming
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import MakeApp
from ...stores.sqlite_kit import execute, url_of
from ..conftest import MakeSessionApp
from ..devices import me
from ..kit import record_calls, sign_in, store_of, unavailable
from .kit import issue


def test_after_warm_the_first_request_does_not_ask_the_store(app: Flask, auth: TokenAuth[Any]) -> None:
    token = issue(app)
    with record_calls(store_of(app)) as called:
        auth.warm()
    assert called == ["revocations_since"]

    with record_calls(store_of(app)) as called:
        assert me(app, token) == 200

    assert called == []


def test_warm_loads_all_applications_of_its_object_and_no_other(make_session_app: MakeSessionApp) -> None:
    mine: TokenAuth[Any] = TokenAuth()
    one, two = (make_session_app(auth=mine, TOKENAUTH_STORE=MemoryStore()) for _ in range(2))
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_STORE=MemoryStore())

    with record_calls(store_of(one)) as a, record_calls(store_of(two)) as b, record_calls(store_of(other)) as c:
        mine.warm()

    assert (a, b, c) == (["revocations_since"], ["revocations_since"], [])


@pytest.mark.parametrize("mode", ["strict", "off"])
def test_warm_does_nothing_in_modes_without_a_feed(make_session_app: MakeSessionApp, mode: str) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = make_session_app(auth=auth, TOKENAUTH_REVOCATION=mode)

    with record_calls(store_of(app)) as called:
        auth.warm()

    assert called == []


def test_warm_does_nothing_without_a_store(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    make_app(auth=auth)

    auth.warm()


def test_warm_does_not_raise_during_an_outage(
    app: Flask, auth: TokenAuth[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with unavailable(store_of(app)):
        auth.warm()

    assert caplog.messages == [
        "revocations were never fetched and cannot be fetched now: nobody answers; "
        "guarded requests get 503 until they are"
    ]


def test_warm_raises_for_a_mistake_in_the_setup(make_session_app: MakeSessionApp, auth: TokenAuth[Any]) -> None:
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
def test_warm_loads_the_other_applications_if_one_fails(
    make_session_app: MakeSessionApp, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    class Troubled(MemoryStore):
        def revocations_since(self, cursor: str | None) -> Any:
            raise trouble

    auth: TokenAuth[Any] = TokenAuth()
    troubled, other = (make_session_app(auth=auth, TOKENAUTH_STORE=store()) for store in (Troubled, MemoryStore))
    monkeypatch.setattr(warming, "list_states", lambda: [app.extensions["tokenauth"] for app in (troubled, other)])

    with record_calls(store_of(other)) as called, suppress(SettingsError):
        auth.warm()

    assert called == ["revocations_since"]


MakeWithDatabase = Callable[[Path], Flask]


@pytest.fixture
def make_with_database(make_app: MakeApp, auth: TokenAuth[Any]) -> Iterator[MakeWithDatabase]:
    """Return a function that makes an application with a database file; all applications share one Flask-SQLAlchemy
    object.
    """
    db, made = SQLAlchemy(), []

    def make(path: Path) -> Flask:
        app = make_app(auth=auth, TOKENAUTH_STORE=db, SQLALCHEMY_DATABASE_URI=url_of(path))
        db.init_app(app)
        made.append(app)
        return app

    yield make
    for app in made:
        store_of(app).close()


def test_warm_works_with_flask_sqlalchemy_and_without_an_application_context(
    make_with_database: MakeWithDatabase, auth: TokenAuth[Any], tmp_path: Path
) -> None:
    app = make_with_database(tmp_path / "app.db")

    auth.warm()

    assert app.extensions["tokenauth"].stored.feed.describe().age == 0


def test_warm_loads_each_application_from_its_own_database(
    make_with_database: MakeWithDatabase, auth: TokenAuth[Any], tmp_path: Path
) -> None:
    one, two = make_with_database(tmp_path / "one.db"), make_with_database(tmp_path / "two.db")

    with one.app_context():
        auth.warm()
    sign_in(two)

    counted = [execute(tmp_path / name, "SELECT count(*) FROM tokenauth_session") for name in ("one.db", "two.db")]
    assert counted == [[(0,)], [(1,)]]


def test_a_call_that_finds_no_application_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    TokenAuth().warm()

    assert caplog.messages == ["warm() found no application: call it after init_app, on the same TokenAuth object"]
