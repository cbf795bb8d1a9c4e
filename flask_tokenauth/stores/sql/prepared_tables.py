"""The tables of a store, which are created or checked on first use, and the way to them."""

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Connection

from ...core.errors import SettingsError, StoreUnavailable
from ...core.process import count_workers
from ...core.time_limit import remaining, time_limit
from ..rows import another_issuer, in_milliseconds
from .engine import LONGEST_LOAD, LONGEST_WRITE, Database
from .inspection import StoreInspection
from .schema import Binding, create_missing, is_complete
from .statements import Statements

_REPLACED = (
    "%s or its -wal file was replaced while the store used it, so the store uses the new files now. "
    "Sessions and revocations that only the old files had are lost, except for revocations that a process which runs "
    "still knows. Put a backup in the place of the database only while no process uses it"
)

_log = logging.getLogger("flask_tokenauth")

T = TypeVar("T")


class PreparedTables:
    """Reads and writes the tables of a store. Missing tables are created on first use.

    Args:
        source: a URL for SQLAlchemy, an ``Engine``, or a Flask-SQLAlchemy object.

    Attributes:
        database: runs the statements.
        inspection: shows the state of the store to commands.
        replacements: how often another file has taken the place of the database file.

    Raises:
        SettingsError: the database is not supported. A Flask-SQLAlchemy object is checked on first use, unless there is
            an application context now.
    """

    def __init__(self, source: object) -> None:
        self.database = Database(source, replaced=self.forget_file)
        self.inspection = StoreInspection(self.database)
        self.replacements = 0
        self._ready: Statements | None = None  # None until the tables are known to be complete
        self._binding = Binding()
        self._ignores_risks = False

    def bind(self, issuer: str, *, timeout: timedelta, lifetime: timedelta, leeway: timedelta) -> None:
        """Bind the store to an issuer, as :meth:`flask_tokenauth.core.store.Store.bind` describes."""
        bound = self._binding
        if bound.issuer not in (None, issuer):
            raise SettingsError(another_issuer(bound.issuer))
        self._binding = Binding(
            issuer=issuer,
            lifetime=max(bound.lifetime, in_milliseconds(lifetime)),
            leeway=max(bound.leeway, in_milliseconds(leeway)),
        )
        self._ready = None  # the facts in the tables must be checked again
        self.database.timeout = timeout.total_seconds()
        if obstacle := self.database.find_obstacle():  # no error: the directory may be mounted later
            _log.warning("the store needs %s. Until then, requests that need the store get 503", obstacle)

    def create(self) -> None:
        """Create the missing tables, and leave everything that exists as it is."""
        self._create(longest=math.inf)  # a new index of a large table takes minutes

    def _create(self, *, for_feed: bool = False, writes: bool = True, longest: float = LONGEST_LOAD) -> Statements:
        dialect, binding = self.database.dialect, self._binding
        statements = Statements(dialect)
        complete = self.database.prepare(
            lambda connection: is_complete(connection, statements, binding), for_feed=for_feed, writes=writes
        )
        if not complete:
            self.database.define(
                lambda connection: create_missing(connection, dialect, statements, binding), longest=longest
            )
        self._ready = statements
        with time_limit(remaining() / 2):  # the rest is for the answer
            self._warn_of_risks()
        return statements

    def _warn_of_risks(self) -> None:
        """Log once what puts a promise of the store at risk. It is no reason not to use the store."""
        if self._ignores_risks or self._binding.issuer is None:  # the leeway is not known before that
            return
        self.ignore_risks()
        with suppress(StoreUnavailable):
            leeway = timedelta(milliseconds=self._binding.leeway)
            for risk in self.inspection.find_risks(leeway=leeway, processes=count_workers()):
                _log.warning("TOKENAUTH_STORE: %s", risk)

    def ignore_risks(self) -> None:
        """Log no warning about risks: they are known, or this process is a short command."""
        self._ignores_risks = True

    def forget_file(self) -> None:
        """Check the tables again, after another file has taken the place of the database file or of its log."""
        self._ready = None
        self.replacements += 1
        _log.warning(_REPLACED, self.database.path or "the database file")

    def close(self) -> None:
        """Close all connections. The next call opens new ones."""
        self.database.dispose()
        self._ready = None  # the file may be another one at the next use

    def read(
        self,
        work: Callable[[Connection, Statements], T],
        *,
        for_feed: bool = False,
        longest: float | None = None,
    ) -> T:
        """Read with one statement. The look at the tables before it, on first use, shares its limit.

        Args:
            work: reads, with a connection and the statements.
            for_feed: True to use the connection that only the revocation feed uses.
            longest: seconds after which the call is over; None for the timeout.

        Raises:
            StoreUnavailable: the database cannot be asked.
            SettingsError: the tables belong to another issuer.
        """
        limit = self.database.limit_of_reads(is_ready=self._ready is not None) if longest is None else longest
        with time_limit(limit):
            statements = self.statements(for_feed=for_feed, writes=longest is not None)
            return self.database.read(
                lambda connection: work(connection, statements), for_feed=for_feed, longest=longest
            )

    def write(self, work: Callable[[Connection, Statements], T]) -> T:
        """Write in one transaction. The first use may take longer, to create tables.

        Args:
            work: writes, with a connection and the statements. It may run several times.

        Raises:
            StoreUnavailable: the database cannot be asked. Everything was done, or nothing.
            SettingsError: the tables belong to another issuer.
        """
        with time_limit(LONGEST_WRITE if self._ready else LONGEST_LOAD + LONGEST_WRITE):
            statements = self.statements()
            return self.database.write(lambda connection: work(connection, statements))

    def statements(self, *, for_feed: bool = False, writes: bool = True) -> Statements:
        """Return the statements, after the tables were found complete or were created.

        Args:
            for_feed: True to use the connection that only the revocation feed uses.
            writes: False if the caller waits for the result of a read, which must not take long.

        Raises:
            StoreUnavailable: the database cannot be asked.
            SettingsError: the tables belong to another issuer.
        """
        self.database.notice_replaced_file()  # the new file may belong to another issuer
        if self._ready is not None:
            return self._ready
        with self.database.first_use(writes=writes):
            return self._ready or self._create(for_feed=for_feed, writes=writes)
