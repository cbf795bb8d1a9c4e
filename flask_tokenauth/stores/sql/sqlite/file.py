"""The clock and the role of an SQLite file."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, literal

_JULIAN_1970 = 2440587.5  # days

NOW: ColumnElement[int] = cast(  # see Dialect.now; by the clock of the machine
    func.round((func.julianday("now") - _JULIAN_1970) * 86_400_000.0), BigInteger
)
ROLE: ColumnElement[Any] = literal(0)  # see Dialect.role


def is_primary(_: Any) -> bool:
    """Return True: a file is no replica."""
    return True
