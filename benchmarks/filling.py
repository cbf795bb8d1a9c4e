"""Fill a store with revocations, faster than it writes them itself: in one transaction, by its own statements."""

from time import time
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    String,
    Subquery,
    cast,
    literal,
    literal_column,
    make_url,
    select,
    union_all,
)

from flask_tokenauth.stores.sql.source import find_dialect

from .apps import sessions
from .databases import connect

_FIRST = 10_000_000  # token IDs have as many characters as real ones


def fill(url: str, size: int) -> None:
    """Create the tables, and revoke many tokens that have not expired.

    Args:
        url: of an empty database.
        size: how many.
    """
    app = sessions.make(url)  # the store then knows the issuer and the leeway: a longer one would change all rows
    sessions.create_tables(app)
    app.extensions["tokenauth"].store.close()
    engine, dialect = connect(url), find_dialect(make_url(url))
    dialect.adapt(engine)
    with engine.begin() as connection:
        for statement in dialect.copy_revocations(_make_rows(size)):
            connection.execute(statement)
        connection.exec_driver_sql("ANALYZE TABLE tokenauth_revocation" if engine.name == "mysql" else "ANALYZE")
    engine.dispose()


def _make_rows(size: int) -> Subquery:
    """Select rows with numbers from 0, which the server makes itself."""
    ten: CompoundSelect[Any] = union_all(*(select(literal_column(str(digit)).label("digit")) for digit in range(10)))
    places = [ten.subquery(f"place_{place}") for place in range(len(str(size - 1)))]
    number: Any = sum((table.c.digit * 10**place for place, table in enumerate(places)), literal_column("0"))
    now = int(time())
    columns: dict[str, ColumnElement[Any]] = {
        "kind": literal("t"),
        "subject": literal("revoked-token-") + cast(_FIRST + number, String(8)),
        "value": cast(now + 900 + number % 900, BigInteger),
        "expires_at": literal((now + 86400) * 1000, BigInteger),
    }
    labelled = [column.label(name) for name, column in columns.items()]
    return select(*labelled).where(number < size).subquery("made")
