"""Reference tokens in SQLite: rows that another program has changed, answers that are lost, and what is asked."""

from pathlib import Path

import pytest

from flask_tokenauth.core.encoding.digests import digest_of
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import has_reference_token, token_of

from ..sqlite_kit import execute, lose_the_next_commit, sent

GREATEST = 2**63 - 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("user_id", ""),
        ("user_id", b"\xff"),
        ("claims", b"{}"),
        ("expires_at", "zzz"),
        ("expires_at", GREATEST),
        ("epoch", "zzz"),
        ("epoch", 1.5),
    ],
)
def test_a_row_that_is_garbage_is_an_outage_and_never_a_token(
    path: Path, store: SQLStore, column: str, value: object
) -> None:
    store.add_reference_token(token_of())
    execute(path, f"UPDATE tokenauth_reference_token SET {column} = ?", value)

    with pytest.raises(StoreUnavailable):
        has_reference_token(store)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("digest", digest_of("token").encode()),
        ("epoch", -1),
        ("revoked_at", "zzz"),
        ("revoked_at", -1),
        ("expires_at", -1),
    ],
)
def test_a_row_that_cannot_be_a_token_that_counts_is_not_found(
    path: Path, store: SQLStore, column: str, value: object
) -> None:
    store.add_reference_token(token_of())
    execute(path, f"UPDATE tokenauth_reference_token SET {column} = ?", value)

    assert not has_reference_token(store)


def test_a_token_whose_commit_was_not_answered_is_there(store: SQLStore) -> None:
    lose_the_next_commit(store)

    store.add_reference_token(token_of())

    assert has_reference_token(store)
    with pytest.raises(ValueError, match="ID"):
        store.add_reference_token(token_of())


def test_a_token_is_added_and_found_with_one_statement_each(store: SQLStore) -> None:
    store.create()

    added = sent(store, lambda: store.add_reference_token(token_of()))
    found = sent(store, lambda: store.find_reference_token(digest_of("token")))

    assert [statement.split(" ")[0] for statement, _ in added] == ["BEGIN", "INSERT", "COMMIT"]
    assert len(found) == 1


def test_a_token_is_found_without_a_look_at_others(path: Path, store: SQLStore) -> None:
    store.create()
    [(statement, values)] = sent(store, lambda: has_reference_token(store))

    plans = [row[3] for row in execute(path, f"EXPLAIN QUERY PLAN {statement}", *values)]

    assert any("SEARCH tokenauth_reference_token" in plan for plan in plans)
    assert not [plan for plan in plans if "SCAN tokenauth_reference_token" in plan]
