"""The :class:`~..dialect.Dialect` of PostgreSQL."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import psycopg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Subquery,
    Table,
    Update,
    cast,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable

from ....core.records.revocation import RevocationPage
from ....core.time_limit import remaining
from ..creators import creator_for, creator_like
from ..dialect import Dialect, Files
from ..tables import revocations
from . import errors
from .connecting import connect, keep_limit
from .feed import read_revocations
from .risks import find_risks
from .server import NOW, ROLE, is_primary

# A commit must be on the disk, and on synchronous replicas, before a client gets its token. One value is stricter.
# The settings hold for the transaction only: with PgBouncer, another client has the connection afterwards.
# Each statement sees all that was committed before it, even if the server has another default: a transaction that has
# taken a lock must see the work of the one that had it before.
_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT set_config('synchronous_commit', 'on', true)"
    " WHERE current_setting('synchronous_commit') <> 'remote_apply';"
    " SET LOCAL statement_timeout = {milliseconds};"
    # If this machine vanishes, its locks are released.
    " SET LOCAL idle_in_transaction_session_timeout = {milliseconds}"
)
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_CHECKS_CLIENTS = 140_000
_CONFLICTS = ("40001", "40P01")  # serialization_failure, deadlock_detected
# read_only_sql_transaction: the server has become a replica. Then: it stops, or ends this connection.
_DROPPED = ("25006", "57P01", "57P02", "57P03", "57P05")
_ID = cast(func.random() * 2**62, BigInteger)
_TRANSACTION = cast(cast(func.pg_current_xact_id(), postgresql.TEXT()), BigInteger)


class PostgreSQL(Dialect):
    """A server, version 13 or newer, also behind PgBouncer in transaction mode: no setting or lock is the session's."""

    name = "PostgreSQL"
    driver = "postgresql+psycopg"
    has_typed_columns = True
    has_one_writer = False
    survives_fork = True
    now = NOW
    role = ROLE
    greatest, least = func.greatest, func.least

    def check_url(self, url: URL) -> None:
        """Nothing to do: each database of a server can hold a store."""

    def find_path(self, _: URL, /) -> str | None:
        return None

    def make_creator(self, url: URL, application: Engine | None) -> Callable[[], Any]:
        if application is None:
            return creator_for(url, connect)
        return creator_like(application, connect, keep_limit)

    def adapt(self, engine: Engine) -> None:
        """Nothing to do."""

    def set_up(self, connection: Any) -> None:
        connection.prepare_threshold = None  # a prepared statement belongs to the session
        connection.autocommit = True
        # A server that waits for a lock looks whether its client is still there. Otherwise abandoned calls would use up
        # its connections. With a pooler, other clients may get this setting, which does them no harm.
        if connection.info.server_version >= _CHECKS_CLIENTS:
            try:
                connection.execute("SET client_connection_check_interval = 1000")
            except psycopg.Error:
                if connection.closed:  # otherwise this system cannot look
                    raise

    def open_files(self, _: Any, __: str | None, /) -> Files:
        return Files()

    def prepare(self, connection: Connection) -> None:
        """Nothing to do."""

    def begin(self, connection: Connection) -> None:
        left = remaining()
        milliseconds = 0 if left == math.inf else max(1, math.ceil(left * 1000))
        connection.exec_driver_sql(_BEGIN.format(milliseconds=milliseconds))

    def lock_user(self, connection: Connection, user_id: str) -> None:
        _lock(connection, f"user {user_id}")

    def check_own_transactions(self, files: Files, sessions: Iterable[Any], path: str | None) -> None:
        """Nothing to do: no transaction of the application writes to the tables of the store."""

    def is_busy(self, _: DBAPIError, /) -> bool:
        return False

    def is_conflict(self, error: DBAPIError, /) -> bool:
        return errors.sqlstate_of(error.orig) in _CONFLICTS

    def is_duplicate(self, error: DBAPIError, /) -> bool:
        return errors.sqlstate_of(error.orig) == "23505"

    def is_disconnect(self, error: BaseException, /) -> bool:
        return errors.sqlstate_of(error) in _DROPPED

    def describe_error(self, error: BaseException | None, _: str | None, /) -> str:
        return errors.describe(error)

    def is_primary(self, role: Any, /) -> bool:
        return is_primary(role)

    def upsert(
        self, table: Table, values: Mapping[str, Any], update: Callable[[Any], Mapping[str, ColumnElement[Any]]]
    ) -> Executable:
        new = postgresql.insert(table).values(values)
        return new.on_conflict_do_update(index_elements=list(table.primary_key), set_=update(new.excluded))

    def update_and_select(self, update: Update, _: Select[Any]) -> Sequence[Executable]:
        return [update.returning(*update.table.c)]

    def insert_revocation(
        self, row: Mapping[str, ColumnElement[Any]], unless: ColumnElement[bool]
    ) -> Sequence[Executable]:
        rows = select(*row.values(), _ID, _TRANSACTION).where(~unless)
        return [insert(revocations).from_select([*row, "id", "transaction_id"], rows)]

    def copy_revocations(self, rows: Subquery) -> Sequence[Executable]:
        columns = [*rows.c.keys(), "id", "transaction_id"]
        return [insert(revocations).from_select(columns, select(rows, _ID, _TRANSACTION))]

    def read_revocations(self, connection: Connection, cursor: str | None, *, replacements: int) -> RevocationPage:  # noqa: ARG002
        return read_revocations(connection, cursor)

    def find_risks(self, connection: Connection, *, leeway: int, connections: int | None) -> list[str]:
        try:
            self.begin(connection)  # the settings are those of a transaction that writes
            found = list(find_risks(connection, leeway=leeway, connections=connections))
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.invalidate()  # it must not stay in the transaction
            raise
        return found

    def lock_schema(self, connection: Connection) -> None:
        _lock(connection, "schema")

    def unlock_schema(self, connection: Connection) -> None:
        """Nothing to do: the lock ends with the transaction."""

    def after_tables(self, connection: Connection) -> None:
        """Nothing to do: tables are created within the transaction."""


def _lock(connection: Connection, name: str) -> None:
    """Take the lock with a name, until the transaction ends. It is a lock of the database, not of the server."""
    digest = sha256(f"flask_tokenauth {name}".encode()).digest()
    connection.execute(_LOCK, {"key": int.from_bytes(digest[:8], signed=True)}).close()


POSTGRESQL = PostgreSQL()
