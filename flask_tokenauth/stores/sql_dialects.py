"""Where SQL servers differ: what time it is, how a transaction begins, how a row is put in the place of another."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from ..core.errors import SettingsError, StoreUnavailable

LONGEST_WAIT = 5.0  # seconds for a lock

_JULIAN_1970 = 2440587.5  # days


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What the statements and the engine have to know of one kind of server."""

    now: ColumnElement[int]  # milliseconds since 1970-01-01T00:00:00Z, of the moment the statement runs
    greatest: Callable[..., ColumnElement[int]]
    least: Callable[..., ColumnElement[int]]
    insert: Callable[..., Any]  # an INSERT that knows ON CONFLICT
    begin: str  # a transaction in which nobody else changes what was read
    on_connect: tuple[str, ...]  # what each new connection is told
    prepare: Callable[[Connection], None]  # once, before tables are made or used


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
    deadline = time.monotonic() + LONGEST_WAIT
    while (mode := _set_journal(connection)) is None:  # for this one lock SQLite does not wait by itself
        if time.monotonic() >= deadline:
            raise StoreUnavailable(f"the SQLite database was locked for {LONGEST_WAIT} s")
        time.sleep(0.02)
    if mode != "wal":
        raise StoreUnavailable(
            f"the SQLite database cannot be used with a write-ahead log, its journal stays {mode}: "
            "it has to be a file that we may write, on a file system of this machine"
        )


def _set_journal(connection: Connection) -> str | None:
    """Return the journal mode, "wal" if that can be; None while others have the file."""
    try:
        mode: str = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        return mode if mode == "wal" else connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar_one()
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorname", None) != "SQLITE_BUSY":
            raise
        return None


SQLITE = Dialect(
    now=cast(func.round((func.julianday("now") - _JULIAN_1970) * 86_400_000.0), BigInteger),
    greatest=func.max,
    least=func.min,
    insert=sqlite.insert,
    begin="BEGIN IMMEDIATE",  # one that begins by reading fails as soon as another has written meanwhile
    on_connect=(
        "PRAGMA busy_timeout=5000",
        "PRAGMA synchronous=FULL",
    ),  # LONGEST_WAIT in ms; what is acknowledged is kept
    prepare=_prepare_sqlite,
)
