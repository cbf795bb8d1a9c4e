"""The engine of the SQL store: its connections and transactions.

It is never the engine of the application: a revocation must not wait for a commit of the application, and must not be
undone by its rollback.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, Pool, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from ...core.errors import SettingsError, StoreUnavailable
from ...core.process import PerProcess
from ...core.time_limit import remaining, time_limit
from ..database_objects import has_engine_now
from .connections import FOR_FEED, KEPT, MORE, Connections
from .dialect import Dialect, Files, NotPrimary
from .errors import translated
from .fork_safety import keep_informed, may_fork_unnoticed
from .retries import retry_conflict, retry_dropped_connection, retry_while_locked
from .source import find_dialect, read_source
from .sqlite.files import find_obstacle

LONGEST_WRITE = 5.0  # seconds, with all waiting
LONGEST_LOAD = 10.0  # seconds, for one page of the first load of revocations
LONGEST_QUEUE = 2.0  # seconds, for a connection
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
        self._dialect = find_dialect(url)
        self._path = self._dialect.find_path(url)
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

    def read(self, work: Callable[[Connection], T], *, for_feed: bool = False, longest: float | None = None) -> T:
        """Call *work* with a connection and return its result. If the connection was dropped, *work* runs once more.

        Args:
            work: reads, with one statement.
            for_feed: True to use the connection that only the revocation feed uses.
            longest: seconds after which the call is over; None for the timeout.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        limit = self._usual_limit() if longest is None else longest
        return self._call(lambda: self._read(work, for_feed=for_feed), limit)

    def prepare(self, work: Callable[[Connection], T], *, for_feed: bool = False, writes: bool = True) -> T:
        """Prepare the database, before its tables are created or used, call *work*, and return its result.

        If many processes start at once on SQLite, this may take some seconds.

        Args:
            work: reads.
            for_feed: True to use the connection that only the revocation feed uses.
            writes: False if the caller waits for the result of a read, which must not take long.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """

        def prepare(connection: Connection) -> T:
            self._wait_for_lock(connection, lambda: self.dialect.prepare(connection))
            return work(connection)

        longest = LONGEST_WRITE if writes or self.dialect.has_one_writer else None
        return self.read(prepare, for_feed=for_feed, longest=longest)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Call *work* in a transaction, commit, and return the result. *work* may run several times.

        Raises:
            StoreUnavailable: the database cannot be asked. Everything was done, or nothing.
        """
        return self._call(lambda: self._write(lambda connection: self._in_transaction(connection, work)), LONGEST_WRITE)

    def define(self, work: Callable[[Connection], None], *, longest: float) -> None:
        """Call *work*, which creates tables, in a transaction that keeps out all others that do so.

        Args:
            work: creates tables.
            longest: seconds after which the call is over.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """

        def locked(connection: Connection) -> None:
            self.dialect.lock_schema(connection)
            work(connection)

        def define(connection: Connection) -> None:
            self._in_transaction(connection, locked)
            self.dialect.unlock_schema(connection)

        self._call(lambda: self._write(define), longest)

    def _call(self, run: Callable[[], T], longest: float) -> T:
        with time_limit(longest):
            return translated(run, self.dialect, self._path)

    @contextmanager
    def first_use(self, *, writes: bool) -> Iterator[None]:
        """Let one thread at a time look for the tables, and create them. The others wait.

        Args:
            writes: False if the caller waits for the result of a read, which must not take long.

        Raises:
            StoreUnavailable: another thread took too long.
        """
        limit = self.limit_of_reads(is_ready=False)
        with self.connections.creating.taken(longest_wait=min(remaining(), LONGEST_LOAD if writes else limit)):
            yield

    def limit_of_reads(self, *, is_ready: bool) -> float:
        """Return the seconds for a read with all that comes before it.

        Args:
            is_ready: True if the tables are known to be complete.
        """
        return LONGEST_WRITE if self.dialect.has_one_writer and not is_ready else self._usual_limit()

    def _usual_limit(self) -> float:
        return LONGEST_WRITE if self.timeout is None else self.timeout

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

    def _read(self, work: Callable[[Connection], T], *, for_feed: bool) -> T:
        return retry_dropped_connection(
            lambda: retry_while_locked(lambda: self._run(work, for_feed=for_feed), self.dialect)
        )

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self._taking_turns():
            return retry_dropped_connection(lambda: retry_conflict(lambda: self._run(work), self.dialect))

    def _taking_turns(self) -> AbstractContextManager[None]:
        return (
            self.connections.writing.taken(longest_wait=remaining()) if self.dialect.has_one_writer else nullcontext()
        )

    def _run(self, work: Callable[[Connection], T], *, for_feed: bool = False) -> T:
        connections = self.connections
        if not self.dialect.survives_fork:
            connections.check()
        queue = connections.for_feed if for_feed else connections.for_requests
        with queue.taken(longest_wait=min(LONGEST_QUEUE, remaining())), connections.gate.entered():
            self.notice_replaced_file()
            pool: Pool | None = None
            try:
                with self._connect(connections) as connection:
                    pool = connection.connection._pool  # that of the engine may be another one meanwhile
                    connections.files = files = connection.info[_FILES]
                    result = self._use(connection, work)
                    files.learn()
                    return result
            finally:
                connections.close_abandoned(pool)
                if not self.dialect.survives_fork and may_fork_unnoticed():
                    connections.dispose()  # a child could not use the database if this process had a connection

    def _use(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        try:
            return work(connection)
        except NotPrimary:
            connection.invalidate()
            self.dispose()  # the other connections lead to the same server
            raise
        except (SQLAlchemyError, SettingsError, StoreUnavailable):
            raise
        except BaseException:
            connection.invalidate()  # the answer to a statement may still come
            raise

    def _wait_for_lock(self, connection: Connection, run: Callable[[], T]) -> T:
        """Call *run* until it gets the lock, unless this thread has it itself, in a session of the application."""

        def check_own() -> None:
            self.dialect.check_own_transactions(connection.info[_FILES], self.find_sessions(), self._path)

        return retry_while_locked(run, self.dialect, before_wait=check_own)

    def _in_transaction(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        files: Files = connection.info[_FILES]
        try:
            self._wait_for_lock(connection, lambda: self.dialect.begin(connection))
            files.learn()
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
            if lost := files.find_lost_write():
                self._forget_files()
                raise lost
        except BaseException:
            connection.invalidate()  # undoes everything, in any state of the connection
            raise
        return result

    def _connect(self, connections: Connections) -> Connection:
        try:
            with connections.creating_engine:
                connections.engine = engine = connections.engine or self._create_engine()
            return connections.connect(engine, longest_wait=min(LONGEST_QUEUE, remaining()))
        except (SQLAlchemyError, SettingsError, StoreUnavailable):
            raise
        except Exception as error:  # noqa: BLE001  # a creator of the application may raise anything
            raised = type(error).__name__
        if isinstance(self._source, str):
            message = (
                f"the driver must open a connection to the database, but it raised {raised}: check the parameters "
                "after ? in the URL, their names and the files that they name"
            )
        else:
            message = (
                f"the creator of the application's engine must return a connection, but it raised {raised}: correct it"
            )
        raise StoreUnavailable(message)  # without the cause, which may have a password in it

    def _create_engine(self) -> Engine:
        url, application = read_source(self._source)
        url = url.set(drivername=self.dialect.driver)
        engine = create_engine(
            url,
            creator=self.dialect.make_creator(url, application),
            poolclass=QueuePool,
            pool_size=KEPT,
            max_overflow=MORE + FOR_FEED,
            pool_timeout=LONGEST_QUEUE,
            pool_reset_on_return=None,  # no transaction is left open
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # user IDs do not belong into errors
        )
        self.dialect.adapt(engine)
        # Before SQLAlchemy looks at the settings of the first connection.
        event.listen(engine, "connect", self._set_up_connection, insert=True)
        event.listen(engine, "checkout", self._check_files)
        event.listen(engine, "handle_error", self._notice_disconnect)
        return engine

    def _set_up_connection(self, connection: Any, record: Any) -> None:
        try:
            self.dialect.set_up(connection)
            record.info[_FILES] = self.dialect.open_files(connection, self._path)
        except BaseException:
            connection.close()  # SQLAlchemy does not close it here
            raise

    def _notice_disconnect(self, context: ExceptionContext) -> None:
        if self.dialect.is_disconnect(context.original_exception):
            context.is_disconnect = True

    def _check_files(self, _: object, record: Any, __: object) -> None:
        """Drop a connection to files that were replaced: it would never see the rows of the new ones."""
        files = record.info[_FILES]
        if files.are_replaced():
            files.check()
            self._forget_files()
            raise DisconnectionError

    def _forget_files(self) -> None:
        if self.connections.forget_files():
            self._replaced()

    def before_fork(self) -> None:
        """Wait until no statement runs, and close idle connections, if the database does not survive a fork."""
        for connections in self._connections_to_close():
            connections.gate.close()
            connections.dispose()

    def after_fork_in_parent(self) -> None:
        """Let statements run again."""
        for connections in self._connections_to_close():
            connections.gate.open()

    def _connections_to_close(self) -> list[Connections]:
        is_safe = self._dialect is not None and self._dialect.survives_fork
        return [] if is_safe else self._connections.made_here()
