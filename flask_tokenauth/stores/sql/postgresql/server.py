"""The clock and the role of a PostgreSQL server."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, literal_column

# Not now(), which is the time when the transaction began.
NOW_SQL = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
NOW: ColumnElement[int] = literal_column(NOW_SQL, BigInteger())  # see Dialect.now
# A primary that was made read-only before another one takes its place has old answers too.
ROLE_SQL = "pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
ROLE: ColumnElement[Any] = literal_column(f"({ROLE_SQL})", Boolean())  # see Dialect.role


def is_primary(role: Any) -> bool:
    """Return whether the server is a primary that can be written to. A replica is always in recovery."""
    return role is False
