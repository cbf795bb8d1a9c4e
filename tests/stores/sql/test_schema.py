"""Tables, columns and indexes that were dropped: what the store creates again, and what it reports."""

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.stores.sql import SQLStore, metadata
from flask_tokenauth.testing.store_contract.kit import (
    add_key,
    find_key,
    has_reference_token,
    id_for,
    start,
    token_of,
    until,
)
from flask_tokenauth.testing.store_contract.spending import spend

from ..sqlite_kit import execute, revocation_ager, url_of

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


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_create_creates_each_table_that_was_dropped(path: Path, again: SQLStore, table: str) -> None:
    execute(path, f"DROP TABLE {table}")

    again.create()
    again.close()

    assert set(TABLES) <= names(path, "table")


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_the_first_use_creates_each_table_that_was_dropped(path: Path, again: SQLStore, table: str) -> None:
    execute(path, f"DROP TABLE {table}")

    again.revocations_since(None)
    again.close()

    assert set(TABLES) <= names(path, "table")


@pytest.mark.slow
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


@pytest.mark.slow
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
    epoch = bound.revoke_user("alice", retention=DAY, api_keys=False)

    lose(path, bound, "tokenauth_revocation")

    assert revoked(bound, "session", epoch - 1)
    assert not revoked(bound, "session", epoch)


def test_the_feed_gets_the_revocations_that_are_still_known(path: Path, bound: SQLStore) -> None:
    bound.end_session("session", retention=DAY)
    epoch = bound.revoke_user("alice", retention=DAY, api_keys=False)

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
    bound.revoke_user("alice", retention=DAY, api_keys=False)
    by = age // timedelta(milliseconds=1)
    execute(path, "UPDATE tokenauth_session SET ended_at = ended_at - ?", by)
    execute(path, "UPDATE tokenauth_user_epoch SET epoch = epoch - ?", by)

    lose(path, bound, "tokenauth_revocation")

    assert len(bound.revocations_since(None).entries) == count


def test_a_user_who_was_revoked_can_log_in_without_the_epochs(path: Path, bound: SQLStore) -> None:
    """New tokens have the epoch of the user. If it were zero, they would be revoked at once."""
    bound.revoke_user("alice", retention=DAY, api_keys=False)
    epoch = bound.revoke_user("alice", retention=DAY, api_keys=False)

    lose(path, bound, "tokenauth_user_epoch")

    assert bound.read_epoch("alice") == epoch


@pytest.mark.slow
def test_without_the_epochs_tokens_of_all_sessions_are_revoked(path: Path, bound: SQLStore) -> None:
    lose(path, bound, "tokenauth_user_epoch")

    assert revoked(bound, "session")


def test_without_the_epochs_and_the_revocations_tokens_of_all_sessions_are_revoked(path: Path, bound: SQLStore) -> None:
    lose(path, bound, "tokenauth_user_epoch")
    lose(path, bound, "tokenauth_revocation")

    assert revoked(bound, "session")


@pytest.fixture
def keyed(bound: SQLStore) -> SQLStore:
    """A store with an API key and a reference token of Alice, and an API key of Bob."""
    add_key(bound, lifetime=None)
    add_key(bound, "of bob", "bob", lifetime=None)
    bound.add_reference_token(token_of())
    return bound


def live(store: SQLStore) -> list[str]:
    """Return the names of the API keys and of the reference token that the store finds."""
    found = [key for key in ("key", "of bob") if find_key(store, key)]
    return found + ["token"] * has_reference_token(store)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "left"),
    [
        ("tokenauth_api_key", ["token"]),
        ("tokenauth_reference_token", ["key", "of bob"]),
        ("tokenauth_revocation", ["key", "of bob", "token"]),
        ("tokenauth_user_epoch", ["key", "of bob", "token"]),
        ("tokenauth_store", ["key", "of bob", "token"]),
        ("tokenauth_spent", ["key", "of bob", "token"]),
    ],
)
def test_what_becomes_of_api_keys_and_reference_tokens(
    path: Path, keyed: SQLStore, table: str, left: list[str]
) -> None:
    lose(path, keyed, table)

    assert live(keyed) == left


