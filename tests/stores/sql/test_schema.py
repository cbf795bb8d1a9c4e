"""Tables, columns and indexes that were dropped: what the store creates again, and what it reports."""

import logging
from pathlib import Path

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore, metadata
from flask_tokenauth.testing.store_contract.kit import start

from ..sqlite_kit import execute, url_of

TABLES = sorted(metadata.tables)
INDEXES = sorted(str(index.name) for table in metadata.tables.values() for index in table.indexes)


@pytest.fixture
def again(path: Path, store: SQLStore) -> SQLStore:
    """Return another store of the same file, as of a process that starts later. The file has a session."""
    start(store)
    store.close()
    return SQLStore(url_of(path))


def names(path: Path, kind: str) -> set[str]:
    return {name for (name,) in execute(path, "SELECT name FROM sqlite_master WHERE type = ?", kind)}


@pytest.mark.parametrize("table", TABLES)
def test_create_creates_each_table_that_was_dropped(path: Path, again: SQLStore, table: str) -> None:
    execute(path, f"DROP TABLE {table}")

    again.create()
    again.close()

    assert set(TABLES) <= names(path, "table")


@pytest.mark.parametrize("table", TABLES)
def test_the_first_use_creates_each_table_that_was_dropped(path: Path, again: SQLStore, table: str) -> None:
    execute(path, f"DROP TABLE {table}")

    again.revocations_since(None)
    again.close()

    assert set(TABLES) <= names(path, "table")


@pytest.mark.parametrize("table", TABLES)
def test_a_warning_names_each_table_that_was_dropped(
    path: Path, again: SQLStore, caplog: pytest.LogCaptureFixture, table: str
) -> None:
    execute(path, f"DROP TABLE {table}")

    with caplog.at_level(logging.WARNING, "flask_tokenauth"):
        again.create()
    again.close()

    assert f"all its tables, but {table} had been dropped" in caplog.text


def test_a_new_database_is_no_reason_for_a_warning(store: SQLStore, caplog: pytest.LogCaptureFixture) -> None:
    store.create()

    assert caplog.text == ""


@pytest.mark.parametrize("index", INDEXES)
def test_create_creates_each_index_that_was_dropped(path: Path, again: SQLStore, index: str) -> None:
    execute(path, f"DROP INDEX {index}")

    again.create()
    again.close()

    assert index in names(path, "index")


def test_without_the_epochs_all_sessions_end(path: Path, again: SQLStore) -> None:
    """A session that was revoked with its user would be live again."""
    execute(path, "DROP TABLE tokenauth_user_epoch")

    assert again.find_session("session") is None
    again.close()


def test_without_the_revocations_sessions_go_on(path: Path, again: SQLStore) -> None:
    execute(path, "DROP TABLE tokenauth_revocation")

    assert again.find_session("session") is not None
    again.close()


def test_a_column_that_was_dropped_is_named(path: Path, again: SQLStore) -> None:
    execute(path, "ALTER TABLE tokenauth_session DROP COLUMN label")

    with pytest.raises(StoreUnavailable, match=r"tokenauth_session must have the columns .*, but lacks label: restore"):
        again.create()
    again.close()


def test_a_table_that_is_dropped_at_run_time_is_an_outage_that_names_the_command(path: Path, store: SQLStore) -> None:
    start(store)
    execute(path, "DROP TABLE tokenauth_session")

    with pytest.raises(StoreUnavailable, match=r"no such table: tokenauth_session .*run flask tokenauth doctor"):
        store.find_session("session")


def test_lost_tables_are_found(path: Path, store: SQLStore) -> None:
    store.create()
    execute(path, "DROP TABLE tokenauth_session")

    assert store.find_lost_tables() == ["tokenauth_session"]


def test_a_new_database_has_lost_no_table(store: SQLStore) -> None:
    assert store.find_lost_tables() == []
