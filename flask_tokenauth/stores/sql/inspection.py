"""Shows and checks a store in an SQL database for commands, beside the methods that every store has."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import inspect, make_url
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from ..rows import in_milliseconds
from .connections import MOST
from .engine import Database
from .lost_tables import explain_loss
from .schema import find_lost_tables, is_empty
from .sqlite.files import find_foreign_owner
from .tables import metadata
from .upgrades import is_old


class StoreInspection:
    """Shows the state of a store, and creates nothing.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_lost_tables(self) -> list[str]:
        """Return the tables that were dropped, sorted. A database without any is new, and has lost none.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        return self._database.read(find_lost_tables)

    def is_empty(self) -> bool:
        """Return whether the database has no table of the store: it is new, or all were dropped.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        return self._database.read(is_empty)

    def is_outdated(self) -> bool:
        """Return whether the tables are those of an older release, which the first use upgrades.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        return self._database.read(lambda connection: is_old(connection, inspect(connection)))

    def explain_loss(self, tables: Sequence[str]) -> str:
        """Return sentences on the consequences if these tables are lost."""
        return explain_loss(tables)

    def find_risks(self, *, leeway: timedelta, processes: int | None) -> list[str]:
        """Return a sentence for each setting of the server or the machine that puts a promise at risk.

        Args:
            leeway: by how much the clocks of the application and of the server may differ.
            processes: how many processes use the store; None if that is not known.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        connections = None if processes is None else processes * MOST
        dialect, most = self._database.dialect, in_milliseconds(leeway)
        return self._database.read(
            lambda connection: dialect.find_risks(connection, leeway=most, connections=connections)
        )

    def definitions(self) -> list[str]:
        """Return the statements that create the tables. The database is not asked.

        Raises:
            SettingsError: the database cannot be known here.
        """
        dialect = make_url(f"{self._database.dialect.driver}://").get_dialect()()
        found: list[ExecutableDDLElement] = []
        for table in metadata.sorted_tables:
            indexes = sorted(table.indexes, key=lambda index: str(index.name))
            found += [CreateTable(table), *map(CreateIndex, indexes)]
        return [str(definition.compile(dialect=dialect)).strip() for definition in found]

    def find_foreign_owner(self) -> str | None:
        """Return a warning if this process runs as another user than the owner of the database file, or None."""
        return None if self._database.path is None else find_foreign_owner(self._database.path)

    def find_obstacle(self) -> str | None:
        """Return what this process lacks to write to the database file, or None if it lacks nothing that is known."""
        return self._database.find_obstacle()

    def find_path(self) -> Path | None:
        """Return the path of the database file, or None if it is not known."""
        return self._database.path
