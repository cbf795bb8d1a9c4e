"""The connections of one process: its engine, and the queues in which its threads wait for them."""

import logging
import threading
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, Pool, QueuePool

from ...core.errors import SettingsError
from ..connection_queue import ConnectionQueue
from .dialect import Files
from .fork_safety import ForkGate

KEPT, MORE = 2, 3  # connections for requests: those that stay open, and those opened while all of them are in use
FOR_FEED = 1  # a connection that only the revocation feed uses: slow requests must not keep it from the news
MOST = KEPT + MORE + FOR_FEED

_FORKED_IN_USE = (
    "a process must not be forked while it has a connection to SQLite, but this process was, and SQLite's locks do not "
    "hold here: use the store for the first time after the fork, with uWSGI by lazy-apps = true"
)

_log = logging.getLogger("flask_tokenauth")


class Connections:
    """The engine of one process, with its locks and queues.

    Args:
        inherited: the objects of the processes that this one was forked from. If one of them had an open connection,
            this process cannot use SQLite: SQLite would take the locks of that process for its own. Another process
            could then delete rows that are being written here.
    """

    def __init__(self, inherited: Sequence["Connections"] = ()) -> None:
        self.engine: Engine | None = None
        self.creating_engine = threading.Lock()
        self.files: Files | None = None  # of the connection that was used last
        self.gate = ForkGate()
        most = MOST - FOR_FEED
        self.for_requests = ConnectionQueue(
            most,
            busy=f"all {most} connections of this process to the database were in use",
            advice="look for slow statements on the server, or run more processes with fewer threads",
        )
        self.for_feed = ConnectionQueue(
            FOR_FEED, busy="the connection of this process for the revocation feed was in use"
        )
        self.creating = ConnectionQueue(
            1, busy="another thread of this process was looking for the tables of the store, or creating them"
        )
        self._opening_first = ConnectionQueue(
            1,
            busy="another thread of this process was opening the first connection to the database",
            advice="check that the server can be reached",
        )
        self._opened: Pool | None = None  # the pool that has had its first connection
        # SQLite's own lock is retried at random. This queue keeps the order, so every thread gets its turn.
        self.writing = ConnectionQueue(1, busy="the database was busy with writes of this process")
        self._is_unsafe = any(parent._has_connection() for parent in inherited)
        self._is_refused = False

    def check(self) -> None:
        """Check that this process can use SQLite. If it cannot, that is logged once.

        Raises:
            SettingsError: it was forked while a connection was open. This is no outage: it does not end until the
                server is configured in another way.
        """
        if not self._is_unsafe:
            return
        if not self._is_refused:
            self._is_refused = True
            _log.error("the store is refused in this process: %s", _FORKED_IN_USE)
        raise SettingsError(_FORKED_IN_USE)

    def connect(self, engine: Engine, *, longest_wait: float) -> Connection:
        """Return a connection of the engine.

        SQLAlchemy sets up the first connection of a pool under a lock, for which it waits without a limit. So the
        other threads wait here.

        Args:
            engine: of this process.
            longest_wait: for another thread that opens the first connection, in seconds.

        Raises:
            StoreUnavailable: it took longer.
        """
        pool = engine.pool
        if self._opened is pool:
            return engine.connect()
        with self._opening_first.taken(longest_wait=longest_wait):
            connection = engine.connect()
            self._opened = pool
            return connection

    def notice_replaced_file(self) -> bool:
        """Return whether the database is another file since the last use. That is returned once.

        Raises:
            StoreUnavailable: the new file cannot be opened without damage.
        """
        if self.files is None or not self.files.is_database_replaced():
            return False
        self.files.check()
        return self.forget_files()

    def forget_files(self) -> bool:
        """Return whether the files that were used last are no longer in their places. That is returned once."""
        files = self.files
        if files is None or not files.are_replaced():
            return False
        self.files = None
        return True

    def close_abandoned(self, pool: Pool | None) -> None:
        """Close the connections that came back to a pool after :meth:`dispose`, which leaves those in use open.

        Args:
            pool: that a connection came from; None for none.
        """
        if pool is not None and self.engine is not None and self.engine.pool is not pool:
            pool.dispose()

    def dispose(self) -> None:
        """Close the connections that are not in use."""
        self.files = None
        if self.engine is not None:
            self.engine.dispose()

    def _has_connection(self) -> bool:
        """Return whether a connection is open, without a lock: in a child of the process it may be held for ever."""
        pool = None if self.engine is None else self.engine.pool
        return self.gate.is_in_use() or (isinstance(pool, QueuePool) and pool.size() + pool.overflow() > 0)
