"""The SQL store when its database is locked, broken, missing or busy: an outage, with no secret in the message."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql import engine as engine_module
from flask_tokenauth.testing.store_contract.kit import list_all, start

from ..sqlite_kit import TERMS, engine_of, execute, lose_the_next_commit, opened, url_of

DAY = timedelta(days=1)
SECONDS = 60  # until a test that hangs fails


def test_a_file_that_is_no_database_is_an_outage(path: Path, store: SQLStore) -> None:
    path.write_bytes(b"something else, and long enough to be recognized" * 100)

    with pytest.raises(StoreUnavailable, match="SQLITE_NOTADB"):
        store.find_session("session")


def test_a_file_that_is_damaged_has_the_steps_of_a_restore_in_its_error(path: Path, store: SQLStore) -> None:
    path.write_bytes(b"something else, and long enough to be recognized" * 100)

    with pytest.raises(StoreUnavailable, match=f"restore a backup. Stop all processes that use it, remove {path}-wal"):
        store.find_session("session")


def test_a_full_disk_is_named(store: SQLStore) -> None:
    store.create()

    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
        connection.exec_driver_sql("CREATE TABLE other AS SELECT randomblob(100000)")

    with pytest.raises(StoreUnavailable, match=r"SQLite reports SQLITE_FULL, .*\): free space on its disk$"):
        store._database.write(fill)


def test_an_error_of_the_disk_is_named(store: SQLStore) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"

    def fail(_: Connection) -> None:
        raise DBAPIError(None, None, error)

    with pytest.raises(StoreUnavailable, match=r"SQLite reports SQLITE_IOERR_FSYNC, disk I/O error .*: check the disk"):
        store._database.write(fail)


def test_another_error_of_sqlite_is_an_outage_without_advice(store: SQLStore) -> None:
    with pytest.raises(StoreUnavailable, match=r"SQLITE_ERROR, no such function: nonsense \([^)]*\)$"):
        store._database.read(lambda connection: connection.exec_driver_sql("SELECT nonsense()"))


def test_a_directory_that_is_not_there_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "tokens.db"

    with pytest.raises(
        StoreUnavailable,
        match=rf"CANTOPEN.* \({re.escape(str(path))}\): the store needs the directory {path.parent}, .*: create it, or",
    ):
        SQLStore(url_of(path)).find_session("session")


def test_a_relative_path_is_shown_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(StoreUnavailable, match=re.escape(f"({tmp_path / 'nowhere' / 'tokens.db'}): the store")):
        SQLStore("sqlite:///nowhere/tokens.db").find_session("session")


@pytest.mark.slow
def test_a_file_that_cannot_be_opened_is_an_outage_that_names_it(tmp_path: Path) -> None:
    """A directory takes its place, because tests may run as a user who may write every file."""
    with pytest.raises(
        StoreUnavailable, match=rf"CANTOPEN.* \({re.escape(str(tmp_path))}\): allow this process to write"
    ):
        SQLStore(url_of(tmp_path)).find_session("session")


def test_a_file_that_cannot_be_written_is_an_outage_that_names_it(path: Path, store: SQLStore) -> None:
    store.create()
    engine = create_engine(
        url_of(path), creator=lambda: sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
    )
    reader = SQLStore(engine)

    with pytest.raises(StoreUnavailable, match=rf"READONLY.* \({re.escape(str(path))}\): allow this process to write"):
        reader.revoke_user("alice", retention=DAY, api_keys=False)
    reader.close()


def test_a_file_that_may_only_be_read_is_an_outage_for_writers(path: Path, store: SQLStore) -> None:
    start(store)
    reader = SQLStore(f"sqlite:///file:{path}?mode=ro&uri=true")

    assert reader.find_session("session") is not None
    with pytest.raises(StoreUnavailable, match=r"SQLITE_READONLY.*: allow this process to write"):
        reader.revoke_user("alice", retention=DAY, api_keys=False)
    reader.close()


def test_a_file_that_may_only_be_read_and_has_no_tables_is_an_outage(path: Path) -> None:
    execute(path, "PRAGMA journal_mode=WAL")
    execute(path, "CREATE TABLE other (id)")
    reader = SQLStore(f"sqlite:///file:{path}?mode=ro&uri=true")

    with pytest.raises(StoreUnavailable, match="SQLITE_READONLY"):
        reader.find_session("session")
    reader.close()


def test_a_file_whose_journal_cannot_be_changed_is_an_outage(path: Path) -> None:
    execute(path, "CREATE TABLE other (id)")
    reader = SQLStore(f"sqlite:///file:{path}?mode=ro&uri=true")

    with pytest.raises(StoreUnavailable, match=r"SQLITE_READONLY|its journal stays delete"):
        reader.create()
    reader.close()


def test_missing_tables_are_an_outage_until_they_are_created_again(path: Path, store: SQLStore) -> None:
    start(store)
    execute(path, "DROP TABLE tokenauth_session")

    with pytest.raises(StoreUnavailable, match="SQLITE_ERROR"):
        store.find_session("session")

    execute(path, "DROP TABLE tokenauth_store")
    store.create()
    assert store.find_session("session") is None


def test_a_session_that_a_trigger_of_the_application_refuses_is_an_outage(path: Path, store: SQLStore) -> None:
    """It must not be taken for a session that exists."""
    store.create()
    refuse = "CREATE TRIGGER refuse BEFORE INSERT ON tokenauth_session BEGIN SELECT RAISE(ABORT, 'not here'); END"
    execute(path, refuse)

    with pytest.raises(StoreUnavailable, match="SQLITE_CONSTRAINT_TRIGGER, not here"):
        start(store)


@pytest.mark.usefixtures("impatient")
def test_a_database_that_another_program_locks_for_too_long_is_an_outage(path: Path) -> None:
    store = SQLStore(url_of(path))
    start(store)

    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
            store.redeem("session", generation=0, terms=TERMS)
        assert store.find_session("session") is not None

    assert store.redeem("session", generation=0, terms=TERMS).outcome is Outcome.SWAPPED
    store.close()


@pytest.mark.usefixtures("impatient")
def test_an_open_transaction_of_the_application_is_named_as_a_cause(path: Path, store: SQLStore) -> None:
    store.create()

    with opened(path) as own:
        own.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="an open transaction of its own in the same database: commit it"):
            store.revoke_user("alice", retention=DAY, api_keys=False)


@pytest.mark.usefixtures("impatient")
def test_a_lock_of_another_program_has_the_command_that_finds_it(path: Path, store: SQLStore) -> None:
    store.create()

    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=rf"too long \(fuser {re.escape(str(path))} lists all that use the"):
            store.revoke_user("alice", retention=DAY, api_keys=False)


@pytest.mark.usefixtures("impatient")
def test_a_database_that_this_process_writes_for_too_long_is_an_outage(path: Path) -> None:
    store = SQLStore(url_of(path))
    start(store)

    with (
        store._database.connections.writing.taken(longest_wait=0),
        pytest.raises(StoreUnavailable, match="busy with writes"),
    ):
        store.revoke_user("alice", retention=DAY, api_keys=False)

    store.close()


@pytest.mark.usefixtures("impatient")
def test_a_new_database_that_another_program_reads_for_too_long_is_an_outage(path: Path) -> None:
    execute(path, "CREATE TABLE other (id)")
    execute(path, "INSERT INTO other VALUES (1)")
    store = SQLStore(url_of(path))

    with opened(path) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM other").fetchall()
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
            store.create()

    store.create()
    store.close()


def test_a_new_database_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite does not always wait for the lock that changes the journal."""
    execute(path, "CREATE TABLE other (id)")
    other = sqlite3.connect(path)
    other.execute("BEGIN")
    other.execute("SELECT * FROM other").fetchall()
    monkeypatch.setattr(time, "sleep", lambda _: other.close())

    store = SQLStore(url_of(path))
    store.create()
    store.close()

    assert execute(path, "PRAGMA journal_mode") == [("wal",)]


