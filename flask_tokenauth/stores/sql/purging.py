"""Deletes rows that are over, page by page, unless the clock of the server seems to be ahead."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.base import Executable

from ..rows import check_clock, parse_number
from .engine import Database
from .statements import Statements

LAST_PURGE = "last_purge"  # the fact with the time of the last purge, in milliseconds


def purge(database: Database, statements: Statements, *, force: bool) -> int:
    """Delete rows that are over, and return the number of rows.

    Args:
        database: that has the tables.
        statements: for its dialect.
        force: do not check the clock of the server.

    Raises:
        PurgeRefused: the clock of the server seems to be ahead.
        StoreUnavailable: the database cannot be asked.
    """
    now, *known = database.read(partial(_read_times, statements=statements))
    if not force:
        check_clock(now, known)
    # Lowered too: a time that was written while the clock was ahead would be no evidence for as long.
    database.write(lambda connection: connection.execute(statements.set_fact, {"name": LAST_PURGE, "value": str(now)}))
    ended = _purge(database, statements.page_sessions, statements.drop_sessions, after="")
    return ended + _purge(database, statements.page_revocations, statements.drop_revocations, after=0)


def _read_times(connection: Connection, *, statements: Statements) -> list[int]:
    """Return the present, and the times that show how late it is at least. Values that are no times are left out."""
    now, started_at, epoch, purged_at = connection.execute(statements.read_times, {"fact": LAST_PURGE}).one()
    known = (started_at, epoch, parse_number(purged_at or ""))
    return [now, *(time for time in known if isinstance(time, int))]


def _purge(database: Database, page: Executable, drop: Executable, *, after: object) -> int:
    """Delete page by page, so that others wait for one page at most."""
    dropped = 0
    while keys := database.read(partial(_find_keys, page=page, after=after)):
        dropped += database.write(partial(_drop, drop=drop, keys=keys))
        after = keys[-1]
    return dropped


def _find_keys(connection: Connection, *, page: Executable, after: object) -> Sequence[Any]:
    return connection.execute(page, {"after": after}).scalars().all()


def _drop(connection: Connection, *, drop: Executable, keys: Sequence[Any]) -> int:
    return connection.execute(drop, {"keys": keys}).rowcount
