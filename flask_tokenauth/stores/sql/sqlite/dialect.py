"""The :class:`~..dialect.Dialect` of SQLite."""

from typing import Any

from sqlalchemy import BigInteger, Connection, cast, func
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from ....core.errors import StoreUnavailable
from ..dialect import Dialect

_JULIAN_1970 = 2440587.5  # days


def _prepare_sqlite(connection: Connection) -> None:
    """Turn on the write-ahead log, so that readers and a writer can work at once. The file keeps this mode."""
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    if mode != "wal":
        mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar()
    if mode != "wal":
        raise StoreUnavailable(
            f"the SQLite database must have a write-ahead log, but its journal stays {mode}: use a file that this "
            "process may write, on a file system of this machine"
        )


def _is_busy_sqlite(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_BUSY")


def _find_sqlite_file(connection: Any) -> str:
    [path] = [path for _, name, path in connection.execute("PRAGMA database_list") if name == "main"]
    return str(path)


SQLITE = Dialect(
    now=cast(func.round((func.julianday("now") - _JULIAN_1970) * 86_400_000.0), BigInteger),
    greatest=func.max,
    least=func.min,
    mark=cast(func.random(), BigInteger),  # see revocations.py
    insert=sqlite.insert,
    begin="BEGIN IMMEDIATE",  # a transaction that reads first fails if another one writes in between
    # Milliseconds, after which the store retries. SQLite itself would in the end retry only ten times a second: beside
    # others that write without a pause, a process would then wait for seconds.
    on_connect=("PRAGMA busy_timeout=20", "PRAGMA synchronous=FULL"),
    prepare=_prepare_sqlite,
    is_busy=_is_busy_sqlite,
    find_file=_find_sqlite_file,
)