def test_when_all_connections_are_in_use_it_is_an_outage_that_says_so(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create()
    monkeypatch.setattr(engine_module, "LONGEST_QUEUE", 0.01)

    with ExitStack() as taken:
        for _ in range(5):
            taken.enter_context(store._database.connections.for_requests.taken(longest_wait=0))
        for ask in (
            lambda: store.find_session("session"),
            lambda: store.revoke_user("alice", retention=DAY, api_keys=False),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                ask()
            assert str(caught.value) == (
                "all 5 connections of this process to the database were in use for 0.01 s: look for slow statements on "
                "the server, or run more processes with fewer threads"
            )

    assert store.find_session("session") is None


def test_a_read_waits_for_a_connection_no_longer_than_its_timeout(store: SQLStore) -> None:
    store.bind("https://issuer.example", timeout=timedelta(milliseconds=10), lifetime=DAY, leeway=DAY)
    store.create()

    with ExitStack() as taken:
        for _ in range(5):
            taken.enter_context(store._database.connections.for_requests.taken(longest_wait=0))
        with pytest.raises(StoreUnavailable) as caught:
            store.find_session("session")

    # All waits of a call share its time, so a little of it may have passed before.
    waited = re.search(r"to the database were in use for (\S+) s: look for slow statements", str(caught.value))
    assert waited is not None
    assert float(waited[1]) <= 0.01


def test_an_error_of_sqlalchemy_itself_is_an_outage(store: SQLStore) -> None:
    engine: Any = engine_of(store)
    engine.pool._timeout = 0.01
    taken = [engine.connect() for _ in range(6)]  # by other users of the engine

    with pytest.raises(StoreUnavailable, match=r"^SQLAlchemy raised TimeoutError$"):
        store.find_session("session")

    for connection in taken:
        connection.close()
    assert store.find_session("session") is None


def test_as_many_threads_read_at_once_as_the_pool_has_connections(store: SQLStore) -> None:
    engine: Any = engine_of(store)
    together = Barrier(5)

    with ThreadPoolExecutor(5) as pool:
        asking = [pool.submit(store._database.read, lambda _: together.wait(SECONDS)) for _ in range(5)]
        assert sorted(thread.result(SECONDS) for thread in asking) == list(range(5))

    assert engine.pool.size() + engine.pool._max_overflow == 5 + 1  # the feed has its own


@pytest.fixture
def neighbour(path: Path, store: SQLStore) -> Iterator[None]:
    """Another program that has the database open. SQLite would remove the log with the last connection."""
    store.create()
    with opened(path) as connection:
        connection.execute("SELECT * FROM tokenauth_store").fetchall()
        yield


def close_pooled(engine: Engine) -> None:
    """Close the idle connection in the pool, as servers do."""
    with engine.connect() as connection:
        dbapi_connection: Any = connection.connection.dbapi_connection
    dbapi_connection.close()


@pytest.mark.slow
@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.find_session("session") is not None,
        lambda store: store.redeem("session", generation=0, terms=TERMS).outcome is Outcome.SWAPPED,
        lambda store: store.end_session("session", retention=DAY) is not None,
        lambda store: store.revoke_user("alice", retention=DAY, api_keys=False) > 0,
        lambda store: start(store, "other").session.generation == 0,
    ],
)
def test_a_connection_that_was_dropped_is_replaced(store: SQLStore, ask: Callable[[SQLStore], bool]) -> None:
    engine = engine_of(store)
    start(store)

    close_pooled(engine)

    assert ask(store)


