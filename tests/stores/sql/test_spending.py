"""IDs that are spent in SQLite: rows that another program has changed, answers that are lost, and what is asked."""

from pathlib import Path

import pytest

from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.spending import spend

from ..sqlite_kit import execute, lose_the_next_commit, sent


@pytest.mark.parametrize(("column", "value"), [("spent_by", "zzz"), ("spent_by", -1), ("expires_at", "zzz")])
def test_an_id_in_a_row_that_is_garbage_stays_spent(path: Path, store: SQLStore, column: str, value: object) -> None:
    spend(store)
    execute(path, f"UPDATE tokenauth_spent SET {column} = ?", value)

    assert not spend(store)


def test_an_id_whose_commit_was_not_answered_is_spent_by_its_call(store: SQLStore) -> None:
    lose_the_next_commit(store)

    assert spend(store)
    assert not spend(store)


def test_another_call_cannot_be_taken_for_the_first(store: SQLStore) -> None:
    """The answer to the COMMIT of the second call is lost, after another call was the first."""
    spend(store)
    lose_the_next_commit(store)

    assert not spend(store)


def test_an_id_is_spent_with_two_statements_in_one_transaction(store: SQLStore) -> None:
    store.create()

    statements = sent(store, lambda: spend(store))

    assert [statement.split(" ")[0] for statement, _ in statements] == ["BEGIN", "INSERT", "SELECT", "COMMIT"]
