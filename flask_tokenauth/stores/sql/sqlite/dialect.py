"""The :class:`~..dialect.Dialect` of SQLite."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Subquery,
    Table,
    cast,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable

from ....core.errors import SettingsError, StoreUnavailable
from ....core.records.revocation import RevocationPage
from ...database_objects import TWO_SLASHES
from ..dialect import Dialect, Files
from ..tables import revocations
from . import errors
from .feed import FEED
from .file import NOW, ROLE, is_primary
from .files import create_private_file
from .open_files import OpenFiles
from .own_transactions import has_written

_MARK = cast(func.random(), BigInteger)  # see feed.py


class SQLite(Dialect):
    """A file, which all processes of one machine can use. It has one writer at a time."""

    name = "SQLite"
    driver = "sqlite+pysqlite"
    has_typed_columns = False
    has_one_writer = True
    survives_fork = False  # SQLite would take the locks of the parent for those of the child
    now = NOW
    role = ROLE
    greatest, least = func.max, func.min

    def check_url(self, url: URL) -> None:
        if url.host or url.username or url.password or url.port:
            raise SettingsError(TWO_SLASHES)
        named = f"{url.database or ':memory:'} {url.query}"
        if ":memory:" in named or "mode=memory" in named or url.query.get("mode") == "memory":
            raise SettingsError(
                "a store in SQLite must be in a file, got a database in memory, of which each connection has its own: "
                'set "memory://" instead'
            )

    def find_path(self, url: URL, /) -> str | None:
        in_uri = url.database is None or url.database.startswith("file:")
        return None if in_uri else str(Path(url.database or "").absolute())

    def make_creator(self, url: URL, application: Engine | None) -> Callable[[], Any]:
        if application is not None:
            return application.pool._creator  # type: ignore[return-value]  # it has connect_args in it
        path = self.find_path(url)
        arguments, options = url.get_dialect()().create_connect_args(url)
        open_connection: Callable[..., Any] = sqlite3.connect

        def connect() -> Any:
            if path is not None:
                create_private_file(path)
            return open_connection(*arguments, **options)

        return connect

    def adapt(self, engine: Engine) -> None:
        """Nothing to do."""

    def set_up(self, connection: Any) -> None:
        # Milliseconds, after which the store retries. SQLite itself would in the end retry only ten times a second:
        # beside others that write without a pause, a process would then wait for seconds.
        connection.execute("PRAGMA busy_timeout=20").close()
        connection.execute("PRAGMA synchronous=FULL").close()

    def open_files(self, connection: Any, path: str | None, /) -> Files:
        [opened] = [path for _, name, path in connection.execute("PRAGMA database_list") if name == "main"]
        return OpenFiles(str(opened), path)

    def prepare(self, connection: Connection) -> None:
        """Turn on the write-ahead log, so that readers and a writer can work at once. The file keeps this mode."""
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        if mode != "wal":
            mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar()
        if mode != "wal":
            raise StoreUnavailable(
                f"the SQLite database must have a write-ahead log, but its journal stays {mode}: use a file that this "
                "process may write, on a file system of this machine"
            )

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # a transaction that reads first fails if another one writes

    def lock_user(self, connection: Connection, user_id: str) -> None:
        """Nothing to do: there is one writer."""

    def check_own_transactions(self, files: Files, sessions: Iterable[Any], path: str | None) -> None:
        database = files.database if isinstance(files, OpenFiles) else None
        if any(has_written(session, database) for session in sessions):
            raise errors.own_transaction(path)

    def is_busy(self, error: DBAPIError, /) -> bool:
        return errors.name_of(error.orig).startswith("SQLITE_BUSY")

    def is_conflict(self, _: DBAPIError, /) -> bool:
        return False  # there is one writer

    def is_duplicate(self, error: DBAPIError, /) -> bool:
        return errors.name_of(error.orig) in ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")

    def is_disconnect(self, _: BaseException, /) -> bool:
        return False

    def describe_error(self, error: BaseException | None, path: str | None, /) -> str:
        return errors.describe(error, path)

    def is_primary(self, role: Any, /) -> bool:
        return is_primary(role)

    def upsert(
        self, table: Table, values: Mapping[str, Any], update: Callable[[Any], Mapping[str, ColumnElement[Any]]]
    ) -> Executable:
        new = sqlite.insert(table).values(values)
        return new.on_conflict_do_update(index_elements=list(table.primary_key), set_=update(new.excluded))

    def insert_revocation(
        self, row: Mapping[str, ColumnElement[Any]], unless: ColumnElement[bool]
    ) -> Sequence[Executable]:
        rows = select(*row.values(), _MARK).where(~unless)
        return [insert(revocations).from_select([*row, "mark"], rows)]

    def copy_revocations(self, rows: Subquery) -> Sequence[Executable]:
        return [insert(revocations).from_select([*rows.c.keys(), "mark"], select(rows, _MARK))]

    def read_revocations(self, connection: Connection, cursor: str | None, *, replacements: int) -> RevocationPage:
        return FEED.read(connection, cursor, replacements=replacements)

    def find_risks(self, _: Connection, *, leeway: int, connections: int | None) -> list[str]:  # noqa: ARG002
        return []  # the clock is that of this machine, and the settings are those of the connection

    def lock_schema(self, connection: Connection) -> None:
        """Nothing to do: there is one writer."""

    def unlock_schema(self, connection: Connection) -> None:
        """Nothing to do: there is one writer."""

    def after_tables(self, connection: Connection) -> None:
        """Nothing to do: tables are created within the transaction."""


SQLITE = SQLite()
