"""Where SQL servers differ: what time it is, how a transaction begins, how a row is put in the place of another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from ...core.errors import SettingsError, StoreUnavailable

_JULIAN_1970 = 2440587.5  # days


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What the statements and the engine have to know of one kind of server."""

    now: ColumnElement[int]  # milliseconds since 1970-01-01T00:00:00Z, of the moment the statement runs
    greatest: Callable[..., ColumnElement[int]]
    least: Callable[..., ColumnElement[int]]
    mark: ColumnElement[int]  # what a new revocation has in "seq"
    insert: Callable[..., Any]  # an INSERT that knows ON CONFLICT
    begin: str  # a transaction in which nobody else changes what was read
    on_connect: tuple[str, ...]  # what each new connection is told
    prepare: Callable[[Connection], None]  # once, before tables are made or used
    is_busy: Callable[[DBAPIError], bool]  # nothing was done, because others have the lock
    find_file: Callable[[Any], str]  # the path of the file that a connection of the driver's has open; empty: none


def find_dialect(url: URL) -> Dialect:
    """Return the dialect for a database.

    Raises:
        SettingsError: it is none that we know, or one in memory.
    """
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise SettingsError(f"a store in {url.drivername} is not supported yet: sqlite is")
    named = f"{url.database or ':memory:'} {url.query}"
    if ":memory:" in named or "mode=memory" in named or url.query.get("mode") == "memory":
        raise SettingsError("a store in in-memory SQLite would be another one for each connection: name memory://")
    return SQLITE


def _prepare_sqlite(connection: Connection) -> None:
    """Let readers and a writer work at once, for good: the mode is kept in the file."""
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    if mode != "wal":
        mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar()
    if mode != "wal":
        raise StoreUnavailable(
            f"the SQLite database cannot be used with a write-ahead log, its journal stays {mode}: "
            "it has to be a file that we may write, on a file system of this machine"
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
    begin="BEGIN IMMEDIATE",  # one that begins by reading fails as soon as another has written meanwhile
    # Milliseconds, after which we ask again. Left to itself SQLite asks ten times a second in the end, and a process
    # that is as patient as that goes without for seconds beside others that write without a pause.
    on_connect=("PRAGMA busy_timeout=20", "PRAGMA synchronous=FULL"),
    prepare=_prepare_sqlite,
    is_busy=_is_busy_sqlite,
    find_file=_find_sqlite_file,
)
