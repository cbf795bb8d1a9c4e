"""Reads the revocations that were committed to MariaDB or MySQL after a cursor.

A fact in the table of facts is the *head*: the number of the last revocation. A transaction that writes one takes the
next number from it, and keeps the row locked until its commit. So numbers are in the order of the commits.
"""

from sqlalchemy import func, literal_column, select

from ..numbered_feed import NumberedFeed
from ..tables import facts, revocations
from .server import NOW, ROLE, is_primary

HEAD = "last_revocation"  # the fact with the number of the last revocation


def _read_hexadecimal(string: str) -> str:
    return bytes.fromhex(string).decode()


FEED = NumberedFeed(
    head=select(facts.c.number).where(facts.c.name == HEAD).scalar_subquery(),
    server=literal_column("CONCAT(@@global.server_id, '/', @@global.hostname, '/')"),
    now=NOW,
    role=ROLE,
    is_primary=is_primary,
    pack=func.json_arrayagg(
        # Hexadecimal, since identifiers have bytes here.
        func.json_array(
            revocations.c.kind, func.hex(revocations.c.subject), revocations.c.value, revocations.c.expires_at
        )
    ),
    read_subject=_read_hexadecimal,
    behind=(
        f"the number of the row {HEAD} in tokenauth_store must not be below the greatest id in tokenauth_revocation, "
        "but is. Another program has probably written to these tables. Set it to this id"
    ),
)
