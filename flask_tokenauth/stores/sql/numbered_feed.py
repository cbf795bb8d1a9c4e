"""Reads the revocations after a cursor from a server that numbers them in the order of their commits.

The new revocations are those with a number above that of the cursor. If an older copy of the database was restored and
other rows were written since, numbers alone would not show it. So each row has a random mark, and a cursor contains the
mark of the last row before it.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)

from ...core.errors import StoreUnavailable
from ...core.records.revocation import Revocation, RevocationPage
from ..rows import check_whole, parse_number
from .primary_reads import check_role
from .revocation_rows import check_store_id, read_packed
from .tables import facts, revocations

PAGE = 20_000  # numbers of one page of the first load
NEWS = 2_000  # numbers of one later page: a request waits for it
_CHUNK = 100  # rows that are packed together: servers limit the length of a string
_LOADING = "load"  # marks the cursors of the first load

_after, _last = bindparam("after", type_=BigInteger()), bindparam("last", type_=BigInteger())
_mark = cast(cast(revocations.c.mark, BigInteger()), Text())  # digits, even if another program wrote something else


class NumberedFeed:
    """Reads the feed of one kind of server.

    Args:
        head: selects the number of the last revocation, also of one that was purged.
        server: selects a string that is another one on another server.
        now: as ``Dialect.now``.
        role: as ``Dialect.role``.
        is_primary: as ``Dialect.is_primary``.
        pack: aggregates rows to a JSON array, for ``read_packed``.
        read_subject: as in ``read_packed``.
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
        pack: ColumnElement[Any],
        read_subject: Callable[[str], str] = str,
        behind: str,
    ) -> None:
        self._is_primary = is_primary
        self._read_subject = read_subject
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
            select(func.min(revocations.c.id)).where(revocations.c.id > _after).scalar_subquery().label("next"),
            select(_mark).where(revocations.c.id == _after).scalar_subquery().label("mark"),
            select(facts.c.value).where(facts.c.name == "store_id").scalar_subquery().label("store_id"),
            select(_mark).where(revocations.c.id == head).scalar_subquery().label("head_mark"),
        )
        self._mark_of_last = select(_mark).where(revocations.c.id == _last)
        # Pages are chosen by numbers alone: each ends, however many rows have expired.
        rows = (
            select(pack)
            .where(revocations.c.id > _after, revocations.c.id <= _last)
            .group_by(revocations.c.id // _CHUNK)
        )
        self._news = rows  # also rows that have expired: the clock of the server may be ahead for a moment
        self._live = rows.where(revocations.c.expires_at > now)

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
        last = _Cursor("", is_load=True) if string is None else _Cursor.parse(string)
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
        head = _Cursor(store, present.head, present.head_mark or "")
        return self._read_page(connection, last._replace(store=store), head, present.next)

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

    def _read_page(
        self, connection: Connection, after: "_Cursor", head: "_Cursor", following: int | None
    ) -> RevocationPage:
        """Return a page.

        Args:
            connection: to the database.
            after: the position of the reader.
            head: the position of the last revocation.
            following: the least number after *after* in the table; None if there is none.
        """
        if following is None or following > head.number:
            return RevocationPage(cursor=str(head))
        last = min(head.number, following - 1 + (PAGE if after.is_load else NEWS))
        entries = tuple(self._read_entries(connection, after, last))
        if last == head.number:
            return RevocationPage(entries=entries, cursor=str(head))
        mark = connection.execute(self._mark_of_last, {"last": last}).scalar()
        return RevocationPage(entries=entries, cursor=str(after._replace(number=last, mark=mark or "")), more=True)

    def _read_entries(self, connection: Connection, after: "_Cursor", last: int) -> Iterator[Revocation]:
        statement = self._live if after.is_load else self._news
        for (packed,) in connection.execute(statement, {"after": after.number, "last": last}).all():
            yield from read_packed(packed, self._read_subject)


class _Cursor(NamedTuple):
    """The position of a reader, as a string in the cursor."""

    store: str
    number: int = 0  # of the last row that was fetched
    mark: str = ""  # of that row; empty if it was purged before it was fetched
    is_load: bool = False  # the first load goes on

    @classmethod
    def parse(cls, string: str) -> "_Cursor | None":
        """Return the cursor in *string*, or None if this class did not write it."""
        number_and_mark, _, store = string.partition(" ")
        digits, _, mark_and_load = number_and_mark.partition(".")
        mark, _, loading = mark_and_load.partition(".")
        number = parse_number(digits)
        return None if number is None else cls(store, number, mark, loading == _LOADING)

    def __str__(self) -> str:
        return f"{self.number}.{self.mark}{f'.{_LOADING}' * self.is_load} {self.store}"


def _is_still_valid(cursor: _Cursor, store: str, head: int, mark: str | None) -> bool:
    """Return whether the store still has all rows up to *cursor*, apart from rows that were purged."""
    return cursor.store == store and cursor.number <= head and mark in (None, cursor.mark)
