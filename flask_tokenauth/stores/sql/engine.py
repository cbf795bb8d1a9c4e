"""The SQL store's own engine: its connections, its transactions, its errors, and what a fork does to it.

Never the application's: what is revoked must not wait for a commit of the application, nor go with a rollback of it.
"""

import os
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError

from ...core.errors import SettingsError, StoreUnavailable
from .connection_queue import ConnectionQueue
from .dialect import Dialect
from .fork_safety import ForkGate
from .source import find_dialect, read_source

LONGEST_WAIT = 5.0  # seconds for a lock
_PAUSE = 0.002  # seconds before it is asked for again
_KEPT, _MORE = 2, 3  # connections: those that stay open, and those that are made while they are in use

T = TypeVar("T")


class Database:
    """Runs statements. Each connection is in autocommit, and each write in one transaction.

    Args:
        source: a URL; an ``Engine``; or an object with an ``engine``, perhaps only within an application context, so
            that it is asked on first use. Dialect, URL and creator are taken from it.
        replaced: called when another file was found in the place of the database's, as after a restore.

    Attributes:
        timeout: seconds for which who reads waits for a connection, and for a lock that others have; None: for as long
            as who writes.

    Raises:
        SettingsError: a URL or an ``Engine`` is none that we can use.
    """

    def __init__(self, source: object, *, replaced: Callable[[], None]) -> None:
        self._replaced = replaced
        self.timeout: float | None = None
        self._source = source
        self._engine: Engine | None = None
        self._make_locks()
        self._dialect: Dialect | None = None
        if isinstance(source, (str, Engine)):
            self._dialect = find_dialect(read_source(source)[0])
        _databases.add(self)

    @property
    def dialect(self) -> Dialect:
        """Of the server."""
        if self._dialect is None:
            self._dialect = find_dialect(read_source(self._source)[0])
        return self._dialect

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* does with a connection. It reads, once; it runs again if the connection was dropped.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        with _translated():
            return self._read(work, LONGEST_WAIT if self.timeout is None else self.timeout)

    def prepare(self) -> None:
        """Do once what the database needs, before tables are made or used; where many start at once that takes a while.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        with _translated():
            self._read(self.dialect.prepare, LONGEST_WAIT)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* does in a transaction, which is committed then; it may run twice.

        Raises:
            StoreUnavailable: the database cannot be asked. Nothing was done, or all of it.
        """
        with _translated(), self._writing.taken(longest_wait=LONGEST_WAIT):
            return _retry_dropped_connection(
                lambda: self._run(lambda connection: self._in_transaction(connection, work))
            )

    def dispose(self) -> None:
        """Close the connections that are not in use. The next call takes new ones."""
        if self._engine is not None:
            self._engine.dispose()

    def _read(self, work: Callable[[Connection], T], patience: float) -> T:
        return _retry_dropped_connection(lambda: _retry_while_locked(lambda: self._run(work), self.dialect, patience))

    def _run(self, work: Callable[[Connection], T]) -> T:
        turn = self._connections.taken(longest_wait=self._longest_queue())
        with turn, self._gate.entered(), self._connect() as connection:
            return work(connection)

    def _longest_queue(self) -> float:
        return 2.0 if self.timeout is None else min(2.0, self.timeout)

    def _in_transaction(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        try:
            _retry_while_locked(lambda: connection.exec_driver_sql(self.dialect.begin), self.dialect, LONGEST_WAIT)
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.invalidate()  # which takes back what was done, whatever state the connection is in
            raise
        return result

    def _connect(self) -> Connection:
        try:
            with self._making:
                self._engine = self._engine or self._make_engine()
                engine = self._engine
            return engine.connect()
        except (SQLAlchemyError, SettingsError):
            raise
        except Exception as error:  # a creator of the application may raise anything
            raise StoreUnavailable("the application gave no connection to the database") from error

    def _make_engine(self) -> Engine:
        url, creator = read_source(self._source)
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=_KEPT,
            max_overflow=_MORE,
            pool_timeout=self._longest_queue(),
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # an error is no place for who has signed in
            **({} if creator is None else {"creator": creator}),
        )
        event.listen(engine, "connect", self._greet)
        event.listen(engine, "checkout", self._check_file)
        return engine

    def _greet(self, connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        try:
            for statement in self.dialect.on_connect:
                cursor.execute(statement)
        except BaseException:
            connection.close()  # which nobody else would do
            raise
        cursor.close()
        path = self.dialect.find_file(connection)
        record.info[_FILE] = path, _identify(path)

    def _check_file(self, _: object, record: Any, __: object) -> None:
        """Let go of a connection whose file is another one by now: it would hear of nothing any more."""
        path, opened = record.info[_FILE]
        if _identify(path) != opened:
            self._replaced()
            raise DisconnectionError

    def _wait_for_other_threads(self) -> None:
        """Have no statement under way and no idle connection while the process forks.

        SQLite's locks are in the memory of the process. A child would inherit those that are held at that moment, and
        nobody there to let go of them.
        """
        self._gate.close(longest_wait=LONGEST_WAIT)
        self.dispose()

    def _begin_anew(self) -> None:
        """Leave to the parent what is the parent's: an SQLite connection must not even be closed in a child."""
        _left_to_parent.append(self._engine)
        self._engine = None
        self._make_locks()

    def _make_locks(self) -> None:
        self._gate, self._making = ForkGate(), Lock()
        most = _KEPT + _MORE
        self._connections = ConnectionQueue(
            most, busy=f"all {most} connections of this process to the database were in use"
        )
        # That of SQLite retries at random. Here nobody is passed over.
        self._writing = ConnectionQueue(1, busy="the database was busy with writes of this process")


_FILE = "tokenauth_file"


def _identify(path: str) -> tuple[int, int] | None:
    """Return what tells the file at *path* from others; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # for every question
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()
_left_to_parent: list[Engine | None] = []


def _each(step: Callable[[Database], None]) -> Callable[[], None]:
    def run() -> None:
        for database in list(_databases):
            step(database)

    return run


AT_FORK = {
    "before": _each(Database._wait_for_other_threads),
    "after_in_parent": _each(lambda database: database._gate.open()),
    "after_in_child": _each(Database._begin_anew),
}
if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(**AT_FORK)


def _retry_while_locked(
    run: Callable[[], T], dialect: Dialect, patience: float, *, monotonic: Callable[[], float] = time.perf_counter
) -> T:
    """Run until no other process has the lock that it takes, for as many seconds as *patience* says.

    The default of *monotonic* goes on where tests stop the clock with freezegun or time-machine. Else this would never
    end there.
    """
    deadline = monotonic() + patience
    while True:
        try:
            return run()
        except DBAPIError as error:
            if not dialect.is_busy(error) or monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)


def _retry_dropped_connection(run: Callable[[], T]) -> T:
    """Run once more if the connection had been dropped: an idle one is, by many a server and what lies between."""
    try:
        return run()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return run()


_HINTS = {
    "SQLITE_CANTOPEN": "; is the directory there, and may this process write in it?",
    "SQLITE_READONLY": "; may this process write the file, and in its directory?",
}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        name = getattr(error.orig, "sqlite_errorname", "")  # beside it SQLite names tables, and no values
        told = f"{name}, {error.orig}" if name else type(error.orig).__name__
        told += _HINTS.get(name, "")
        raise StoreUnavailable(f"the database cannot be asked: {told}") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the database cannot be asked: {type(error).__name__}") from error
