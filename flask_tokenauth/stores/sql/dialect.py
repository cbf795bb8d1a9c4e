"""The differences between SQL servers, in one place: a subclass of :class:`Dialect` for each server."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, Engine, Select, Subquery, Table, Update
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.base import Executable

from ...core.errors import StoreUnavailable
from ...core.records.revocation import RevocationPage


class NotPrimary(StoreUnavailable):
    """The server is a replica. Its answers may be old, so none of them counts."""


class Files:
    """The files that a connection has open. A connection to a server has none."""

    def learn(self) -> None:
        """Note the files, after the connection was used."""

    def is_database_replaced(self) -> bool:
        """Return whether the file at the path is no longer the database that the connection has open."""
        return False

    def are_replaced(self) -> bool:
        """Return whether the database or its log was replaced."""
        return False

    def check(self) -> None:
        """Check that the files at the paths can be opened without damage, after they were replaced.

        Raises:
            StoreUnavailable: they cannot.
        """

    def find_lost_write(self) -> StoreUnavailable | None:
        """Return the error for a write that is lost, since the files were replaced; None if it is not."""
        return None


class Dialect(ABC):
    """The parts of the statements and of the engine that differ between servers.

    Attributes:
        name: of the server, for messages.
        driver: the dialect and the driver, as SQLAlchemy names them in a URL.
        has_typed_columns: True if a column can hold no value of another type.
        has_one_writer: True if the threads of a process have to wait for each other before they write.
        survives_fork: True if a child may use the database although its parent had a connection when it forked.
        now: milliseconds since 1970-01-01T00:00:00Z by the clock of the server, when the statement runs.
        role: a value by which :meth:`is_primary` knows a primary.
        greatest: returns the greatest of several numbers. None of them is NULL.
        least: returns the least of several numbers. None of them is NULL.
    """

    name: ClassVar[str]
    driver: ClassVar[str]
    has_typed_columns: ClassVar[bool]
    has_one_writer: ClassVar[bool]
    survives_fork: ClassVar[bool]
    now: ClassVar[ColumnElement[int]]
    role: ClassVar[ColumnElement[Any]]
    greatest: Callable[..., ColumnElement[int]]
    least: Callable[..., ColumnElement[int]]

    # Connections

    @abstractmethod
    def check_url(self, url: URL) -> None:
        """Check that a database can hold a store, without a connection to it.

        Raises:
            SettingsError: it cannot.
        """

    @abstractmethod
    def find_path(self, url: URL, /) -> str | None:
        """Return the absolute path of the file of a database; None if it has none, or if it is not known."""

    @abstractmethod
    def make_creator(self, url: URL, application: Engine | None) -> Callable[[], Any]:
        """Return a function that opens a connection of the driver. It keeps the time limit of the running call.

        Args:
            url: of the database.
            application: the engine of the application, whose connections have to be like those of it; None if it has
                given a URL.
        """

    @abstractmethod
    def adapt(self, engine: Engine) -> None:
        """Adapt the new engine of the store to its tables."""

    @abstractmethod
    def set_up(self, connection: Any) -> None:
        """Set up a new connection of the driver."""

    @abstractmethod
    def open_files(self, connection: Any, path: str | None, /) -> Files:
        """Return the files that a new connection of the driver has open.

        Args:
            connection: of the driver.
            path: of the database, as the application names it; None if that is not known.
        """

    @abstractmethod
    def prepare(self, connection: Connection) -> None:
        """Prepare the database, before its tables are created or used."""

    # Transactions

    @abstractmethod
    def begin(self, connection: Connection) -> None:
        """Begin a transaction that writes. When it is committed, it is kept.

        Raises:
            NotPrimary: the server does not write.
        """

    @abstractmethod
    def lock_user(self, connection: Connection, user_id: str) -> None:
        """Wait until no other transaction changes the list of sessions of a user, and keep others out until the end."""

    @abstractmethod
    def check_own_transactions(self, files: Files, sessions: Iterable[Any], path: str | None) -> None:
        """Check, before a wait for a lock, that it is not this thread that holds the lock.

        Args:
            files: of the connection that waits.
            sessions: of SQLAlchemy, that the application has open in this thread.
            path: of the database.

        Raises:
            StoreUnavailable: it is this thread.
        """

    # Errors

    @abstractmethod
    def is_busy(self, error: DBAPIError, /) -> bool:
        """Return whether a lock of others stopped the statement, which did nothing and can be tried again at once."""

    @abstractmethod
    def is_conflict(self, error: DBAPIError, /) -> bool:
        """Return whether the transaction came between others, and may succeed if it is done again from its start."""

    @abstractmethod
    def is_duplicate(self, error: DBAPIError, /) -> bool:
        """Return whether a row with this primary key exists."""

    @abstractmethod
    def is_disconnect(self, error: BaseException, /) -> bool:
        """Return whether an error of the driver means that the connection is of no use, although it is open."""

    @abstractmethod
    def describe_error(self, error: BaseException | None, path: str | None, /) -> str:
        """Return words for an error of the driver, with advice. No value of a statement, and no password, is in them.

        Args:
            error: of the driver.
            path: of the database.
        """

    # Statements

    @abstractmethod
    def is_primary(self, role: Any, /) -> bool:
        """Return whether the server is a primary.

        Args:
            role: the value of :attr:`role`.
        """

    @abstractmethod
    def upsert(
        self, table: Table, values: Mapping[str, Any], update: Callable[[Any], Mapping[str, ColumnElement[Any]]]
    ) -> Executable:
        """Return a statement that inserts a row, or changes the one that has its primary key.

        Args:
            table: the table.
            values: of the new row.
            update: returns the columns to change. Its argument has the columns of the new row.
        """

    def update_and_select(self, update: Update, rows: Select[Any]) -> Sequence[Executable]:
        """Return statements that change a row and select it. Each is run only if the one before it has changed a row.

        Args:
            update: changes one row, or none.
            rows: selects all columns of this row.
        """
        return [update, rows]

    @abstractmethod
    def insert_revocation(
        self, row: Mapping[str, ColumnElement[Any]], unless: ColumnElement[bool]
    ) -> Sequence[Executable]:
        """Return statements that insert a revocation. Each is run only if the one before it has changed a row.

        Args:
            row: the columns that are the same on all servers.
            unless: a condition on which nothing is inserted.
        """

    @abstractmethod
    def copy_revocations(self, rows: Subquery) -> Sequence[Executable]:
        """Return statements that insert a revocation for each row. All of them are run.

        Args:
            rows: have the columns that are the same on all servers.
        """

    # Revocation feed

    @abstractmethod
    def read_revocations(self, connection: Connection, cursor: str | None, *, replacements: int) -> RevocationPage:
        """Return the page of revocations after a cursor.

        :meth:`flask_tokenauth.core.store.Store.revocations_since` describes the result.

        Args:
            connection: to the database.
            cursor: None for the first page.
            replacements: how often this process has found another file in the place of the database file.

        Raises:
            StoreUnavailable: a row cannot be read, or the table does not number its rows.
            NotPrimary: the server is a replica.
        """

    # Tables

    @abstractmethod
    def find_risks(self, connection: Connection, *, leeway: int, connections: int | None) -> list[str]:
        """Return a sentence for each setting of the server that puts a promise of the store at risk.

        Args:
            connection: to the database.
            leeway: by how much the clocks of this machine and of the server may differ, in milliseconds.
            connections: how many connections the processes of the application may open; None if that is not known.
        """

    @abstractmethod
    def lock_schema(self, connection: Connection) -> None:
        """Wait until no other process creates tables, within a transaction, and keep others out until its end."""

    @abstractmethod
    def unlock_schema(self, connection: Connection) -> None:
        """Let other processes create tables, after the transaction was committed."""

    @abstractmethod
    def after_tables(self, connection: Connection) -> None:
        """Go on with the transaction after tables were created, and add the facts that only this server needs."""
