"""What came into SQLite's table of revocations after a cursor.

One writes at a time there, and numbers are never used twice: what has a number above the last one heard is what is new.
Numbers alone do not tell a database that an older copy was put in place of, once it has got as far again with other
entries. So each entry has a random mark, and a cursor that of the entry it ends with.
"""

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Text, bindparam, cast, column, func, select, table

from ...core.errors import StoreUnavailable
from ...core.records.revocation import Revocation, RevocationPage
from ..rows import check_whole, parse_number
from .sqlite import SQLITE
from .tables import KIND_CODES, facts, revocations

PAGE = 20_000  # entries
_KINDS = {code: kind for kind, code in KIND_CODES.items()}

_after, _head = bindparam("after", type_=BigInteger()), bindparam("head", type_=BigInteger())
_counted = table("sqlite_sequence", column("name"), column("seq", BigInteger()))
_last = select(_counted.c.seq).where(_counted.c.name == revocations.name).scalar_subquery()
_mark = cast(cast(revocations.c.mark, BigInteger()), Text())  # digits, whatever lies there
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
    """Where a reader stands."""

    store_id: str
    number: int = 0  # of the last entry heard
    mark: str = ""  # of that entry; empty if it was purged before it was heard

    @classmethod
    def parse(cls, text: str) -> "_Cursor | None":
        """Return what we wrote; None for anything else."""
        number_and_mark, _, store_id = text.partition(" ")
        digits, _, mark = number_and_mark.partition(".")
        number = parse_number(digits)
        return None if number is None else cls(store_id, number, mark)

    def __str__(self) -> str:
        return f"{self.number}.{self.mark} {self.store_id}"


def read_revocations(connection: Connection, text: str | None, *, file: int = 0) -> RevocationPage:
    """Return the page of news after the cursor *text*; see :meth:`flask_tokenauth.core.store.Store.news`.

    It is the *file*-th that lies where the database is, as far as this process knows.
    """
    heard = _Cursor("") if text is None else _Cursor.parse(text)
    if heard is None:
        return RevocationPage()
    # The head is read first. So it may be that of an earlier moment than the entries up to it, but never of a later.
    present = connection.execute(_PRESENT, {"after": heard.number}).one()
    if not isinstance(present.store_id, str):
        raise StoreUnavailable("the store has lost its ID")
    check_whole("the last number", present.head)
    if present.head < present.greatest:  # nobody would ever hear of what comes next
        raise StoreUnavailable(
            "the table of revocations does not count what is written to it: a migration has made it anew without "
            "AUTOINCREMENT, or sqlite_sequence was changed"
        )
    store_id = f"{present.store_id} {file}"
    if text is not None and not _goes_on(heard, store_id, present.head, present.mark):
        return RevocationPage()
    head = _Cursor(store_id, present.head, present.head_mark or "")
    return _read_page(connection, heard, head)


def _goes_on(heard: _Cursor, store_id: str, head: int, mark: str | None) -> bool:
    """Say whether the store still has what a reader has heard, but for what was purged since."""
    return heard.store_id == store_id and heard.number <= head and mark in (None, heard.mark)


def _read_page(connection: Connection, heard: _Cursor, head: _Cursor) -> RevocationPage:
    if heard.number == head.number:
        return RevocationPage(cursor=str(head))
    asked = {"after": heard.number, "head": head.number, "page": PAGE}
    rows = connection.execute(_ENTRIES, asked).all()
    entries = tuple(to_revocation(*told) for _, _, *told in rows)
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
        raise StoreUnavailable("a revocation in the store cannot be read") from error
