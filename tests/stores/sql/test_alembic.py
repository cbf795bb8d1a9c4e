"""Alembic compares the tables of the store with a database: those of this release, and those that were upgraded."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine

from flask_tokenauth.stores.sql import SQLStore, metadata

from ..sqlite_kit import execute, put_schema_1, url_of


@pytest.fixture
def old(path: Path) -> None:
    """A file as an older release has left it."""
    put_schema_1(path)


def test_alembic_finds_no_difference_in_a_new_file(path: Path, store: SQLStore) -> None:
    store.create()

    assert compare(path, compare_type=True) == []


def compare(path: Path, **options: bool) -> list[Any]:
    """Return what Alembic would put into a migration."""
    engine = create_engine(url_of(path))
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()
    return list(found)


@pytest.mark.usefixtures("old")
def test_alembic_finds_a_difference_before_the_upgrade(path: Path) -> None:
    assert compare(path, compare_type=True)


@pytest.mark.usefixtures("old")
def test_alembic_finds_no_difference_after_the_upgrade(path: Path, store: SQLStore) -> None:
    store.create()
    store.close()

    assert compare(path, compare_type=True) == []


@pytest.mark.usefixtures("old")
def test_defaults_after_the_upgrade_are_those_of_a_new_file(path: Path, store: SQLStore, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    for created in store, SQLStore(url_of(new)):
        created.create()
        created.close()

    upgraded, fresh = (compare(file, compare_server_default=True) for file in (path, new))

    assert str(upgraded) == str(fresh)


@pytest.mark.usefixtures("old")
def test_tables_that_a_migration_of_the_application_has_upgraded_are_used(path: Path, store: SQLStore) -> None:
    """Alembic adds the columns and the new tables, and knows nothing of the facts."""
    engine = create_engine(url_of(path))
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        found = produce_migrations(context, metadata).upgrade_ops
        assert found is not None
        for operation in found.ops:
            for part in getattr(operation, "ops", [operation]):  # the changes of a table, or a new table
                Operations(context).invoke(part)
    engine.dispose()

    assert store.find_session("phone") is not None
    assert store.longest_lifetime() == timedelta(hours=1)
    assert execute(path, "SELECT value FROM tokenauth_store WHERE name = 'schema'") == [("4",)]
