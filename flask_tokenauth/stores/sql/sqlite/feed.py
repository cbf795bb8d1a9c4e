"""Reads the revocations that were written to SQLite after a cursor.

SQLite has one writer at a time and never uses a number twice, so the new revocations are those with a number above that
of the cursor. If an older copy of the database was restored and other rows were written since, numbers alone would not
show it. So each row has a random mark, and a cursor contains the mark of the last row before it.
"""

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Text, bindparam, cast, column, func, select, table

from ....core.errors import StoreUnavailable
from ....core.records.revocation import Revocation, RevocationPage
from ...rows import check_whole, parse_number
from ..tables import KIND_CODES, facts, revocations
from .dialect import SQLITE

PAGE = 20_000  # rows
_KINDS = {code: kind for kind, code in KIND_CODES.items()}

_after, _head = bindparam("after", type_=BigInteger()), bindparam("head", type_=BigInteger())
_counted = table("sqlite_sequence", column("name"), column("seq", BigInteger()))
_last = select(_counted.c.seq).where(_counted.c.name == revocations.name).scalar_subquery()
_mark = cast(cast(revocations.c.mark, BigInteger()), Text())  # digits, even if another program wrote something else
_PRESENT = select(
    select(facts.c.value).where(facts.c.name == "store_id").scalar_subquery().label("store_id"),
    func.coalesce(_last, 0).label("head"),
    select(func.coalesce(func.max(revocations.c.id), 0)).scalar_subquery().label("greatest"),
    select(_mark).where(revocations.c.id == _last).scalar_subquery().label("head_mark"),
    select(_mark).where(revocations.c.id == _after).scalar_subquery().label("mark"),
)
_ENTRIES = (
    select(
        revocations.c.id,
        _mark.label("mark"),
        revocations.c.kind,
        revocations.c.subject,
        revocations.c.value,
        revocations.c.expires_at,
    )
    .where(revocations.c.id > _after, revocations.c.id <= _head, revocations.c.expires_at > SQLITE.now)
    .order_by(revocations.c.id)
    .limit(bindparam("page", type_=BigInteger()))
)


class _Cursor(NamedTuple):
    """The position of a reader, as a string in the cursor."""

    store_id: str
    number: int = 0  # of the last row that was fetched
    mark: str = ""  # of that row; empty if it was purged before it was fetched

    @classmethod
    def parse(cls, text: str) -> "_Cursor | None":
        """Return the cursor in *text*, or None if this class did not write it."""
        number_and_mark, _, store_id = text.partition(" ")
        digits, _, mark = number_and_mark.partition(".")
        number = parse_number(digits)
        return None if number is None else cls(store_id, number, mark)

    def __str__(self) -> str:
        return f"{self.number}.{self.mark} {self.store_id}"


def read_revocations(connection: Connection, text: str | None, *, file: int = 0) -> RevocationPage:
    """Return the page of revocations after a cursor.

    :meth:`flask_tokenauth.core.store.Store.revocations_since` describes the result.

    Args:
        connection: to the database.
        text: the cursor; None for the first page.
        file: how often this process has found another file in the place of the database file.

    Raises:
        StoreUnavailable: a row cannot be read, or the table does not number its rows.
    """
    last = _Cursor("") if text is None else _Cursor.parse(text)
    if last is None:
        return RevocationPage()
    # The head is read before the rows: it may be older than they are, but never newer.
    present = connection.execute(_PRESENT, {"after": last.number}).one()
    if not isinstance(present.store_id, str):
        raise StoreUnavailable(
            "the table tokenauth_store must have a row store_id, but has lost its ID: insert it with a new random value"
        )
    check_whole("the last number of tokenauth_revocation", present.head)
    if present.head < present.greatest:  # no reader would ever fetch the next rows
        raise StoreUnavailable(
            "tokenauth_revocation.id must be AUTOINCREMENT, but sqlite_sequence is behind it: correct the migration "
            "that created the table, and sqlite_sequence"
        )
    store_id = f"{present.store_id} {file}"
    if text is not None and not _is_still_valid(last, store_id, present.head, present.mark):
        return RevocationPage()
    head = _Cursor(store_id, present.head, present.head_mark or "")
    return _read_page(connection, last, head)


def _is_still_valid(cursor: _Cursor, store_id: str, head: int, mark: str | None) -> bool:
    """Return whether the store still has all rows up to *cursor*, apart from rows that were purged."""
    return cursor.store_id == store_id and cursor.number <= head and mark in (None, cursor.mark)


def _read_page(connection: Connection, after: _Cursor, head: _Cursor) -> RevocationPage:
    if after.number == head.number:
        return RevocationPage(cursor=str(head))
    values = {"after": after.number, "head": head.number, "page": PAGE}
    rows = connection.execute(_ENTRIES, values).all()
    entries = tuple(to_revocation(*columns) for _, _, *columns in rows)
    if len(rows) < PAGE or rows[-1].id >= head.number:
        return RevocationPage(entries=entries, cursor=str(head))
    last = _Cursor(head.store_id, rows[-1].id, rows[-1].mark)
    return RevocationPage(entries=entries, cursor=str(last), more=True)


def to_revocation(code: Any, subject: Any, value: Any, expires_at: Any) -> Revocation:
    """Return the revocation in a row of the table. The types of the columns are not trusted.

    Raises:
        StoreUnavailable: the row cannot be a revocation. If it were skipped, a revoked token would be accepted.
    """
    try:
        return Revocation(kind=_KINDS[code], subject=subject, value=value, expires_at=expires_at)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreUnavailable(
            "a revocation in the store cannot be read: another program or another release has changed it"
        ) from error