def test_api_keys_and_reference_tokens_stay_revoked_without_the_revocations(path: Path, keyed: SQLStore) -> None:
    keyed.revoke_api_key(id_for("key"), retention=DAY)
    keyed.revoke(Revocation(kind="token", subject=id_for("token"), expires_at=until(DAY)))
    epoch = keyed.revoke_user("bob", retention=DAY, api_keys=True)

    lose(path, keyed, "tokenauth_revocation")

    assert live(keyed) == []
    entries = keyed.revocations_since(None).entries
    assert {(entry.kind, entry.subject, entry.value) for entry in entries} == {
        ("token", id_for("key"), 0),
        ("token", id_for("token"), 0),
        ("user", "bob", epoch),
        ("api_keys", "bob", epoch),
    }


def test_revocations_of_api_keys_that_are_over_are_not_written_again(path: Path, keyed: SQLStore) -> None:
    keyed.revoke_api_key(id_for("key"), retention=DAY)
    keyed.revoke_user("bob", retention=DAY, api_keys=True)
    by = timedelta(hours=25) // timedelta(milliseconds=1)
    execute(path, "UPDATE tokenauth_api_key SET revoked_at = revoked_at - ?", by)
    execute(path, "UPDATE tokenauth_user_epoch SET epoch = epoch - ?, key_epoch = key_epoch - ?", by, by)

    lose(path, keyed, "tokenauth_revocation")

    assert keyed.revocations_since(None).entries == ()


def test_api_keys_that_were_revoked_with_their_user_stay_revoked_without_the_epochs(
    path: Path, keyed: SQLStore
) -> None:
    keyed.revoke_user("alice", retention=DAY, api_keys=False)
    epoch = keyed.revoke_user("bob", retention=DAY, api_keys=True)

    lose(path, keyed, "tokenauth_user_epoch")

    assert live(keyed) == ["key"]
    new = [add_key(keyed, f"new of {user_id}", user_id) for user_id in ("alice", "bob")]
    assert [key.key_epoch for key in new if key] == [0, epoch]
    assert keyed.read_epoch("alice") > 0
    assert keyed.read_epoch("bob") == epoch


def test_without_the_epochs_a_key_epoch_that_was_written_alone_counts(path: Path, keyed: SQLStore) -> None:
    keyed.revoke(Revocation(kind="api_keys", subject="bob", value=7, expires_at=until(DAY)))

    lose(path, keyed, "tokenauth_user_epoch")

    assert live(keyed) == ["key", "token"]
    assert keyed.read_epoch("bob") == 0


@pytest.mark.slow
def test_api_keys_whose_revocation_was_purged_stay_revoked_without_the_epochs(path: Path, keyed: SQLStore) -> None:
    keyed.revoke_user("bob", retention=DAY, api_keys=True)
    revocation_ager(path)(timedelta(days=9))
    keyed.purge(force=True)
    assert keyed.revocations_since(None).entries == ()

    lose(path, keyed, "tokenauth_user_epoch")

    assert live(keyed) == ["key", "token"]


def test_without_the_epochs_and_the_revocations_all_api_keys_and_reference_tokens_are_revoked(
    path: Path, keyed: SQLStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing shows any more which of them were revoked with their user."""
    lose(path, keyed, "tokenauth_user_epoch")
    lose(path, keyed, "tokenauth_revocation")

    assert live(keyed) == []
    assert add_key(keyed, "new") is not None
    assert find_key(keyed, "new") is not None
    assert (
        "Without both tokenauth_revocation and tokenauth_user_epoch, all API keys and reference tokens are revoked"
    ) in caplog.text
    entries = keyed.revocations_since(None).entries
    assert {entry.subject for entry in entries if entry.kind == "token"} == {
        id_for(text) for text in ("key", "of bob", "token")
    }


def test_the_warnings_say_what_is_lost_with_the_ids_of_used_tickets(
    path: Path, bound: SQLStore, caplog: pytest.LogCaptureFixture
) -> None:
    spend(bound)

    lose(path, bound, "tokenauth_spent")

    assert spend(bound)
    assert "Without tokenauth_spent, tickets that were used can be used again until they expire" in caplog.text


def test_the_warnings_say_what_is_lost_with_api_keys_and_reference_tokens(store: SQLStore) -> None:
    explained = store.inspection.explain_loss(["tokenauth_api_key", "tokenauth_reference_token"])

    assert explained == (
        "Without tokenauth_api_key, all API keys are refused, and users have to create new ones. Without "
        "tokenauth_reference_token, all reference tokens are refused, so clients have to refresh, or users to log in "
        "again"
    )


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
