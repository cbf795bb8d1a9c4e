"""Reads the revocations that were committed to PostgreSQL after a cursor.

Numbers and times are given before a commit, so a row may appear after rows with higher ones. Each row has the ID of its
transaction, and a cursor contains a *snapshot*, which says what transactions were over. The new rows are those whose
transaction was not, whenever it commits.

A cursor also contains the start of the server, the ID of the store, and the newest row with its random ID. So a
reader notices a failover, another database, and an older copy of the tables. Another sign is a newer row whose
transaction was over at the snapshot: the IDs of transactions have been used twice, or rows were copied. A row of a
transaction that is to come here was copied from another server: the newest of these rows is in the cursor too.
"""

import re
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, TextClause, text

from ....core.records.revocation import RevocationPage
from ...rows import parse_number
from ..primary_reads import check_role
from ..revocation_rows import check_store_id, read_packed
from .server import NOW_SQL, ROLE_SQL, is_primary

PAGE = 20_000  # rows that one statement of the first load looks at
NEWS = 2_000  # rows that one later statement looks at: a request waits for it
_ROW = "transaction_id || '.' || id"
# A row that was copied from another server may have the ID of a transaction that is to come here. Only the first load
# reads such rows: otherwise each reader would get them again and again.
_XMAX = "pg_snapshot_xmax(pg_current_snapshot())::varchar::bigint"
_HAS_BEGUN = f"transaction_id < {_XMAX}"
_NEWEST = f"""(
    SELECT {_ROW} FROM tokenauth_revocation WHERE {_HAS_BEGUN} ORDER BY transaction_id DESC, id DESC LIMIT 1
)"""  # noqa: S608
_COPIED = f"""(
    SELECT {_ROW} FROM tokenauth_revocation WHERE transaction_id >= {_XMAX}
    ORDER BY transaction_id DESC, id DESC LIMIT 1
)"""  # noqa: S608
_STORE_ID = "(SELECT value FROM tokenauth_store WHERE name = 'store_id')"
_STARTED = "extract(epoch FROM pg_postmaster_start_time())::varchar"
_SNAPSHOT = re.compile("[0-9]{1,18}:[0-9]{1,18}:[0-9,]*", re.ASCII)


def _read(
    position: str, after: str, *, limit: str = "true", condition: str = "true", others: str = "false"
) -> TextClause:
    """Return a statement that reads a page of rows, and the state of the server, in one snapshot.

    The rows of a page are chosen by their index alone, so that the plan does not depend on statistics of the table.

    Args:
        position: the column by which the rows are sorted, before their ID.
        after: the position of the last row of the page before, as SQL.
        limit: a condition on the position of the rows.
        condition: by which rows of the page are returned.
        others: whether there are newer rows whose transaction was over at the snapshot.
    """
    return text(
        f"""
        WITH page AS MATERIALIZED (
            SELECT kind, subject, value, expires_at, transaction_id, {position} AS position, id
            FROM tokenauth_revocation
            WHERE ({position}, id) > ({after}, :last_id) AND {limit}
            ORDER BY {position}, id
            LIMIT :page
        )
        SELECT
            {ROLE_SQL} AS role,
            {_STARTED} AS started,
            {_STORE_ID} AS store_id,
            pg_current_snapshot()::varchar AS present,
            {_NEWEST} AS newest,
            {_COPIED} AS copied,
            (SELECT {_ROW} FROM tokenauth_revocation WHERE id = :known) AS known,
            {others} AS has_others,
            (SELECT count(*) FROM page) AS read,
            (SELECT position FROM page ORDER BY position DESC LIMIT 1) AS last_position,
            (SELECT id FROM page ORDER BY position DESC, id DESC LIMIT 1) AS last_id,
            (
                SELECT coalesce(json_agg(json_build_array(kind, subject, value, expires_at)), '[]')::varchar
                FROM page AS rows WHERE {condition}
            ) AS entries
        """  # noqa: S608  # all parts are constants
    )


# Usually there is nothing new, and each process asks every second: this statement is planned and run in half the time.
_STATE = text(
    f"SELECT {ROLE_SQL} AS role, {_STARTED} AS started, {_STORE_ID} AS store_id,"
    f" pg_current_snapshot()::varchar AS present, {_NEWEST} AS newest, {_COPIED} AS copied"
)
# The first load reads all rows that have not expired, along their index.
_LOAD = _read("expires_at", f"greatest((SELECT {NOW_SQL}), :last_position)")
_WAS_OVER = "pg_visible_in_snapshot(transaction_id::varchar::xid8, CAST(:since AS pg_snapshot))"
_NEWS = _read(
    "transaction_id",
    ":last_position",
    limit=_HAS_BEGUN,
    # Also rows that have expired: the clock of the server may be ahead for a moment.
    condition=f"NOT {_WAS_OVER}",
    others=f"""
        (
            SELECT id FROM tokenauth_revocation
            WHERE (transaction_id, id) > (:newest, :known)
                AND transaction_id < pg_snapshot_xmax(CAST(:since AS pg_snapshot))::varchar::bigint AND {_WAS_OVER}
            ORDER BY transaction_id, id LIMIT 1
        ) IS NOT NULL
    """,  # noqa: S608
)


