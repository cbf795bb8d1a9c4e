"""Reads the revocations that were written to SQLite after a cursor.

SQLite has one writer at a time and never uses a number twice, so numbers are in the order of the commits.
"""

from sqlalchemy import BigInteger, column, func, literal, select, table

from ..numbered_feed import NumberedFeed
from ..tables import revocations
from .file import NOW, ROLE, is_primary

_counted = table("sqlite_sequence", column("name"), column("seq", BigInteger()))

FEED = NumberedFeed(
    head=select(_counted.c.seq).where(_counted.c.name == revocations.name).scalar_subquery(),
    server=literal(""),
    now=NOW,
    role=ROLE,
    is_primary=is_primary,
    pack=func.json_group_array(
        func.json_array(revocations.c.kind, revocations.c.subject, revocations.c.value, revocations.c.expires_at)
    ),
    behind=(
        "tokenauth_revocation.id must be AUTOINCREMENT, but sqlite_sequence is behind it: correct the migration that "
        "created the table, and sqlite_sequence"
    ),
)
