"""Tables, columns and indexes that were dropped: what the store creates again, and what it reports."""

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore, metadata
from flask_tokenauth.testing.store_contract.kit import start

from ..sqlite_kit import execute, url_of

DAY = timedelta(days=1)
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


def revoked(store: SQLStore, session_id: str, epoch: int = 0) -> bool:
    """Return whether a token of Alice is revoked."""
    return store.is_revoked(token_id=None, session_id=session_id, user_id="alice", epoch=epoch)


@pytest.fixture
def bound(path: Path) -> Iterator[SQLStore]:
    """A store with two sessions, which keeps revocations for a day."""
    store = SQLStore(url_of(path))
    store.bind("https://issuer.example", timeout=DAY, lifetime=DAY, leeway=timedelta(0))
    for session_id in ("session", "other"):
        start(store, session_id)
    yield store
    store.close()


def lose(path: Path, store: SQLStore, table: str) -> None:
    store.close()
    execute(path, f"DROP TABLE {table}")


def test_tokens_of_ended_sessions_stay_revoked_without_the_revocations(path: Path, bound: SQLStore) -> None:
    bound.end_session("session", retention=DAY)

    lose(path, bound, "tokenauth_revocation")

    assert revoked(bound, "session")
    assert not revoked(bound, "other")


def test_tokens_of_revoked_users_stay_revoked_without_the_revocations(path: Path, bound: SQLStore) -> None:
    epoch = bound.revoke_user("alice", retention=DAY)

    lose(path, bound, "tokenauth_revocation")

    assert revoked(bound, "session", epoch - 1)
    assert not revoked(bound, "session", epoch)


def test_the_feed_gets_the_revocations_that_are_still_known(path: Path, bound: SQLStore) -> None:
    bound.end_session("session", retention=DAY)
    epoch = bound.revoke_user("alice", retention=DAY)

    lose(path, bound, "tokenauth_revocation")

    entries = bound.revocations_since(None).entries
    assert {(entry.kind, entry.subject, entry.value) for entry in entries} == {
        ("session", "session", 0),
        ("user", "alice", epoch),
    }


@pytest.mark.parametrize(("age", "count"), [(timedelta(hours=23), 2), (timedelta(hours=25), 0)])
def test_revocations_that_are_over_are_not_written_again(
    path: Path, bound: SQLStore, age: timedelta, count: int
) -> None:
    bound.end_session("session", retention=DAY)
    bound.revoke_user("alice", retention=DAY)
    by = age // timedelta(milliseconds=1)
    execute(path, "UPDATE tokenauth_session SET ended_at = ended_at - ?", by)
    execute(path, "UPDATE tokenauth_user_epoch SET epoch = epoch - ?", by)

    lose(path, bound, "tokenauth_revocation")

    assert len(bound.revocations_since(None).entries) == count


def test_a_user_who_was_revoked_can_log_in_without_the_epochs(path: Path, bound: SQLStore) -> None:
    """New tokens have the epoch of the user. If it were zero, they would be revoked at once."""
    bound.revoke_user("alice", retention=DAY)
    epoch = bound.revoke_user("alice", retention=DAY)

    lose(path, bound, "tokenauth_user_epoch")

    assert bound.read_epoch("alice") == epoch


def test_without_the_epochs_tokens_of_all_sessions_are_revoked(path: Path, bound: SQLStore) -> None:
    lose(path, bound, "tokenauth_user_epoch")

    assert revoked(bound, "session")


def test_without_the_epochs_and_the_revocations_tokens_of_all_sessions_are_revoked(path: Path, bound: SQLStore) -> None:
    lose(path, bound, "tokenauth_user_epoch")
    lose(path, bound, "tokenauth_revocation")

    assert revoked(bound, "session")


def test_the_warning_says_how_to_refuse_all_tokens(
    path: Path, bound: SQLStore, caplog: pytest.LogCaptureFixture
) -> None:
    lose(path, bound, "tokenauth_revocation")

    bound.create()

    assert "Without tokenauth_revocation, access tokens that were revoked may be accepted again" in caplog.text
    assert "change SECRET_KEY" in caplog.text


def test_a_column_that_was_dropped_is_named(path: Path, again: SQLStore) -> None:
    execute(path, "ALTER TABLE tokenauth_session DROP COLUMN label")

    with pytest.raises(StoreUnavailable, match=r"tokenauth_session must have the columns .*, but lacks label: restore"):
        again.create()
    again.close()


def test_the_statements_in_the_message_cure_a_column_that_was_dropped(path: Path, again: SQLStore) -> None:
    execute(path, "ALTER TABLE tokenauth_session DROP COLUMN label")
    with pytest.raises(StoreUnavailable, match="revoked may be accepted until they expire") as caught:
        again.create()

    for statement in re.findall(r"DROP TABLE \w+", str(caught.value)):
        execute(path, statement)

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

    assert store.inspection.find_lost_tables() == ["tokenauth_session"]


def test_a_new_database_has_lost_no_table(store: SQLStore) -> None:
    assert store.inspection.find_lost_tables() == []
