"""Fill a store with revocations, faster than it writes them itself: in one transaction, by its own statements."""

from contextlib import closing
from time import sleep, time
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

from flask_tokenauth.core.encoding.prefixes import DEFAULT_STORE_PREFIX
from flask_tokenauth.core.records.revocation import RevocationKind
from flask_tokenauth.stores.redis.layout import Layout, member_of
from flask_tokenauth.stores.sql.source import find_dialect
from flask_tokenauth.stores.sql.tables import KIND_CODES

from .apps import sessions
from .databases import connect, connect_to_redis, is_redis

_FIRST = 10_000_000  # token IDs have as many characters as real ones
_IN_SCRIPT = 20_000  # revocations
_NAME = "revoked-token-"

# As the store writes them: the score of each is its end without twice the longest leeway.
_MAKE_ROWS = f"""
local about, live, values = unpack(KEYS)
local first, last, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local score = string.format('%.0f', (now + 86400) * 1000 - 2 * redis.call('HGET', about, 'leeway'))
for start = first, last, 1000 do
    local scores, fields = {{}}, {{}}
    for number = start, math.min(start + 999, last) do
        local member = '{member_of("token", _NAME)}' .. ({_FIRST} + number)
        scores[#scores + 1], scores[#scores + 2] = score, member
        fields[#fields + 1], fields[#fields + 2] = member, now + 900 + number % 900
    end
    redis.call('ZADD', live, unpack(scores))
    redis.call('HSET', values, unpack(fields))
end
"""


def fill(url: str, size: int, *, kind: RevocationKind = "token") -> None:
    """Create what a store needs, and revoke many tokens that have not expired.

    Args:
        url: of an empty database.
        size: how many.
        kind: "token", or "session" in an SQL database.
    """
    app = sessions.make(url)  # the store then knows the issuer and the leeway: a longer one would change all rows
    sessions.create_tables(app)
    app.extensions["tokenauth"].store.close()
    if is_redis(url):
        _fill_redis(url, size)
        return
    engine, dialect = connect(url), find_dialect(make_url(url))
    dialect.adapt(engine)
    with engine.begin() as connection:
        for statement in dialect.copy_revocations(_make_rows(size, kind)):
            connection.execute(statement)
        connection.exec_driver_sql("ANALYZE TABLE tokenauth_revocation" if engine.name == "mysql" else "ANALYZE")
    engine.dispose()


def _fill_redis(url: str, size: int) -> None:
    """Let the server make the revocations by scripts, each of which blocks it for some time."""
    now = int(time())
    with closing(connect_to_redis(url)) as client:
        make = client.register_script(_MAKE_ROWS)
        for first in range(0, size, _IN_SCRIPT):
            make(Layout(DEFAULT_STORE_PREFIX).shared[:3], [first, min(first + _IN_SCRIPT, size) - 1, now])
        while any(client.info("persistence")[f"aof_rewrite_{state}"] for state in ("in_progress", "scheduled")):
            sleep(0.05)  # a server that writes its file again, since it has grown, has no time for others


def _make_rows(size: int, kind: RevocationKind) -> Subquery:
    """Select rows with numbers from 0, which the server makes itself."""
    ten: CompoundSelect[Any] = union_all(*(select(literal_column(str(digit)).label("digit")) for digit in range(10)))
    places = [ten.subquery(f"place_{place}") for place in range(len(str(size - 1)))]
    number: Any = sum((table.c.digit * 10**place for place, table in enumerate(places)), literal_column("0"))
    now = int(time())
    columns: dict[str, ColumnElement[Any]] = {
        "kind": literal(KIND_CODES[kind]),
        "subject": literal(_NAME) + cast(_FIRST + number, String(8)),
        "value": cast(now + 900 + number % 900, BigInteger),
        "expires_at": literal((now + 86400) * 1000, BigInteger),
    }
    labelled = [column.label(name) for name, column in columns.items()]
    return select(*labelled).where(number < size).subquery("made")