@pytest.mark.usefixtures("neighbour")
def test_a_connection_is_replaced_once(path: Path) -> None:
    opened = []

    def connect() -> sqlite3.Connection:
        opened.append(sqlite3.connect(path, check_same_thread=False))
        return opened[-1]

    store = SQLStore(create_engine(url_of(path), creator=connect))
    engine = engine_of(store)

    def drop(connection: Any, *_: object) -> None:
        if len(opened) > 1:
            connection.close()

    event.listen(engine.pool, "checkout", drop)
    close_pooled(engine)
    with pytest.raises(StoreUnavailable):
        store.find_session("session")

    assert len(opened) == 2
    store.close()


def test_a_swap_whose_acknowledgement_was_lost_is_retried(store: SQLStore) -> None:
    start(store)
    lose_the_next_commit(store)

    redemption = store.redeem("session", generation=0, terms=TERMS)

    assert redemption.outcome is Outcome.RETRIED
    assert redemption.session is not None
    assert redemption.session.generation == 1


def test_a_start_whose_acknowledgement_was_lost_adopts_nothing(store: SQLStore) -> None:
    lose_the_next_commit(store)

    with pytest.raises(StoreUnavailable, match="while a session was stored"):
        start(store)


def test_a_transaction_that_fails_is_undone(store: SQLStore) -> None:
    start(store)

    def interrupted(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM tokenauth_session")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store._database.write(interrupted)

    assert store.find_session("session") is not None
    assert store.redeem("session", generation=0, terms=TERMS).outcome is Outcome.SWAPPED


def test_an_exception_of_the_creator_is_an_outage(path: Path) -> None:
    def connect() -> sqlite3.Connection:
        raise LookupError("no password for hunter2")

    with pytest.raises(
        StoreUnavailable,
        match=r"the creator of the application's engine must return a connection.*it raised LookupError",
    ) as caught:
        SQLStore(create_engine(url_of(path), creator=connect)).find_session("session")

    assert "hunter2" not in str(caught.value)


def test_an_error_has_no_user_id_in_it(path: Path, store: SQLStore) -> None:
    store.create()
    execute(path, "DROP TABLE tokenauth_session")

    with pytest.raises(StoreUnavailable) as caught:
        start(store, user_id="hunter2")

    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!s}"


