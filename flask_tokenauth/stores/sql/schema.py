"""Creates the tables, and checks that existing ones are of this release and of this issuer."""

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import Connection, Index, Inspector, inspect

from ...core.encoding.limits import is_whole
from ...core.errors import SettingsError, StoreUnavailable
from ..rows import another_issuer
from .dialect import Dialect
from .expressions import LONGEST_DURATION
from .lost_tables import find_losses, note_losses, replace_rows
from .statements import Statements
from .tables import SCHEMA, facts, metadata
from .upgrades import is_old, raise_schema, upgrade, without_new_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The facts that applications have bound a store to.

    Attributes:
        issuer: of the applications; None if the store is not bound to one.
        lifetime: the longest of an access token, in milliseconds.
        leeway: the longest, in milliseconds.
    """

    issuer: str | None = None
    lifetime: int = 0
    leeway: int = 0

    @property
    def durations(self) -> dict[str, int]:
        """The durations, by the names of their facts. The longest counts."""
        return {"lifetime": self.lifetime, "leeway": self.leeway}


def is_complete(connection: Connection, statements: Statements, binding: Binding) -> bool:
    """Return whether the tables exist, belong to the issuer, and have durations as long as those of *binding*.

    Args:
        connection: to the database.
        statements: for its dialect.
        binding: of the application.

    Raises:
        StoreUnavailable: the tables are of another release.
        SettingsError: they belong to another issuer.
    """
    inspector = inspect(connection)
    missing = _missing_tables(inspector)
    if facts.name in missing or is_old(connection, inspector):
        return False
    found, issuer = read_facts(connection, statements), binding.issuer
    if "schema" in found and found["schema"] != str(SCHEMA):
        raise StoreUnavailable(
            f"the tables of the store must be of schema {SCHEMA}, got {found['schema']}: a newer release of "
            "Flask-TokenAuth has probably upgraded them. Install that release, or restore a backup from before the "
            "upgrade"
        )
    if issuer is not None and found.get("issuer", issuer) != issuer:
        raise SettingsError(another_issuer(str(found["issuer"])))
    if missing or _missing_indexes(inspector):
        return False
    _check_columns(inspector)
    is_known = "schema" in found and (issuer is None or "issuer" in found) and not find_losses(found)
    return is_known and all(duration_of(found, name) >= least for name, least in binding.durations.items())


def create_missing(connection: Connection, dialect: Dialect, statements: Statements, binding: Binding) -> None:
    """Create the missing tables and facts, and upgrade old tables.

    Args:
        connection: in a transaction that keeps out all others that create tables.
        dialect: of the server.
        statements: for this dialect.
        binding: of the application.
    """
    inspector = inspect(connection)
    missing = find_lost_tables(connection)
    if is_old(connection, inspector):
        upgrade(connection, inspector)
    if missing:
        facts.create(connection, checkfirst=True)
        note_losses(connection, statements, missing)
    metadata.create_all(connection)
    for index in _missing_indexes(inspect(connection)):
        index.create(connection)
    dialect.after_tables(connection)
    raise_schema(connection)
    lost = find_losses(read_facts(connection, statements))
    if lost:
        connection.execute(statements.drop_fact, {"fact": "store_id"})  # readers reload, and write what they know
    _add_facts(connection, statements, binding)
    if lost:
        replace_rows(connection, statements, lost)
    is_complete(connection, statements, binding)  # another process may have added its issuer first


def _add_facts(connection: Connection, statements: Statements, binding: Binding) -> None:
    strings = {"schema": str(SCHEMA), "store_id": token_hex(16)}  # readers notice another ID
    if binding.issuer is not None:
        strings["issuer"] = binding.issuer
    for name, string in strings.items():
        connection.execute(statements.add_fact, {"fact": name, "string": string, "number": None})
    found = read_facts(connection, statements)
    for name, duration in binding.durations.items():
        if duration > duration_of(found, name):
            set_number(connection, statements, name, duration)
    if (longer := binding.leeway - duration_of(found, "leeway")) > 0:  # revoked tokens are accepted for longer now
        connection.execute(statements.prolong_revocations, {"leeway": longer})


def is_empty(connection: Connection) -> bool:
    """Return whether the database has no table of the store."""
    return len(_missing_tables(inspect(connection))) == len(metadata.tables)


def find_lost_tables(connection: Connection) -> list[str]:
    """Return the names of the tables that were dropped, sorted. A database without any is new, and has lost none."""
    inspector = inspect(connection)
    missing = _missing_tables(inspector)
    if len(missing) == len(metadata.tables):
        return []
    return without_new_tables(connection, missing) if is_old(connection, inspector) else missing


def _missing_tables(inspector: Inspector) -> list[str]:
    return sorted(metadata.tables.keys() - set(inspector.get_table_names()))


def _missing_indexes(inspector: Inspector) -> list[Index]:
    found = {index["name"] for table in metadata.tables for index in inspector.get_indexes(table)}
    return [index for table in metadata.sorted_tables for index in table.indexes if index.name not in found]


def _check_columns(inspector: Inspector) -> None:
    for table in metadata.sorted_tables:
        lost = set(table.columns.keys()) - {column["name"] for column in inspector.get_columns(table.name)}
        if lost:
            raise StoreUnavailable(
                f"the table {table.name} must have the columns {', '.join(sorted(table.columns.keys()))}, but lacks "
                f"{', '.join(sorted(lost))}: restore a backup of the database, or drop all tables of the store with "
                f"{'; '.join(f'DROP TABLE {name}' for name in sorted(metadata.tables))} and run flask tokenauth "
                "init-db. Then all users have to log in again, and access tokens that were revoked may be accepted "
                "until they expire. Keep your migrations from changing these tables"
            )


def read_facts(connection: Connection, statements: Statements) -> dict[str, str | int | None]:
    """Return what the table of facts says about the store, by name."""
    rows = statements.read_facts.fetch(connection)
    return {row["name"]: row["value"] if row["number"] is None else row["number"] for row in rows}


def set_number(connection: Connection, statements: Statements, name: str, number: int) -> None:
    """Write a fact that is a number, within a transaction."""
    connection.execute(statements.set_fact, {"fact": name, "string": "", "number": number})


def duration_of(found: Mapping[str, str | int | None], name: str) -> int:
    """Return a duration in the facts, in milliseconds; 0 if there is none, or if no setting allows it."""
    known = found.get(name)
    return known if isinstance(known, int) and is_whole(known, LONGEST_DURATION) else 0
