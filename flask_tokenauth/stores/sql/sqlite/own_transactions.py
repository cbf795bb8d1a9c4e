"""Finds a transaction of the application that holds the lock for which the same thread waits in the store.

That wait would never end: the thread can commit only after the store has returned.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from .files import identify

_TEMPORARY = 1  # the number that SQLite gives to the database for temporary tables
_LEGACY = -1  # sqlite3.LEGACY_TRANSACTION_CONTROL, which Python has since 3.12


def has_written(session: Any, file: tuple[int, int] | None) -> bool:
    """Return whether a session has an open transaction that is known to have written to a file.

    It is not known if the application begins transactions itself, for example by an event of SQLAlchemy, with a
    savepoint or with ``autocommit=False``: the transaction may have read only, and then it blocks no writer.

    Args:
        session: of SQLAlchemy. It gets no connection by this.
        file: what :func:`~.files.identify` returns for the file.
    """
    transaction = session.get_transaction()
    return transaction is not None and any(_has_written(connection, file) for connection in _connections(transaction))


def _connections(transaction: Any) -> Iterable[Connection]:
    try:
        found: Iterable[Connection] = transaction.connections
    except AttributeError:  # before SQLAlchemy 2.1.7
        return {connection for connection, *_ in transaction._connections.values()}
    return found


def _has_written(connection: Connection, file: tuple[int, int] | None) -> bool:
    if connection.closed or connection.invalidated or connection.in_nested_transaction():
        return False
    driver = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection) or not driver.in_transaction:
        return False
    # Python begins a transaction before INSERT, UPDATE and DELETE only.
    begins_to_write = driver.isolation_level is not None and getattr(driver, "autocommit", _LEGACY) == _LEGACY
    return begins_to_write and _find_files(driver) == [file]


def _find_files(driver: sqlite3.Connection) -> list[tuple[int, int] | None]:
    """Return the databases of a connection. If it has several, it may have written to any of them.

    The database for temporary tables is left out if it is empty: ``db.create_all`` adds it by looking for such tables.
    """
    cursor = driver.cursor()
    cursor.row_factory = None
    try:
        has_temporary = cursor.execute("SELECT 1 FROM sqlite_temp_master").fetchone() is not None
        listed = cursor.execute("PRAGMA database_list").fetchall()
        return [identify(path) for number, _, path in listed if number != _TEMPORARY or has_temporary]
    finally:
        cursor.close()