@pytest.mark.slow
def test_many_threads_write_and_read_without_an_error_of_a_lock(path: Path) -> None:
    stores = [SQLStore(url_of(path)) for _ in range(2)]  # as of two applications in one process
    for number in range(32):
        start(stores[0], f"session{number}")

    def chain(number: int) -> list[Outcome]:
        outcomes = []
        for generation in range(5):
            store = stores[(number + generation) % 2]
            outcomes.append(store.redeem(f"session{number}", generation=generation, terms=TERMS).outcome)
            list_all(store, "alice")
            store.purge()
        return outcomes

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(chain, range(32))) == [[Outcome.SWAPPED] * 5] * 32
    for store in stores:
        store.close()


def test_a_program_that_keeps_the_error_of_a_bad_row_keeps_no_connection(path: Path, store: SQLStore) -> None:
    """Otherwise the connection would stay in the state in which it was, and never see new rows."""
    for number in range(3):
        start(store, f"s{number}")
    execute(path, "UPDATE tokenauth_session SET generation = 'x' WHERE session_id = 's0'")
    with pytest.raises(StoreUnavailable) as kept:
        list_all(store, "alice")
    other = SQLStore(url_of(path))

    epoch = other.revoke_user("bob", retention=timedelta(days=1), api_keys=False)
    other.close()

    assert store.is_revoked(token_id=None, session_id=None, user_id="bob", epoch=epoch - 1)
    start(store, "s3")
    assert kept.value


def test_a_parameter_of_a_url_that_the_driver_does_not_know_is_an_outage_with_advice() -> None:
    store = SQLStore("mysql://u:hunter2@127.0.0.1:1/d?nonsense=hunter2")

    with pytest.raises(StoreUnavailable, match=r"but it raised TypeError: check the parameters after \?") as caught:
        store.create()

    assert "hunter2" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
