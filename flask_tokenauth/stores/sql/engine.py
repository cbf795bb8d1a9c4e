"""The engine of the SQL store: its connections and transactions.

It is never the engine of the application: a revocation must not wait for a commit of the application, and must not be
undone by its rollback.
"""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from ...core.errors import SettingsError, StoreUnavailable
from ..database_objects import has_engine_now
from .connection_queue import ConnectionQueue
from .dialect import Dialect
from .errors import translated
from .fork_safety import ForkGate, keep_informed
from .retries import retry_dropped_connection, retry_while_locked
from .source import find_dialect, find_path, read_source
from .sqlite_files import create_private_file, find_obstacle

LONGEST_WAIT = 5.0  # seconds for a lock
_KEPT, _MORE = 2, 3  # connections: those that stay open, and those that are opened while all of them are in use

T = TypeVar("T")


class Database:
    """Runs statements. Each connection is in autocommit, and each write in one transaction.

    Args:
        source: a URL, an ``Engine``, or an object with an ``engine``, for example of Flask-SQLAlchemy. Its dialect, URL
            and creator are used.
        replaced: called if another file has taken the place of the database file, as after a restore.

    Attributes:
        timeout: seconds for which a read waits for a connection, and for a lock of others; None: as long as a write.

    Raises:
        SettingsError: the database is not supported. An object that has its ``engine`` only within an application
            context is checked on first use, unless there is a context now.
    """

    def __init__(self, source: object, *, replaced: Callable[[], None]) -> None:
        self._replaced = replaced
        self.timeout: float | None = None
        self._source = source
        self._engine: Engine | None = None
        self._create_locks()
        self._dialect: Dialect | None = None
        self._path: str | None = None  # for messages
        if has_engine_now(source):
            self._read_url()
        keep_informed(self)

    @property
    def dialect(self) -> Dialect:
        """The dialect of the server.

        Raises:
            SettingsError: the database is not supported, or cannot be known here.
        """
        return self._read_url() if self._dialect is None else self._dialect

    def _read_url(self) -> Dialect:
        url, _ = read_source(self._source)
        self._dialect, self._path = find_dialect(url), find_path(url)
        return self._dialect

    @property
    def path(self) -> Path | None:
        """The file of the database; None if it is not known."""
        return None if self._path is None else Path(self._path)

    def find_obstacle(self) -> str | None:
        """Return what this process lacks to use the file of the database; None if it lacks nothing that is known."""
        return None if self.path is None else find_obstacle(self.path)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Call *work* with a connection and return its result. If the connection was dropped, *work* runs once more.

        Args:
            work: reads, with one statement.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        with translated(self._path):
            return self._read(work, LONGEST_WAIT if self.timeout is None else self.timeout)

    def prepare(self) -> None:
        """Prepare the database, before its tables are created or used.

        If many processes start at once, this may take some seconds.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        with translated(self._path):
            self._read(self.dialect.prepare, LONGEST_WAIT)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Call *work* in a transaction, commit, and return the result. *work* may run twice.

        Raises:
            StoreUnavailable: the database cannot be asked. Everything was done, or nothing.
        """
        with translated(self._path), self._writing.taken(longest_wait=LONGEST_WAIT):
            return retry_dropped_connection(
                lambda: self._run(lambda connection: self._in_transaction(connection, work))
            )

    def dispose(self) -> None:
        """Close the connections that are not in use. The next call opens new ones."""
        if self._engine is not None:
            self._engine.dispose()

    def _read(self, work: Callable[[Connection], T], longest: float) -> T:
        return retry_dropped_connection(lambda: retry_while_locked(lambda: self._run(work), self.dialect, longest))

    def _run(self, work: Callable[[Connection], T]) -> T:
        place = self._connections.taken(longest_wait=self._longest_queue())
        with place, self._gate.entered(), self._connect() as connection:
            return work(connection)

    def _longest_queue(self) -> float:
        return 2.0 if self.timeout is None else min(2.0, self.timeout)

    def _in_transaction(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        try:
            retry_while_locked(lambda: connection.exec_driver_sql(self.dialect.begin), self.dialect, LONGEST_WAIT)
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.invalidate()  # undoes everything, in any state of the connection
            raise
        return result

    def _connect(self) -> Connection:
        try:
            with self._creating_engine:
                self._engine = self._engine or self._create_engine()
                engine = self._engine
            return engine.connect()
        except (SQLAlchemyError, SettingsError):
            raise
        except Exception as error:  # a creator of the application may raise anything
            raise StoreUnavailable(
                "the creator of the application's engine must return a connection to the database, but it raised "
                f"{type(error).__name__}"
            ) from error

    def _create_engine(self) -> Engine:
        url, creator = read_source(self._source)
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=_KEPT,
            max_overflow=_MORE,
            pool_timeout=self._longest_queue(),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # user IDs do not belong into errors
            **({} if creator is None else {"creator": creator}),
        )
        if isinstance(self._source, str) and self._path is not None:  # the application creates its own file otherwise
            path = self._path
            event.listen(engine, "do_connect", lambda *_: create_private_file(path))
        event.listen(engine, "connect", self._set_up_connection)
        event.listen(engine, "checkout", self._check_file)
        return engine

    def _set_up_connection(self, connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        try:
            for statement in self.dialect.on_connect:
                cursor.execute(statement)
        except BaseException:
            connection.close()  # SQLAlchemy does not close it here
            raise
        cursor.close()
        path = self.dialect.find_file(connection)
        record.info[_FILE] = path, _identify(path)

    def _check_file(self, _: object, record: Any, __: object) -> None:
        """Drop a connection to a file that was replaced: it would never see the rows of the new one."""
        path, opened = record.info[_FILE]
        if _identify(path) != opened:
            self._replaced()
            raise DisconnectionError

    def before_fork(self) -> None:
        """Wait until no statement runs, and close idle connections."""
        self._gate.close()
        self.dispose()

    def after_fork_in_parent(self) -> None:
        """Let statements run again."""
        self._gate.open()

    def after_fork_in_child(self) -> None:
        """Use a new engine: a child must not even close an SQLite connection of its parent."""
        _left_to_parent.append(self._engine)
        self._engine = None
        self._create_locks()

    def _create_locks(self) -> None:
        self._gate, self._creating_engine = ForkGate(), Lock()
        most = _KEPT + _MORE
        self._connections = ConnectionQueue(
            most, busy=f"all {most} connections of this process to the database were in use"
        )
        # SQLite's own lock is retried at random. This queue keeps the order, so every thread gets its turn.
        self._writing = ConnectionQueue(1, busy="the database was busy with writes of this process")


_FILE = "tokenauth_file"


def _identify(path: str) -> tuple[int, int] | None:
    """Return what distinguishes the file at *path* from other files, or None if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116  # runs at each use of a connection
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


_left_to_parent: list[Engine | None] = []
