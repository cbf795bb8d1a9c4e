"""A purge of the SQL store works page by page, and is refused if the clock of the server seems to be ahead."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.errors import PurgeRefused
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.store import LONGEST_SILENCE
from flask_tokenauth.stores.sql import SQLStore, dead_rows, purging, statements
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

from ..sqlite_kit import TERMS, ager, execute, revocation_ager


def test_a_purge_deletes_no_session_that_is_live_again(
    path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a clock that was ahead is set back."""
    start(store)
    ager(path)("session", TERMS.idle_lifetime)
    find_keys = purging._find_keys
    found: list[Any] = []

    def find_and_revive(*args: Any, **options: Any) -> Any:
        if keys := find_keys(*args, **options):
            found.extend(keys)
            execute(path, "UPDATE tokenauth_session SET idle_expires_at = expires_at")
        return keys

    monkeypatch.setattr(purging, "_find_keys", find_and_revive)

    assert store.purge(force=True) == 0

    assert found == ["session"]
    assert store.find_session("session") is not None


@pytest.mark.slow
@pytest.mark.parametrize("page", [1, 2, 3, 500])
def test_a_purge_finds_all_that_is_over_on_pages_of_any_size(
    path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    for module in dead_rows, statements:
        monkeypatch.setattr(module, "PAGE", page)
    store = SQLStore(f"sqlite:///{path}")
    for name in "abcdef":
        start(store, name)
        store.revoke(Revocation(kind="token", subject=name, expires_at=until(timedelta(days=9))))
        add_key(store, name)
        store.add_reference_token(token_of(name))
        spend(store, name)
    for name in "bce":
        ager(path)(name, TERMS.idle_lifetime)
        execute(path, "UPDATE tokenauth_api_key SET expires_at = 1 WHERE key_id = ?", id_for(name))
        execute(path, "UPDATE tokenauth_reference_token SET expires_at = 1 WHERE token_id = ?", id_for(name))
        execute(path, "UPDATE tokenauth_revocation SET expires_at = 1 WHERE subject = ?", name)
        execute(path, "UPDATE tokenauth_spent SET expires_at = 1 WHERE spent_id = ?", name)

    assert store.purge(force=True) == 15

    assert [name for name in "abcdef" if store.find_session(name)] == ["a", "d", "f"]
    assert [name for name in "abcdef" if find_key(store, name)] == ["a", "d", "f"]
    assert [name for name in "abcdef" if has_reference_token(store, name)] == ["a", "d", "f"]
    assert execute(path, "SELECT group_concat(subject) FROM tokenauth_revocation") == [("a,d,f",)]
    assert execute(path, "SELECT group_concat(spent_id) FROM tokenauth_spent") == [("a,d,f",)]
    store.close()


def set_last_purge(path: Path, value: object) -> None:
    execute(path, "UPDATE tokenauth_store SET number = ? WHERE name = 'last_purge'", value)


def read_last_purge(path: Path) -> int:
    [[value]] = execute(path, "SELECT number FROM tokenauth_store WHERE name = 'last_purge'")
    assert isinstance(value, int)
    return value


@pytest.mark.slow
def test_a_last_purge_while_the_clock_was_ahead_hides_no_other_time(path: Path, store: SQLStore) -> None:
    start(store)
    store.purge()
    ager(path)("session", timedelta(days=3))
    set_last_purge(path, until(timedelta(days=365)))

    with pytest.raises(PurgeRefused):
        store.purge()


def test_a_purge_lowers_the_time_of_the_last_one(path: Path, store: SQLStore) -> None:
    store.purge()
    set_last_purge(path, until(timedelta(days=365)))

    store.purge()

    assert read_last_purge(path) <= until(timedelta(0))


def test_the_last_purge_counts_for_another_process(path: Path, store: SQLStore) -> None:
    start(store)
    ager(path)("session", timedelta(days=3))
    store.purge(force=True)
    other = SQLStore(f"sqlite:///{path}")

    assert other.purge() == 0

    other.close()


def test_a_refused_purge_keeps_the_time_of_the_last_one(path: Path, store: SQLStore) -> None:
    store.purge()
    old = until(-timedelta(days=3))
    set_last_purge(path, old)

    with pytest.raises(PurgeRefused):
        store.purge()

    assert read_last_purge(path) == old


@pytest.mark.slow
@pytest.mark.parametrize("value", ["", "never", b"x", None, -1, 1.5, 1e30])
def test_a_last_purge_that_is_no_time_does_not_count(path: Path, store: SQLStore, value: object) -> None:
    store.purge()
    store.revoke(Revocation(kind="token", subject="t1", expires_at=until(timedelta(hours=1))))
    revocation_ager(path)(timedelta(hours=1) + LONGEST_SILENCE)
    set_last_purge(path, value)

    assert store.purge() == 1


@pytest.mark.parametrize("value", ["never", 1.5, -1, -(2**63), 2**63 - 1])
def test_a_sign_in_at_no_time_does_not_count(path: Path, store: SQLStore, value: object) -> None:
    start(store)
    execute(path, "UPDATE tokenauth_session SET started_at = ?, idle_expires_at = 0", value)

    assert store.purge() == 1


@pytest.mark.parametrize("value", ["never", 1.5, -1, -(2**63), 2**63 - 1])
def test_an_api_key_that_was_created_at_no_time_does_not_count(path: Path, store: SQLStore, value: object) -> None:
    add_key(store)
    execute(path, "UPDATE tokenauth_api_key SET created_at = ?, expires_at = 0", value)

    assert store.purge() == 1


def test_a_revocation_is_deleted_after_the_api_keys_and_tokens_that_it_is_about(
    path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the purge is stopped in between, the epochs of users can still be restored from the revocations."""
    add_key(store)
    store.add_reference_token(token_of())
    spend(store, left=-2 * LONGEST_SILENCE)
    store.revoke_user("alice", retention=timedelta(days=1), api_keys=True)
    deleted: list[str] = []
    drop = purging._drop

    def note(*args: Any, statement: Any, **options: Any) -> int:
        deleted.append(statement.table.name)
        return drop(*args, statement=statement, **options)

    monkeypatch.setattr(purging, "_drop", note)
    revocation_ager(path)(timedelta(days=4))

    store.purge(force=True)

    assert deleted == ["tokenauth_api_key", "tokenauth_reference_token", "tokenauth_spent", "tokenauth_revocation"]
