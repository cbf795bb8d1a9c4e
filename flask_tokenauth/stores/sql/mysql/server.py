"""The clock and the role of a MariaDB or MySQL server."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, literal_column

# SYSDATE(6) is the time when it is evaluated, and NOW(6) when the statement began. It is local, so each connection has
# the time zone UTC. UNIX_TIMESTAMP would end in 2038.
NOW: ColumnElement[int] = literal_column(  # see Dialect.now
    "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', SYSDATE(6)) DIV 1000)", BigInteger()
)
ROLE: ColumnElement[Any] = literal_column("@@global.read_only")  # see Dialect.role; super_read_only sets it too


def is_primary(role: Any) -> bool:
    """Return whether the server accepts writes. Newer releases have more values than 0 and 1."""
    return role in (0, "0", "OFF")
