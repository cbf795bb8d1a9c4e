"""The engine of the SQL store: from which sources it is made, and how it survives a fork.

tests/stores/test_processes.py has real forks.
"""

import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from flask_tokenauth.core import process
from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore, fork_safety
from flask_tokenauth.testing.store_contract.kit import start

from ..sqlite_kit import engine_of, engine_where_time_stands_still, execute, url_of

DAY = timedelta(days=1)


def test_an_engine_lends_its_creator_and_nothing_else(path: Path) -> None:
    theirs = engine_where_time_stands_still(path, time.time())
    store = SQLStore(theirs)

    first, second = start(store, "a").session, start(store, "b").session

    assert first.started_at == second.started_at
    assert engine_of(store) is not theirs
    assert theirs.pool.status().startswith("Pool size: 5  Connections in pool: 0")
    store.close()


def test_the_engine_is_small_and_in_autocommit(store: SQLStore) -> None:
    engine: Any = engine_of(store)

    assert (engine.pool.size(), engine.pool._max_overflow, engine.pool._timeout) == (2, 4, 2)
    with engine.connect() as connection:
        assert connection.connection.dbapi_connection.isolation_level is None


def test_a_connection_is_dropped_if_other_code_raises_while_it_is_used(store: SQLStore) -> None:
    """As a handler of a signal: the answer to a statement could still come, and would be that of the next one."""

    used: list[object] = []

    def note(connection: Connection) -> None:
        used.append(connection.connection.dbapi_connection)

    def interrupt(connection: Connection) -> None:
        note(connection)
        raise TimeoutError

    for work in note, note:
        store._database.read(work)
    with pytest.raises(TimeoutError):
        store._database.read(interrupt)
    store._database.read(note)

    first, second, third, fourth = used
    assert first is second is third is not fourth


def test_the_creator_of_an_engine_makes_the_connections(path: Path) -> None:
    theirs, asked = create_engine(url_of(path), poolclass=NullPool), []
    event.listen(theirs, "do_connect", lambda *_: asked.append("do_connect"))

    store = SQLStore(theirs)
    store.create()
    store.close()

    assert asked


def test_a_flask_sqlalchemy_object_is_asked_within_an_application(tmp_path: Path) -> None:
    app, db = Flask(__name__, instance_path=str(tmp_path)), SQLAlchemy()
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///app.db"
    db.init_app(app)
    store = SQLStore(db)

    with pytest.raises(SettingsError, match="application context"):
        store.read_epoch("alice")
    with app.app_context():
        epoch = store.revoke_user("alice", retention=DAY, api_keys=False)
        db.engine.dispose()
    assert store.read_epoch("alice") == epoch  # now the store has its engine
    store.close()

    assert execute(tmp_path / "app.db", "SELECT epoch FROM tokenauth_user_epoch") == [(epoch,)]


def test_a_transaction_of_the_application_takes_nothing_back(path: Path) -> None:
    theirs = create_engine(url_of(path))
    store = SQLStore(theirs)
    start(store)

    with theirs.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM tokenauth_session").all()
        store.end_session("session", retention=DAY)
        connection.rollback()

    assert store.find_session("session") is None
    store.close()
    theirs.dispose()


class Strange:
    """An object whose attribute ``engine`` is none, or raises an exception."""

    def __init__(self, engine: object) -> None:
        self._engine = engine

    @property
    def engine(self) -> object:
        if isinstance(self._engine, Exception):
            raise self._engine
        return self._engine


@pytest.mark.parametrize("engine", [None, "sqlite:///x.db", NotImplementedError(), RuntimeError()])
def test_an_object_without_a_real_engine_is_refused(engine: object) -> None:
    with pytest.raises(SettingsError, match="database object has no engine"):
        SQLStore(Strange(engine)).read_epoch("alice")


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://", "sqlite:///file:x?mode=memory&uri=true",
     "sqlite:///file::memory:?cache=shared&uri=true", "sqlite:///file:x?uri=true&mode=memory&cache=shared"],
)  # fmt: skip
def test_sqlite_in_memory_is_refused(url: str) -> None:
    for source in url, create_engine(url, poolclass=NullPool):
        with pytest.raises(SettingsError, match="memory://"):
            SQLStore(source)


def test_a_connection_that_turns_out_to_be_in_memory_is_refused(path: Path) -> None:
    engine = create_engine(
        url_of(path), creator=lambda: sqlite3.connect(":memory:", check_same_thread=False), poolclass=NullPool
    )

    store = SQLStore(engine)

    with pytest.raises(StoreUnavailable, match="its journal stays memory"):
        store.create()
    store.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite+aiosqlite:///x.db", "the driver for sqlite must be pysqlite, got aiosqlite"),
        ("oracle://user:hunter2@host/name", "must be SQLite, PostgreSQL or MariaDB, got oracle"),
        ("postgresql+pg8000://user:hunter2@host/name", "the driver for postgresql must be psycopg, got pg8000"),
        ("sqlite://hunter2/x.db", "must have three slashes"),
        ("hunter2", "must be one that SQLAlchemy can read"),
        ("sqlite:///x.db:hunter2@[", None),
        ("postgresql://user:hunter2@host:port/name", "must be one that SQLAlchemy can read"),
        ("postgresql://user@host:hunter2/name", "must be one that SQLAlchemy can read"),
    ],
)
def test_an_unsupported_url_is_refused_and_not_repeated(url: str, message: str | None) -> None:
    if message is None:
        SQLStore(url)
        return
    with pytest.raises(SettingsError, match=message) as caught:
        SQLStore(url)

    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


