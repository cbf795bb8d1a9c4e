"""The engine of the SQL store: its connections and transactions.

It is never the engine of the application: a revocation must not wait for a commit of the application, and must not be
undone by its rollback.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from ...core.errors import SettingsError, StoreUnavailable
from ...core.process import PerProcess
from ..database_objects import has_engine_now
from .connections import FOR_FEED, KEPT, MORE, Connections
from .dialect import Dialect
from .errors import own_transaction, translated
from .fork_safety import keep_informed, may_fork_unnoticed
from .retries import retry_dropped_connection, retry_while_locked
from .source import find_dialect, find_path, read_source
from .sqlite.files import create_private_file, find_obstacle
from .sqlite.open_files import OpenFiles
from .sqlite.own_transactions import has_written

LONGEST_WAIT = 5.0  # seconds for a lock
_FILES = "tokenauth_files"  # in the dictionary of a connection

T = TypeVar("T")


class Database:
    """Runs statements. Each connection is in autocommit, and each write in one transaction.

    Args:
        source: a URL, an ``Engine``, or an object with an ``engine``, for example of Flask-SQLAlchemy. Its dialect, URL
            and creator are used.
        replaced: called if another file has taken the place of the database file or of its log, as after a restore.

    Attributes:
        timeout: seconds for which a read waits for a connection, and for a lock of others; None: as long as a write.
        find_sessions: returns the sessions of SQLAlchemy that the application has open in this thread.

    Raises:
        SettingsError: the database is not supported. An object that has its ``engine`` only within an application
            context is checked on first use, unless there is a context now.
    """

    def __init__(self, source: object, *, replaced: Callable[[], None]) -> None:
        self._replaced = replaced
        self.timeout: float | None = None
        self.find_sessions: Callable[[], Iterable[Any]] = tuple
        self._source = source
        self._connections = PerProcess(Connections)
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

    @property
    def connections(self) -> Connections:
        """The connections of this process."""
        return self._connections.get()

    def read(self, work: Callable[[Connection], T], *, for_feed: bool = False) -> T:
        """Call *work* with a connection and return its result. If the connection was dropped, *work* runs once more.

        Args:
            work: reads, with one statement.
            for_feed: True to use the connection that only the revocation feed uses.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        with translated(self._path):
            return self._read(work, LONGEST_WAIT if self.timeout is None else self.timeout, for_feed=for_feed)

    def prepare(self, *, for_feed: bool = False) -> None:
        """Prepare the database, before its tables are created or used.

        If many processes start at once, this may take some seconds.

        Args:
            for_feed: True to use the connection that only the revocation feed uses.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        with translated(self._path):
            self._read(
                lambda connection: self._wait_for_lock(connection, lambda: self.dialect.prepare(connection)),
                LONGEST_WAIT,
                for_feed=for_feed,
            )

    def write(self, work: Callable[[Connection], T]) -> T:
        """Call *work* in a transaction, commit, and return the result. *work* may run twice.

        Raises:
            StoreUnavailable: the database cannot be asked. Everything was done, or nothing.
        """
        with translated(self._path), self.connections.writing.taken(longest_wait=LONGEST_WAIT):
            return retry_dropped_connection(
                lambda: self._run(lambda connection: self._in_transaction(connection, work))
            )

    def dispose(self) -> None:
        """Close the connections that are not in use. The next call opens new ones."""
        for connections in self._connections.made_here():
            connections.dispose()

    def notice_replaced_file(self) -> None:
        """Report that the database was replaced, if it was since the last use.

        Raises:
            StoreUnavailable: the new file cannot be opened without damage.
        """
        if self.connections.notice_replaced_file():
            self._replaced()

    def _read(self, work: Callable[[Connection], T], longest: float, *, for_feed: bool) -> T:
        return retry_dropped_connection(
            lambda: retry_while_locked(lambda: self._run(work, for_feed=for_feed), self.dialect, longest)
        )

    def _run(self, work: Callable[[Connection], T], *, for_feed: bool = False) -> T:
        connections = self.connections
        connections.check()
        queue = connections.for_feed if for_feed else connections.for_requests
        with queue.taken(longest_wait=self._longest_queue()), connections.gate.entered():
            self.notice_replaced_file()
            try:
                with self._connect(connections) as connection:
                    connections.files = files = connection.info[_FILES]
                    result = work(connection)
                    files.learn_log()
                    return result
            finally:
                if may_fork_unnoticed():
                    connections.dispose()  # a child could not use SQLite if this process had a connection

    def _longest_queue(self) -> float:
        return 2.0 if self.timeout is None else min(2.0, self.timeout)

    def _wait_for_lock(self, connection: Connection, run: Callable[[], T]) -> T:
        """Call *run* until it gets the lock, unless this thread has it itself, in a session of the application."""

        def check_own() -> None:
            file = connection.info[_FILES].database
            if any(has_written(session, file) for session in self.find_sessions()):
                raise own_transaction(self._path)

        return retry_while_locked(run, self.dialect, LONGEST_WAIT, before_wait=check_own)

    def _in_transaction(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        try:
            self._wait_for_lock(connection, lambda: connection.exec_driver_sql(self.dialect.begin))
            files = connection.info[_FILES]
            files.learn_log()
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
            if not files.are_in_place():
                self._forget_files()
                raise files.lost_write()
        except BaseException:
            connection.invalidate()  # undoes everything, in any state of the connection
            raise
        return result

    def _connect(self, connections: Connections) -> Connection:
        try:
            with connections.creating_engine:
                connections.engine = engine = connections.engine or self._create_engine()
            return engine.connect()
        except (SQLAlchemyError, SettingsError, StoreUnavailable):
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
            pool_size=KEPT,
            max_overflow=MORE + FOR_FEED,
            pool_timeout=self._longest_queue(),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # user IDs do not belong into errors
            **({} if creator is None else {"creator": creator}),
        )
        if isinstance(self._source, str) and self._path is not None:  # the application creates its own file otherwise
            path = self._path
            event.listen(engine, "do_connect", lambda *_: create_private_file(path))
        event.listen(engine, "connect", self._set_up_connection)
        event.listen(engine, "checkout", self._check_files)
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
        record.info[_FILES] = OpenFiles(path, self._path)

    def _check_files(self, _: object, record: Any, __: object) -> None:
        """Drop a connection to files that were replaced: it would never see the rows of the new ones."""
        files = record.info[_FILES]
        if not files.are_in_place():
            files.check()
            self._forget_files()
            raise DisconnectionError

    def _forget_files(self) -> None:
        if self.connections.forget_files():
            self._replaced()

    def before_fork(self) -> None:
        """Wait until no statement runs, and close idle connections."""
        for connections in self._connections.made_here():
            connections.gate.close()
            connections.dispose()

    def after_fork_in_parent(self) -> None:
        """Let statements run again."""
        for connections in self._connections.made_here():
            connections.gate.open()
