"""Finds the sessions that end at a sign-in, because their user has more than the limit."""

from sqlalchemy import Connection

from ...core.encoding.limits import is_identifier
from ...core.records.session import MOST_DISPLACED
from ..rows import MORE_ROWS
from .statements import Statements


def find_displaced(
    connection: Connection, statements: Statements, user_id: str, started: str, *, most: int
) -> tuple[str, ...]:
    """Return the IDs of the sessions of a user that end, within the transaction that has started another one.

    Only IDs are read: a session whose row cannot be read must end too.

    Args:
        connection: to the database.
        statements: for its dialect.
        user_id: the user.
        started: the ID of the session that was just started, and goes on.
        most: the number of live sessions that the user may have.
    """
    values = {"asked_user": user_id, "rows": most + MORE_ROWS}
    surplus = connection.execute(statements.count_sessions, values).scalar_one() - most
    if surplus <= 0:
        return ()
    values |= {"started": started, "surplus": min(surplus, MOST_DISPLACED)}
    return tuple(filter(is_identifier, connection.execute(statements.find_displaced, values).scalars().all()))
