"""Dialects differ in more than SQL. Here SQLite stands for a server, which has many writers and no files."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from flask_tokenauth.core import process
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore, fork_safety, source
from flask_tokenauth.stores.sql.dialect import Files
from flask_tokenauth.stores.sql.sqlite.dialect import SQLite
from flask_tokenauth.testing.store_contract.kit import start

from ..sqlite_kit import engine_of, url_of

DAY = timedelta(days=1)


class Server(SQLite):
    """SQLite as if it were a server. A function that it does not have means that the connection is of no use."""

    has_one_writer = False
    survives_fork = True

    def open_files(self, connection: Any, path: str | None, /) -> Files:
        return Files()

    def is_disconnect(self, error: BaseException, /) -> bool:
        return "no such function" in str(error)


@pytest.fixture
def store(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLStore]:
    monkeypatch.setitem(source._DIALECTS, "sqlite", (Server, "pysqlite", ""))
    store = SQLStore(url_of(path))
    yield store
    store.close()


def test_a_connection_without_files_reads_and_writes(store: SQLStore) -> None:
    start(store)

    assert store.end_session("session", retention=DAY) is not None
    assert store.find_session("session") is None


def test_a_connection_without_files_loses_none() -> None:
    files = Files()

    files.learn()
    files.check()

    assert (files.is_database_replaced(), files.are_replaced(), files.find_lost_write()) == (False, False, None)


def test_threads_write_at_once_if_the_server_has_many_writers(store: SQLStore) -> None:
    store.create()

    with store._database.connections.writing.taken(longest_wait=0):
        assert store.revoke_user("alice", retention=DAY, api_keys=False) > 0


def test_a_fork_closes_no_connection_to_a_server(store: SQLStore) -> None:
    pool: Any = engine_of(store).pool

    fork_safety.AT_FORK["before"]()
    fork_safety.AT_FORK["after_in_parent"]()

    assert pool.checkedin() == 1


def test_a_child_uses_a_server_although_its_parent_had_a_connection(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(store)

    monkeypatch.setattr(process, "getpid", lambda: -1)

    assert store.revoke_user("alice", retention=DAY, api_keys=False) > 0
    assert engine_of(store) is not engine


def test_a_connection_that_the_dialect_knows_to_be_of_no_use_is_replaced_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(source._DIALECTS, "sqlite", (Server, "pysqlite", ""))
    opened: list[sqlite3.Connection] = []

    def connect() -> sqlite3.Connection:
        opened.append(sqlite3.connect(path, check_same_thread=False))
        return opened[-1]

    with ExitStack() as stack:
        store = SQLStore(create_engine(url_of(path), creator=connect))
        stack.callback(store.close)
        store.create()
        with pytest.raises(StoreUnavailable, match="no such function: gone"):
            store._database.read(lambda connection: connection.exec_driver_sql("SELECT gone()"))

        assert len(opened) == 2