class _Cursor(NamedTuple):
    """The position of a reader, as a string in the cursor.

    Attributes:
        started: the start of the server.
        store_id: of the store.
        since: the snapshot after which revocations are fetched; empty for the first load.
        newest: the newest transaction that wrote a row, and the row with its random ID, when the first page was asked
            for; empty if there was none.
        copied: the same for rows that were copied from another server; empty if there was none.
        until: the snapshot when the first page was asked for, if more pages follow; otherwise empty.
        last_position: of the last row on the last page, in the order of the pages.
        last_id: the ID of this row.
    """

    started: str
    store_id: str
    since: str = ""
    newest: str = ""
    copied: str = ""
    until: str = ""
    last_position: int = 0
    last_id: int = 0

    @classmethod
    def parse(cls, string: str) -> "_Cursor | None":
        """Return the cursor in *string*, or None if this class did not write it."""
        parts = string.split(" ")
        if len(parts) != len(cls._fields):
            return None
        started, store_id, since, newest, copied, until, *position = parts
        numbers = [parse_number(digits) for digits in (*position, *newest.split(".")) if digits]
        if None in numbers or not _are_snapshots(since, until):
            return None
        return cls(started, store_id, since, newest, copied, until, *map(int, position))

    @property
    def oldest(self) -> int:
        """The oldest transaction that was not over at the snapshot; 0 for the first load."""
        return int(self.since.partition(":")[0] or 0)

    @property
    def newest_transaction(self) -> int:
        """The transaction of the newest row; 0 if there was none."""
        return int(self.newest.partition(".")[0] or 0)

    def __str__(self) -> str:
        return " ".join(map(str, self))


def read_revocations(connection: Connection, string: str | None) -> RevocationPage:
    """Return the page of revocations after a cursor, as :meth:`..dialect.Dialect.read_revocations` describes.

    Args:
        connection: to the database.
        string: the cursor; None for the first page.

    Raises:
        StoreUnavailable: a row cannot be read.
        NotPrimary: the server is a replica.
    """
    last = _Cursor("", "") if string is None else _Cursor.parse(string)
    if last is None:
        return RevocationPage()
    if last.since and not last.until and (cursor := _find_nothing(connection, last)):
        return RevocationPage(cursor=str(cursor))
    present = connection.execute(_NEWS if last.since else _LOAD, _parameters(last)).one()
    check_role(is_primary, present.role)
    check_store_id(present.store_id)
    if string is not None and not (_is_same_server(present, last) and _has_same_rows(present, last)):
        return RevocationPage()
    return _to_page(present, last._replace(started=present.started, store_id=present.store_id))


def _find_nothing(connection: Connection, last: _Cursor) -> _Cursor | None:
    """Return the next cursor if there is certainly nothing new: all transactions that wrote rows were over."""
    state = connection.execute(_STATE).one()
    check_role(is_primary, state.role)
    rows = (state.newest or "", state.copied or "")
    if not _is_same_server(state, last) or rows != (last.newest, last.copied) or last.newest_transaction >= last.oldest:
        return None
    return last._replace(since=state.present)


def _is_same_server(present: Row[Any], last: _Cursor) -> bool:
    return (present.started, present.store_id) == (last.started, last.store_id)


def _has_same_rows(present: Row[Any], last: _Cursor) -> bool:
    """Return whether the rows up to the cursor are there, apart from rows that were purged."""
    is_same_newest = present.known in (last.newest, last.newest or None)
    return is_same_newest and present.copied in (last.copied, None) and not present.has_others


def _parameters(last: _Cursor) -> dict[str, object]:
    values: dict[str, object] = {
        "known": int(last.newest.split(".")[1]) if last.newest else None,
        "last_position": max(last.oldest, last.last_position),
        "last_id": last.last_id,
    }
    if not last.since:
        return values | {"page": PAGE}
    return values | {"newest": last.newest_transaction, "since": last.since, "page": NEWS}


def _to_page(present: Row[Any], last: _Cursor) -> RevocationPage:
    until, newest, copied = last.until, last.newest, last.copied
    if not until:
        until, newest, copied = present.present, present.newest or "", present.copied or ""
    entries = tuple(read_packed(present.entries))
    if present.read < (NEWS if last.since else PAGE):
        end = _Cursor(last.started, last.store_id, since=until, newest=newest, copied=copied)
        return RevocationPage(entries=entries, cursor=str(end))
    after = last._replace(
        newest=newest,
        copied=copied,
        until=until,
        last_position=present.last_position,
        last_id=present.last_id,
    )
    return RevocationPage(entries=entries, cursor=str(after), more=True)


def _are_snapshots(*strings: str) -> bool:
    """Return whether each string is a snapshot, or empty."""
    return all(not string or _SNAPSHOT.fullmatch(string) for string in strings)
