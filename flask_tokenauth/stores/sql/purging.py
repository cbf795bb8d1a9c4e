"""Deletes rows that are over, page by page, unless the clock of the server seems to be ahead."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.base import Executable

from ..rows import check_clock
from .engine import LONGEST_LOAD, Database
from .schema import set_number
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
    database.write(lambda connection: set_number(connection, statements, LAST_PURGE, now))
    ended = _purge(database, statements.page_sessions, statements.drop_sessions, after="", now=now)
    return ended + _purge(database, statements.page_revocations, statements.drop_revocations, after=0, now=now)


def _read_times(connection: Connection, *, statements: Statements) -> list[int]:
    """Return the present, and the times that show how late it is at least. Values that are no times are left out."""
    [times] = statements.read_times.fetch(connection, {"fact": LAST_PURGE})
    known = (times["started_at"], times["epoch"], times["purged_at"])
    return [times["now"], *(time for time in known if isinstance(time, int))]


def _purge(database: Database, page: Executable, drop: Executable, *, after: object, now: int) -> int:
    """Delete page by page, so that others wait for one page at most."""
    dropped = 0
    while keys := database.read(partial(_find_keys, page=page, after=after, now=now), longest=LONGEST_LOAD):
        dropped += database.write(partial(_drop, drop=drop, keys=keys, now=now))
        after = keys[-1]
    return dropped


def _find_keys(connection: Connection, *, page: Executable, after: object, now: int) -> Sequence[Any]:
    return connection.execute(page, {"after": after, "now": now}).scalars().all()


def _drop(connection: Connection, *, drop: Executable, keys: Sequence[Any], now: int) -> int:
    return connection.execute(drop, {"keys": keys, "now": now}).rowcount
