"""A view whose own transaction of Flask-SQLAlchemy holds the lock of SQLite: the store does not wait for it."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import SessionTransaction
from werkzeug.test import TestResponse

from flask_tokenauth import token_response
from flask_tokenauth.application.database_sessions import find_sessions

from ..conftest import MakeApp

WRITE = text("INSERT INTO login VALUES ('now')")


class Lock:
    """A lock that another program holds until somebody waits for it for the second time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waits = 0
        self.connection: Any = None

    def take(self) -> None:
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("BEGIN IMMEDIATE")

    def wait(self, _: float) -> None:
        self.waits += 1
        if self.waits == 2 and self.connection is not None:
            self.connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE login (at)")
    return path


@pytest.fixture
def lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lock]:
    lock = Lock(path)
    monkeypatch.setattr(time, "sleep", lock.wait)
    monkeypatch.setattr("flask_tokenauth.stores.sql.engine.LONGEST_WRITE", 0.2)
    yield lock
    if lock.connection is not None:
        lock.connection.close()


Shop = Callable[..., tuple[Flask, SQLAlchemy]]


@pytest.fixture
def make_shop(make_app: MakeApp, path: Path) -> Iterator[Shop]:
    """Return a function that makes an application with a database. Its store is ready."""
    made: list[tuple[Flask, SQLAlchemy]] = []

    def make(*, store: object = None, **options: Any) -> tuple[Flask, SQLAlchemy]:
        db = SQLAlchemy(**options)
        app = make_app(TOKENAUTH_STORE=db if store is None else store, SQLALCHEMY_DATABASE_URI=f"sqlite:///{path}")
        db.init_app(app)
        with app.app_context():
            app.extensions["tokenauth"].store.create()
        made.append((app, db))
        return app, db

    yield make
    for app, db in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def shop(make_shop: Shop) -> tuple[Flask, SQLAlchemy]:
    return make_shop()


def log_in(app: Flask, before: Callable[[], object]) -> TestResponse:
    """Call a view that calls *before* and then issues tokens."""

    def view() -> Any:
        before()
        return token_response("alice")

    app.add_url_rule("/login", view_func=view, methods=["POST"])
    return app.test_client().post("/login")


def test_a_view_that_has_written_and_not_committed_gets_its_answer_without_waiting(
    shop: tuple[Flask, SQLAlchemy], lock: Lock
) -> None:
    app, db = shop

    assert log_in(app, lambda: db.session.execute(WRITE)).status_code == 503
    assert lock.waits == 0


def test_the_log_says_what_to_do(
    shop: tuple[Flask, SQLAlchemy], path: Path, lock: Lock, caplog: pytest.LogCaptureFixture
) -> None:
    app, db = shop

    with caplog.at_level(logging.ERROR, "flask_tokenauth"):
        log_in(app, lambda: db.session.execute(WRITE))

    assert f"its db.session has written to {path} and has not committed. Call db.session.commit() before" in caplog.text
    assert lock.waits == 0


def test_tables_that_were_inspected_before_do_not_hide_the_transaction(
    shop: tuple[Flask, SQLAlchemy], lock: Lock
) -> None:
    """SQLAlchemy asks for temporary tables then, so that SQLite lists a second database, which is empty."""
    app, db = shop

    def inspect_and_write() -> None:
        db.session.execute(text("PRAGMA temp.table_info(login)"))
        db.session.execute(WRITE)

    assert log_in(app, inspect_and_write).status_code == 503
    assert lock.waits == 0


def test_a_session_with_a_temporary_table_waits(shop: tuple[Flask, SQLAlchemy], lock: Lock) -> None:
    """The transaction may have written to that table alone."""
    app, db = shop

    def write_and_lose() -> None:
        db.session.execute(text("CREATE TEMP TABLE draft (at)"))
        db.session.execute(text("INSERT INTO draft VALUES ('now')"))
        lock.take()

    assert log_in(app, write_and_lose).status_code == 200
    assert lock.waits == 2


def test_a_view_that_has_committed_logs_in(shop: tuple[Flask, SQLAlchemy], lock: Lock) -> None:
    app, db = shop

    def write() -> None:
        db.session.execute(WRITE)
        db.session.commit()

    assert log_in(app, write).status_code == 200
    assert lock.waits == 0


@pytest.mark.parametrize("kind", ["url", "engine"])
def test_a_store_that_has_only_the_file_in_common_does_not_wait_either(
    make_shop: Shop, path: Path, tmp_path: Path, lock: Lock, kind: str
) -> None:
    """The file is compared, and not the URL."""
    (tmp_path / "link.db").symlink_to(path)
    url = f"sqlite:///{tmp_path / 'link.db'}"
    app, db = make_shop(store=url if kind == "url" else create_engine(url))

    assert log_in(app, lambda: db.session.execute(WRITE)).status_code == 503
    assert lock.waits == 0


def test_the_first_use_of_a_store_does_not_wait_either(make_app: MakeApp, path: Path, lock: Lock) -> None:
    db = SQLAlchemy()
    app = make_app(TOKENAUTH_STORE=db, SQLALCHEMY_DATABASE_URI=f"sqlite:///{path}")
    db.init_app(app)

    assert log_in(app, lambda: db.session.execute(WRITE)).status_code == 503
    assert lock.waits == 0
    with app.app_context():
        db.engine.dispose()


