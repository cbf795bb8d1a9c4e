"""The clock and the role of a PostgreSQL server."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, literal_column

# Not now(), which is the time when the transaction began.
NOW_SQL = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
NOW: ColumnElement[int] = literal_column(NOW_SQL, BigInteger())  # see Dialect.now
ROLE: ColumnElement[Any] = func.pg_is_in_recovery()  # see Dialect.role


def is_primary(role: Any) -> bool:
    """Return whether the server is a primary. A replica is always in recovery."""
    return role is False