Fork = Callable[[], None]


@pytest.fixture
def fork(monkeypatch: pytest.MonkeyPatch) -> Fork:
    """Return a function after which this process takes itself for a child."""
    return lambda: monkeypatch.setattr(process, "getpid", lambda: -1)


@pytest.mark.slow
def test_a_child_makes_an_engine_of_its_own_and_keeps_that_of_its_parent(store: SQLStore, fork: Fork) -> None:
    engine, theirs = engine_of(store), store._database.connections
    with ExitStack() as others:  # as if threads of the parent waited to write and to read
        others.enter_context(theirs.writing.taken(longest_wait=0))
        for _ in range(5):
            others.enter_context(theirs.for_requests.taken(longest_wait=0))

        fork_safety.AT_FORK["before"]()
        fork()

        assert store.revoke_user("alice", retention=DAY, api_keys=False) > 0
    assert engine_of(store) is not engine
    assert theirs in process.left_to_parent


def test_a_child_whose_parent_had_an_open_connection_is_refused(
    store: SQLStore, fork: Fork, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite would take the locks of the parent for its own: another process could delete what the child writes."""
    engine_of(store)

    fork()

    for _ in range(2):
        with pytest.raises(SettingsError, match="lazy-apps = true"):
            store.revoke_user("alice", retention=DAY, api_keys=False)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_child_that_was_forked_while_a_statement_ran_is_refused(store: SQLStore, fork: Fork) -> None:
    store.create()
    with store._database.connections.gate.entered():
        store.close()
        fork()
        with pytest.raises(SettingsError, match="must not be forked while it has a connection"):
            store.find_session("session")


def test_a_store_that_was_not_used_before_the_fork_works_in_the_child(path: Path, fork: Fork) -> None:
    store = SQLStore(url_of(path))
    _ = store._database.connections

    fork()

    assert store.revoke_user("alice", retention=DAY, api_keys=False) > 0
    store.close()


def test_before_uwsgi_forks_its_workers_no_connection_stays_open(
    path: Path, fork: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, worker_id = SQLStore(url_of(path)), Mock(return_value=0)
    monkeypatch.setitem(sys.modules, "uwsgi", Mock(worker_id=worker_id))
    start(store, "parent")

    fork()
    worker_id.return_value = 1
    start(store, "child")

    assert store.find_session("parent") is not None
    pool: Any = engine_of(store).pool
    assert pool.checkedin() == 1  # a worker keeps its connections
    store.close()


def test_the_connection_of_the_feed_is_free_while_all_others_are_in_use(store: SQLStore) -> None:
    store.create()
    with ExitStack() as others:
        for _ in range(5):
            others.enter_context(store._database.connections.for_requests.taken(longest_wait=0))

        assert store.revocations_since(None).cursor is not None
        store._tables.forget_file()  # the tables must be checked again
        assert store.revocations_since(None).cursor is not None


@pytest.mark.slow
def test_only_one_thread_uses_the_connection_of_the_feed(store: SQLStore) -> None:
    store.bind("https://issuer.example", timeout=timedelta(milliseconds=10), lifetime=DAY, leeway=DAY)
    store.create()

    with (
        store._database.connections.for_feed.taken(longest_wait=0),
        pytest.raises(StoreUnavailable, match="the connection of this process for the revocation feed was in use"),
    ):
        store.revocations_since(None)


def test_the_parent_goes_on_after_a_fork(store: SQLStore) -> None:
    engine: Any = engine_of(store)

    fork_safety.AT_FORK["before"]()
    assert engine.pool.checkedin() == 0
    fork_safety.AT_FORK["after_in_parent"]()

    assert store.revoke_user("alice", retention=DAY, api_keys=False) > 0


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_fork_does_not_wait_for_ever(store: SQLStore) -> None:
    engine_of(store)

    def fork(connection: Connection) -> None:
        fork_safety.AT_FORK["before"]()
        fork_safety.AT_FORK["after_in_parent"]()
        connection.invalidate()  # the fork has disposed of its pool

    store._database.read(fork)

    assert store.revoke_user("alice", retention=DAY, api_keys=False) > 0


def test_a_connection_that_is_in_use_while_the_store_is_closed_is_closed_after_its_use(store: SQLStore) -> None:
    store.create()

    def close_meanwhile(connection: Connection) -> Any:
        store.close()
        return connection.connection.driver_connection

    used = store._database.read(close_meanwhile)

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        used.execute("SELECT 1")
