"""Identifiers are compared byte by byte on every server: alice, Alice and "alice " are three users."""

import pytest
from alembic.autogenerate import render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import CreateIndexOp, CreateTableOp, MigrateOperation, UpgradeOps
from sqlalchemy import Dialect
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from flask_tokenauth.stores.sql.tables import epochs, metadata

USER_ID = epochs.c.user_id


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (SQLiteDialect(), "VARCHAR(255)"),
        (PGDialect(), 'VARCHAR(255) COLLATE "C"'),  # type: ignore[no-untyped-call]  # SQLAlchemy has no types for it
        (MySQLDialect(), "VARBINARY(1020)"),
        (MariaDBDialect(), "VARBINARY(1020)"),
    ],
    ids=["sqlite", "postgresql", "mysql", "mariadb"],
)
def test_an_identifier_has_a_type_that_is_compared_byte_by_byte(server: Dialect, expected: str) -> None:
    assert USER_ID.type.compile(dialect=server) == expected


@pytest.mark.parametrize("server", ["sqlite", "postgresql", "mysql", "mariadb"])
def test_a_migration_of_the_application_names_no_type_of_this_package(server: str) -> None:
    """It must run without an import that Alembic does not write, and with later releases."""
    operations: list[MigrateOperation] = []
    for table in metadata.sorted_tables:
        operations += [CreateTableOp.from_table(table), *map(CreateIndexOp.from_index, table.indexes)]

    migration = render_python_code(
        UpgradeOps(operations), migration_context=MigrationContext.configure(dialect_name=server)
    )

    assert "sa.Column('user_id'" in migration
    assert "tokenauth" in migration
    assert "flask_tokenauth" not in migration
