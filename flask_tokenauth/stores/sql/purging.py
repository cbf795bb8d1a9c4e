"""Deletes rows that are over, unless the clock of the server seems to be ahead.

Page by page: others wait for one page at most.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.base import Executable

from ..rows import check_clock
from .dead_rows import DeadRows
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
    values = {"now": now}
    tables = (statements.api_keys, statements.reference_tokens, statements.spent)
    several = (statements.dead_sessions, *(table.dead for table in tables))
    dropped = sum(_purge_dead(database, dead, values) for dead in several)
    # After the API keys that they are about: if the epochs of users are lost, they are restored from the revocations.
    return dropped + _purge_revocations(database, statements, values)


def _read_times(connection: Connection, *, statements: Statements) -> list[int]:
    """Return the present, and the times that show how late it is at least. Values that are no times are left out."""
    [times] = statements.read_times.fetch(connection, {"fact": LAST_PURGE})
    known = (times["started_at"], times["created_at"], times["epoch"], times["purged_at"])
    return [times["now"], *(time for time in known if isinstance(time, int))]


def _purge_revocations(database: Database, statements: Statements, values: Mapping[str, object]) -> int:
    dropped, count = 0, -1
    find = partial(_find_keys, statement=statements.page_revocations, values=values)
    while count and (keys := database.read(find, longest=LONGEST_LOAD)):  # 0: others have changed all of them
        count = database.write(partial(_drop, statement=statements.drop_revocations, keys=keys, values=values))
        dropped += count
    return dropped


def _purge_dead(database: Database, dead: DeadRows, values: Mapping[str, object]) -> int:
    dropped, last = 0, [""]
    while last:
        values = {**values, "after": last[0]}
        last = database.read(partial(_find_keys, statement=dead.end_of_page, values=values), longest=LONGEST_LOAD)
        page = dead.page_until if last else dead.page
        find = partial(_find_keys, statement=page, values={**values, "last": "".join(last)})
        if keys := database.read(find, longest=LONGEST_LOAD):
            dropped += database.write(partial(_drop, statement=dead.drop, keys=keys, values=values))
    return dropped


def _find_keys(connection: Connection, *, statement: Executable, values: Mapping[str, object]) -> list[Any]:
    return list(connection.execute(statement, values).scalars())


def _drop(connection: Connection, *, statement: Executable, keys: Sequence[Any], values: Mapping[str, object]) -> int:
    return connection.execute(statement, {**values, "keys": keys}).rowcount
