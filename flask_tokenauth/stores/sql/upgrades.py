"""Upgrades the tables that older releases have created, without a loss of rows.

The schema is raised last, when all tables are there: MariaDB commits each table that is created. If this process ends
before that, another one goes on.
"""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Connection, Inspector, cast, select, update
from sqlalchemy.schema import CreateColumn

from .tables import SCHEMA, api_keys, epochs, facts, reference_tokens, revocations, spent

_ADDED_IN_2 = (epochs.c.key_epoch, revocations.c.transaction_id, facts.c.number)
_DROPPED_IN_2 = "ix_tokenauth_revocation_expires_at"
_ADDED_IN_3 = frozenset({api_keys.name, reference_tokens.name})
_ADDED_IN_4 = frozenset({spent.name})
_OLD = ("1", "2", "3")
_BEFORE = _OLD[-1]
_SCHEMA = select(facts.c.value).where(facts.c.name == "schema")
_NUMBERS_IN_1 = ("lifetime", "leeway", "last_purge")  # facts that were strings of digits


def is_old(connection: Connection, inspector: Inspector) -> bool:
    """Return whether the tables are those of schema 1, 2 or 3, or say so after a migration of the application."""
    existing = set(inspector.get_table_names())
    if facts.name in existing:
        return _lacks(inspector, facts.c.number) or connection.execute(_SCHEMA).scalar() in _OLD
    return any(_lacks(inspector, column) for column in _ADDED_IN_2 if column.table.name in existing)


def upgrade(connection: Connection, inspector: Inspector) -> None:
    """Upgrade the columns and indexes of tables of schema 1. Missing tables are created afterwards.

    Args:
        connection: in a transaction that keeps out all others that change tables.
        inspector: of the database.
    """
    existing = set(inspector.get_table_names())
    for column in _ADDED_IN_2:
        if column.table.name in existing and _lacks(inspector, column):
            _add(connection, column)
    if revocations.name in existing and _has_index(inspector, _DROPPED_IN_2):
        connection.exec_driver_sql(f"DROP INDEX {_DROPPED_IN_2}")  # MariaDB never had it
    if facts.name in existing:
        numbers = facts.c.name.in_(_NUMBERS_IN_1) & facts.c.number.is_(None)
        connection.execute(update(facts).where(numbers).values(number=cast(facts.c.value, BigInteger)))


def without_new_tables(connection: Connection, missing: Iterable[str]) -> list[str]:
    """Return the missing tables that an older release had created, so that they were dropped.

    Args:
        connection: to a database whose tables are old.
        missing: the names of the tables.
    """
    missing = list(missing)
    is_3 = facts.name not in missing and connection.execute(_SCHEMA).scalar() == _BEFORE
    new = _ADDED_IN_4 if is_3 else _ADDED_IN_3 | _ADDED_IN_4
    return [table for table in missing if table not in new]


def raise_schema(connection: Connection) -> None:
    """Keep that the tables are those of this release, after missing ones were created."""
    is_old = (facts.c.name == "schema") & facts.c.value.in_(_OLD)
    connection.execute(update(facts).where(is_old).values(value=str(SCHEMA)))


def _has_index(inspector: Inspector, name: str) -> bool:
    return name in {found["name"] for found in inspector.get_indexes(revocations.name)}


def _lacks(inspector: Inspector, column: Column[int]) -> bool:
    return column.name not in {found["name"] for found in inspector.get_columns(column.table.name)}


def _add(connection: Connection, column: Column[int]) -> None:
    definition = CreateColumn(column).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {definition}")
