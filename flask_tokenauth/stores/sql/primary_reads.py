"""Reads that count only if the server is the primary: a replica may be behind, and does not report that."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, literal, select, true

from .dialect import Dialect, NotPrimary

_REPLICA = (
    "the database server must be a primary, but it is a replica or read-only, so its answers may be old: connect to "
    "the primary, and without a proxy that sends reads to other servers"
)


class PrimaryRead:
    """A SELECT whose server also says, in the same statement, whether it is the primary.

    Args:
        dialect: of the server.
        rows: the SELECT, of columns that have names.
        order: the names of columns by which the rows are sorted, the greatest first.
    """

    def __init__(self, dialect: Dialect, rows: Select[Any], *order: str) -> None:
        self._dialect = dialect
        found = rows.add_columns(literal(1).label("is_row")).subquery("found")
        server = select(dialect.role.label("role")).subquery("server")
        # There is one row even if nothing is found, with NULL in all columns but "role".
        self._statement = (
            select(server.c.role, *found.c)  # the columns by name: threads that look for them at once can collide
            .select_from(server.outerjoin(found, true()))
            .order_by(*(found.c[name].desc() for name in order))
        )

    def fetch(self, connection: Connection, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """Return all rows, as values by the names of their columns.

        All are fetched before one is read. An error for a row that cannot be read holds frames in its traceback: as
        long as it is kept, an unfinished statement would keep the connection in an old state.

        Args:
            connection: to the database.
            values: the parameters.

        Raises:
            NotPrimary: the server is a replica.
        """
        rows = [dict(row) for row in connection.execute(self._statement, values or {}).mappings()]
        roles = [row.pop("role") for row in rows]
        check_role(self._dialect.is_primary, roles[0])
        return [row for row in rows if row.pop("is_row") is not None]


def check_role(is_primary: Callable[[Any], bool], role: Any) -> None:
    """Check that a server is a primary.

    Args:
        is_primary: of its dialect.
        role: the value of ``Dialect.role`` there.

    Raises:
        NotPrimary: it is a replica.
    """
    if not is_primary(role):
        raise NotPrimary(_REPLICA)
