"""Reads the revocations after a cursor from a server that numbers them in the order of their commits.

The new revocations are those with a number above that of the cursor. If an older copy of the database was restored and
other rows were written since, numbers alone would not show it. So each row has a random mark, and a cursor contains the
mark of the last row before it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, bindparam, cast, func, literal_column, select

from ...core.errors import StoreUnavailable
from ...core.records.revocation import RevocationPage
from ..rows import check_whole, parse_number
from .primary_reads import check_role
from .revocation_rows import check_store_id, to_revocation
from .tables import facts, revocations

PAGE = 20_000  # rows of one page

_after, _head = bindparam("after", type_=BigInteger()), bindparam("head", type_=BigInteger())
_mark = cast(cast(revocations.c.mark, BigInteger()), Text())  # digits, even if another program wrote something else


class NumberedFeed:
    """Reads the feed of one kind of server.

    Args:
        head: selects the number of the last revocation, also of one that was purged.
        server: selects a string that is another one on another server.
        now: as ``Dialect.now``.
        role: as ``Dialect.role``.
        is_primary: as ``Dialect.is_primary``.
        behind: the error for a head that is below a number in the table: no reader would fetch the next rows.
    """

    def __init__(
        self,
        *,
        head: ColumnElement[int],
        server: ColumnElement[str],
        now: ColumnElement[int],
        role: ColumnElement[Any],
        is_primary: Callable[[Any], bool],
        behind: str,
    ) -> None:
        self._is_primary = is_primary
        self._behind = behind
        # Usually there is nothing new, and each process asks every second: then this statement is all. It has few
        # columns, since each takes time in drivers.
        newest = cast(revocations.c.id, Text()) + literal_column("'.'", Text()) + _mark
        self._state = select(
            role.label("role"),
            server.label("server"),
            head.label("head"),
            select(newest)
            .where(revocations.c.id >= _after)
            .order_by(revocations.c.id.desc())
            .limit(literal_column("1"))
            .scalar_subquery()
            .label("newest"),
        )
        self._present = select(
            role.label("role"),
            server.label("server"),
            func.coalesce(head, 0).label("head"),
            select(func.coalesce(func.max(revocations.c.id), 0)).scalar_subquery().label("greatest"),
            select(_mark).where(revocations.c.id == _after).scalar_subquery().label("mark"),
            select(facts.c.value).where(facts.c.name == "store_id").scalar_subquery().label("store_id"),
            select(_mark).where(revocations.c.id == head).scalar_subquery().label("head_mark"),
        )
        self._entries = (
            select(
                revocations.c.id,
                _mark.label("mark"),
                revocations.c.kind,
                revocations.c.subject,
                revocations.c.value,
                revocations.c.expires_at,
            )
            .where(revocations.c.id > _after, revocations.c.id <= _head, revocations.c.expires_at > now)
            .order_by(revocations.c.id)
            .limit(bindparam("page", type_=BigInteger()))
        )

    def read(self, connection: Connection, string: str | None, *, replacements: int) -> RevocationPage:
        """Return the page of revocations after a cursor.

        :meth:`flask_tokenauth.core.store.Store.revocations_since` describes the result.

        Args:
            connection: to the database.
            string: the cursor; None for the first page.
            replacements: how often this process has found another file in the place of the database file.

        Raises:
            StoreUnavailable: a row cannot be read, or the table does not number its rows.
            NotPrimary: the server is a replica.
        """
        last = _Cursor("") if string is None else _Cursor.parse(string)
        if last is None:
            return RevocationPage()
        if string is not None and self._finds_nothing(connection, last, replacements):
            return RevocationPage(cursor=string)
        # The head is read before the rows: it may be older than they are, but never newer.
        present = self._read_present(connection, last)
        check_store_id(present.store_id)
        store = f"{present.store_id} {present.server}{replacements}"
        if string is not None and not _is_still_valid(last, store, present.head, present.mark):
            return RevocationPage()
        return self._read_page(connection, last, _Cursor(store, present.head, present.head_mark or ""))

    def _finds_nothing(self, connection: Connection, last: "_Cursor", replacements: int) -> bool:
        """Return whether the last revocation is certainly the one of the cursor: its random mark is there."""
        state = connection.execute(self._state, {"after": last.number}).one()
        check_role(self._is_primary, state.role)
        is_same = (state.head, state.newest) == (last.number, f"{last.number}.{last.mark}")
        return is_same and last.store.endswith(f" {state.server}{replacements}")

    def _read_present(self, connection: Connection, last: "_Cursor") -> Any:
        present = connection.execute(self._present, {"after": last.number}).one()
        check_role(self._is_primary, present.role)
        check_whole("the last number of tokenauth_revocation", present.head)
        if present.head < present.greatest:
            raise StoreUnavailable(self._behind)
        return present

    def _read_page(self, connection: Connection, after: "_Cursor", head: "_Cursor") -> RevocationPage:
        if after.number == head.number:
            return RevocationPage(cursor=str(head))
        values = {"after": after.number, "head": head.number, "page": PAGE}
        rows = connection.execute(self._entries, values).all()
        entries = tuple(to_revocation(*columns) for _, _, *columns in rows)
        if len(rows) < PAGE or rows[-1].id >= head.number:
            return RevocationPage(entries=entries, cursor=str(head))
        last = _Cursor(head.store, rows[-1].id, rows[-1].mark)
        return RevocationPage(entries=entries, cursor=str(last), more=True)


class _Cursor(NamedTuple):
    """The position of a reader, as a string in the cursor."""

    store: str
    number: int = 0  # of the last row that was fetched
    mark: str = ""  # of that row; empty if it was purged before it was fetched

    @classmethod
    def parse(cls, string: str) -> "_Cursor | None":
        """Return the cursor in *string*, or None if this class did not write it."""
        number_and_mark, _, store = string.partition(" ")
        digits, _, mark = number_and_mark.partition(".")
        number = parse_number(digits)
        return None if number is None else cls(store, number, mark)

    def __str__(self) -> str:
        return f"{self.number}.{self.mark} {self.store}"


def _is_still_valid(cursor: _Cursor, store: str, head: int, mark: str | None) -> bool:
    """Return whether the store still has all rows up to *cursor*, apart from rows that were purged."""
    return cursor.store == store and cursor.number <= head and mark in (None, cursor.mark)