def test_a_session_of_an_outer_context_is_found(shop: tuple[Flask, SQLAlchemy], lock: Lock) -> None:
    """As in a test that writes with db.session, and then calls a view."""
    app, db = shop

    with app.app_context(), app.app_context():
        db.session.execute(WRITE)
        assert log_in(app, lambda: None).status_code == 503

    assert lock.waits == 0


def test_before_sqlalchemy_2_1_7_the_connections_of_a_session_are_found_too(
    shop: tuple[Flask, SQLAlchemy], lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, db = shop
    monkeypatch.delattr(SessionTransaction, "connections", raising=False)

    assert log_in(app, lambda: db.session.execute(WRITE)).status_code == 503
    assert lock.waits == 0


def write_in_a_savepoint(db: SQLAlchemy) -> None:
    db.session.begin_nested()
    db.session.execute(text("SELECT * FROM login"))


def attach_another_database(db: SQLAlchemy) -> None:
    db.session.execute(text("ATTACH ':memory:' AS other"))
    db.session.execute(text("CREATE TABLE other.visits (at)"))
    db.session.execute(text("INSERT INTO other.visits VALUES ('now')"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "read",
    [
        lambda _: None,
        lambda db: db.session.begin(),
        lambda db: db.session.execute(text("SELECT * FROM login")),
        lambda db: db.session.execute(WRITE) and db.session.rollback(),
        lambda db: db.session.execute(WRITE) and db.session.connection().invalidate(),
        lambda db: db.session.execute(WRITE) and db.session.connection().close(),
        write_in_a_savepoint,
        attach_another_database,
    ],
    ids=["nothing", "begin", "read", "rollback", "invalidate", "close", "savepoint", "attach"],
)
def test_a_session_that_is_not_known_to_have_written_waits_for_the_lock_of_another_program(
    shop: tuple[Flask, SQLAlchemy], lock: Lock, read: Callable[[SQLAlchemy], object]
) -> None:
    app, db = shop

    def read_and_lose() -> None:
        read(db)
        lock.take()

    assert log_in(app, read_and_lose).status_code == 200
    assert lock.waits == 2


def test_a_session_that_begins_its_transactions_itself_waits_for_the_lock_of_another_program(
    make_shop: Shop, lock: Lock
) -> None:
    """SQLAlchemy's page on SQLite shows this. A transaction that only reads has begun too."""
    app, db = make_shop()
    with app.app_context():
        event.listen(db.engine, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
        event.listen(db.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        db.engine.dispose()

    def read_and_lose() -> None:
        db.session.execute(text("SELECT * FROM login"))
        lock.take()

    assert log_in(app, read_and_lose).status_code == 200
    assert lock.waits == 2


@pytest.mark.parametrize(("autocommit", "waits"), [(-1, 0), (False, 2)])
def test_the_way_in_which_python_begins_transactions_counts(
    make_shop: Shop, path: Path, lock: Lock, autocommit: int, waits: int
) -> None:
    """Python has ``autocommit`` since 3.12. With False a transaction has begun that may have read only."""
    factory = type("Driver", (sqlite3.Connection,), {"autocommit": autocommit})
    options: dict[str, Any] = {"creator": lambda: sqlite3.connect(path, factory=factory)}
    app, db = make_shop(store=f"sqlite:///{path}", engine_options=options)

    def write() -> None:
        db.session.execute(WRITE)
        lock.connection = db.session()

    assert log_in(app, write).status_code == (200 if waits else 503)
    assert lock.waits == waits


def test_a_session_that_has_written_to_another_file_waits_for_the_lock_of_another_program(
    make_shop: Shop, tmp_path: Path, lock: Lock
) -> None:
    app, db = make_shop(store=f"sqlite:///{tmp_path / 'tokens.db'}")
    lock.path = tmp_path / "tokens.db"

    def write_and_lose() -> None:
        db.session.execute(WRITE)
        lock.take()

    assert log_in(app, write_and_lose).status_code == 200
    assert lock.waits == 2


def test_rows_and_strings_of_any_type_are_read(shop: tuple[Flask, SQLAlchemy], lock: Lock) -> None:
    app, db = shop

    def write() -> None:
        driver: Any = db.session.connection().connection.dbapi_connection
        driver.row_factory, driver.text_factory = (lambda *_: {}), bytes
        db.session.execute(WRITE)

    assert log_in(app, write).status_code == 503
    assert lock.waits == 0


def test_no_session_is_found_without_a_context() -> None:
    assert find_sessions() == []


def test_asking_creates_no_session(shop: tuple[Flask, SQLAlchemy]) -> None:
    app, db = shop

    with app.app_context(), app.app_context():
        assert find_sessions() == []
        assert not db.session.registry.has()


def test_a_session_of_one_thread_is_found(make_shop: Shop) -> None:
    app, db = make_shop(session_options={"scopefunc": None})

    with app.app_context(), app.app_context():
        session = db.session()
        assert find_sessions() == [session]
        db.session.remove()


def test_a_property_of_another_extension_is_not_read(make_app: MakeApp) -> None:
    class Lite:
        @property
        def session(self) -> object:
            raise AssertionError  # pragma: no cover  # never called

    app = make_app()
    app.extensions["sqlalchemy"] = Lite()

    with app.app_context():
        assert find_sessions() == []
