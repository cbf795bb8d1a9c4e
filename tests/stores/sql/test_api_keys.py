"""API keys in SQLite: rows that another program has changed, answers that are lost, and what is asked of a database."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.encoding.digests import digest_of
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.api_key import ApiKeyToKeep
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.stores.sql import SQLStore, api_keys
from flask_tokenauth.testing.store_contract.kit import RETENTION, add_key, find_key, id_for, list_keys
from flask_tokenauth.testing.store_contract.revocation import has

from ..calls import DAY
from ..sqlite_kit import execute, lose_the_next_commit, sent

GREATEST = 2**63 - 1
ASK: dict[str, Callable[[SQLStore], object]] = {"find": find_key, "list": list_keys}
asks = pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
GARBAGE = [
    ("granted", ""), ("granted", "{}"), ("granted", b"{}"), ("name", ""), ("name", b"x"), ("name", "a\x00"),
    ("hint", "a\x00"), ("hint", b"x"), ("hint", "x" * 33), ("created_at", -1), ("created_at", "zzz"),
    ("created_at", GREATEST), ("last_used_at", "zzz"), ("last_used_at", -1), ("expires_at", "zzz"),
    ("expires_at", GREATEST), ("key_epoch", "zzz"), ("key_epoch", 1.5),
]  # fmt: skip


@pytest.mark.slow
@asks
@pytest.mark.parametrize(("column", "value"), GARBAGE)
def test_a_row_that_is_garbage_is_an_outage_and_never_a_key(
    path: Path, store: SQLStore, ask: Callable[[SQLStore], object], column: str, value: object
) -> None:
    add_key(store)
    execute(path, f"UPDATE tokenauth_api_key SET {column} = ?", value)

    with pytest.raises(StoreUnavailable):
        ask(store)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("digest", digest_of("key").encode()),
        ("digest", ""),
        ("key_epoch", -1),
        ("revoked_at", "zzz"),
        ("revoked_at", -1),
    ],
)
def test_a_row_that_cannot_be_a_live_key_is_not_found(path: Path, store: SQLStore, column: str, value: object) -> None:
    add_key(store)
    execute(path, f"UPDATE tokenauth_api_key SET {column} = ?", value)

    assert find_key(store) is None


def test_a_user_id_that_is_garbage_is_an_outage(path: Path, store: SQLStore) -> None:
    add_key(store)
    execute(path, "UPDATE tokenauth_api_key SET user_id = x'ff'")

    with pytest.raises(StoreUnavailable):
        find_key(store)


@pytest.mark.parametrize(("column", "value"), [("granted", "{}"), ("name", b"\x00"), ("created_at", "zzz")])
def test_a_key_that_cannot_be_read_can_be_revoked(path: Path, store: SQLStore, column: str, value: object) -> None:
    add_key(store)
    execute(path, f"UPDATE tokenauth_api_key SET {column} = ?", value)

    with pytest.raises(StoreUnavailable):
        store.revoke_api_key(id_for("key"), retention=RETENTION)

    assert find_key(store) is None
    assert has(store, token_id=id_for("key"))


@pytest.mark.parametrize("key_epoch", ["zzz", b"1", GREATEST])
def test_a_key_epoch_that_is_garbage_accepts_no_key(path: Path, store: SQLStore, key_epoch: object) -> None:
    add_key(store)
    execute(path, "INSERT INTO tokenauth_user_epoch (user_id, epoch, key_epoch) VALUES ('alice', 0, ?)", key_epoch)

    assert find_key(store) is None
    assert list_keys(store) == []


@pytest.mark.parametrize("key_epoch", ["zzz", b"1", 1.5, -1])
def test_no_key_is_added_with_a_key_epoch_that_is_garbage(path: Path, store: SQLStore, key_epoch: object) -> None:
    store.create()
    execute(path, "INSERT INTO tokenauth_user_epoch (user_id, epoch, key_epoch) VALUES ('alice', 0, ?)", key_epoch)

    with pytest.raises(StoreUnavailable):
        add_key(store)

    assert execute(path, "SELECT count(*) FROM tokenauth_api_key") == [(0,)]


def test_a_key_whose_commit_was_not_answered_is_returned(store: SQLStore) -> None:
    lose_the_next_commit(store)

    added = add_key(store, most=1)

    assert added is not None
    assert find_key(store) == added


def test_a_revocation_whose_commit_was_not_answered_is_reported(store: SQLStore) -> None:
    added = add_key(store)
    lose_the_next_commit(store)

    assert store.revoke_api_key(id_for("key"), retention=RETENTION) == added

    assert find_key(store) is None
    assert len(store.revocations_since(None).entries) == 1


@pytest.mark.parametrize(
    "change", [{"user_id": "mallory"}, {"name": "another"}, {"digest": digest_of("key")[:42] + "_"}]
)
def test_a_key_of_another_call_is_not_taken_for_the_own_one(store: SQLStore, change: dict[str, Any]) -> None:
    """As after a conflict with a transaction that has added a key with the same ID."""
    add_key(store)
    usual: dict[str, Any] = {
        "digest": digest_of("key"),
        "user_id": "alice",
        "name": "a script",
        "hint": "",
        "grant": Grant(),
    }
    values = api_keys.columns_of(ApiKeyToKeep(**({"digest": digest_of("key")} | usual | change)))

    def add(connection: Any, statements: Any) -> object:
        return api_keys.add(connection, statements, store._database.dialect, values, most=9, again=True)

    with pytest.raises(ValueError, match="with the ID"):
        store._tables.write(add)


def test_a_grant_that_cannot_be_kept_costs_no_connection(store: SQLStore) -> None:
    store.create()

    def add() -> None:
        with pytest.raises(ValueError, match="JSON"):
            add_key(store, grant=Grant(claims={"a": float("nan")}))

    assert sent(store, add) == []


@asks
def test_a_key_is_read_with_one_statement(store: SQLStore, ask: Callable[[SQLStore], object]) -> None:
    add_key(store)

    assert len(sent(store, lambda: ask(store))) == 1


def note_uses(store: SQLStore, number: int) -> list[str]:
    """Note the uses of some keys, and return the first words of the statements."""
    names = [id_for(f"key{key}") for key in range(number)]
    statements = sent(store, lambda: store.note_uses_of_api_keys(dict.fromkeys(names, DAY)))
    return [statement.split()[0] for statement, _ in statements]


def test_uses_of_many_keys_are_written_with_one_statement(store: SQLStore) -> None:
    for number in range(5):
        add_key(store, f"key{number}")

    assert note_uses(store, 5) == ["BEGIN", "SELECT", "UPDATE", "COMMIT"]

    assert all(key.last_used_at is not None for key in store.list_api_keys("alice"))


def test_uses_that_others_have_written_are_not_written_again(store: SQLStore) -> None:
    add_key(store, "key0")
    store.note_uses_of_api_keys({id_for("key0"): timedelta(0)})

    assert note_uses(store, 1) == ["BEGIN", "SELECT", "COMMIT"]


def test_uses_of_very_many_keys_are_written_page_by_page(store: SQLStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "USES_AT_ONCE", 2)
    for number in range(5):
        add_key(store, f"key{number}")

    assert note_uses(store, 5) == ["BEGIN", "SELECT", "UPDATE", "COMMIT"] * 3

    assert all(key.last_used_at is not None for key in store.list_api_keys("alice"))


def test_each_key_gets_the_time_of_its_own_use(store: SQLStore) -> None:
    ages = {id_for(f"key{number}"): timedelta(hours=number) for number in range(5)}
    for number in range(5):
        add_key(store, f"key{number}")

    store.note_uses_of_api_keys(ages)

    uses = {key.id: key.created_at - key.last_used_at for key in store.list_api_keys("alice") if key.last_used_at}
    assert {key_id: round(age / timedelta(hours=1)) for key_id, age in uses.items()} == {
        id_for(f"key{number}"): number for number in range(5)
    }


def test_no_use_is_no_write(store: SQLStore) -> None:
    store.create()

    assert sent(store, lambda: store.note_uses_of_api_keys({"a\n": DAY})) == []


PLANS: dict[str, Callable[[SQLStore], object]] = ASK | {
    "add": lambda store: add_key(store, "new"),
    "revoke": lambda store: store.revoke_api_key(id_for("key"), retention=RETENTION),
    "note a use": lambda store: store.note_uses_of_api_keys({id_for("key"): DAY}),
}


@pytest.mark.slow
@pytest.mark.parametrize("call", PLANS.values(), ids=PLANS)
def test_no_statement_reads_the_keys_of_all_users(
    path: Path, store: SQLStore, call: Callable[[SQLStore], object]
) -> None:
    add_key(store)
    statements = [found for found in sent(store, lambda: call(store)) if "tokenauth_api_key" in found[0]]

    plans = [
        row[3] for statement, values in statements for row in execute(path, f"EXPLAIN QUERY PLAN {statement}", *values)
    ]

    assert statements
    assert [plan for plan in plans if "SCAN tokenauth_api_key" in plan] == []
    assert [plan for plan in plans if "B-TREE" in plan] in ([], ["USE TEMP B-TREE FOR ORDER BY"])
