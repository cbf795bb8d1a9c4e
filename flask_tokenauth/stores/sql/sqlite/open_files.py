"""The files that a connection to SQLite has open: whether they are still those at their paths.

If a file was replaced or removed, a connection goes on with the old one, and nobody else would see its changes. SQLite
does not report that. It also writes the content of a ``-wal`` file over any database that is beside it.
"""

import os

from ....core.errors import StoreUnavailable
from ..dialect import Files
from .files import how_to_restore, identify


class OpenFiles(Files):
    """The files of one connection.

    Args:
        path: of the database, as SQLite names it.
        name: of the database, as the application names it; None if that is not known. It may be a link.

    Attributes:
        database: what distinguishes the database from other files.
        log: what distinguishes its write-ahead log; None until it is known.
    """

    def __init__(self, path: str, name: str | None) -> None:
        self.database = identify(path)
        self.log: tuple[int, int] | None = None
        self._path = path if name is None or identify(name) != self.database else name
        self._log_path = f"{path}-wal"

    def learn(self) -> None:
        if self.log is None:
            self.log = identify(self._log_path)

    def is_database_replaced(self) -> bool:
        return identify(self._path) != self.database

    def are_replaced(self) -> bool:
        # The log can only be known while the connection is open.
        return self.is_database_replaced() or self.log not in (None, identify(self._log_path))

    def check(self) -> None:
        found = identify(self._path)
        if found is None:
            raise StoreUnavailable(
                f"the file {self._path} was removed while the store used it. {how_to_restore(self._path)}. Without a "
                "backup the store is empty then: all users have to log in again, and tokens that were revoked are "
                "accepted until they expire"
            )
        beside = identify(f"{os.path.realpath(self._path)}-wal")
        if found != self.database and beside is not None and beside == self.log:
            raise StoreUnavailable(
                f"the file {self._path} was replaced while the store used it, but {self._path}-wal belongs to the old "
                f"file, and SQLite would write it over the new one. {how_to_restore(self._path)}"
            )

    def find_lost_write(self) -> StoreUnavailable | None:
        if not self.are_replaced():
            return None
        return StoreUnavailable(
            f"{self._path} or {self._path}-wal was removed or replaced during a write, which is lost. Put a backup in "
            "the place of the database only while no process uses it"
        )
