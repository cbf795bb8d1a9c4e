"""The time limit of a call of the SQL store that uses it first: it has to look for the tables, or to create them."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.time_limit import remaining
from flask_tokenauth.stores.sql import SQLStore, transactions
from flask_tokenauth.stores.sql import store as store_module
from flask_tokenauth.stores.sql.engine import LONGEST_LOAD, LONGEST_WRITE
from flask_tokenauth.stores.sql.sqlite.dialect import SQLite
from flask_tokenauth.testing.store_contract.kit import start

DAY = timedelta(days=1)
TIMEOUT = timedelta(seconds=10)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were left in the steps of a call, in their order."""
    seen: list[float] = []

    def noting(step: Callable[..., Any]) -> Callable[..., Any]:
        def note(*args: Any, **options: Any) -> Any:
            seen.append(remaining())
            return step(*args, **options)

        return note

    for module, name in (
        (store_module, "is_complete"),
        (store_module, "create_missing"),
        (transactions, "read_epoch"),
        (transactions, "insert"),
    ):
        monkeypatch.setattr(module, name, noting(getattr(module, name)))
    return seen


@pytest.fixture
def bound(store: SQLStore) -> SQLStore:
    store.bind("https://issuer.example", timeout=TIMEOUT, lifetime=DAY, leeway=timedelta(0))
    return store


@pytest.mark.parametrize(
    ("has_one_writer", "limit"), [(False, TIMEOUT.total_seconds()), (True, LONGEST_WRITE)], ids=["a server", "SQLite"]
)
def test_the_first_read_shares_its_limit_with_all_that_comes_before_it(
    bound: SQLStore, seen: list[float], monkeypatch: pytest.MonkeyPatch, has_one_writer: object, limit: float
) -> None:
    monkeypatch.setattr(SQLite, "has_one_writer", has_one_writer)

    bound.read_epoch("alice")

    assert len(seen) == 3
    assert limit >= seen[0] > seen[1] > seen[2] > 0


def test_the_first_write_has_time_to_create_tables(bound: SQLStore, seen: list[float]) -> None:
    start(bound)

    assert len(seen) == 3
    assert max(seen) <= LONGEST_LOAD + LONGEST_WRITE
    assert 0 < seen[2] <= LONGEST_WRITE


def test_tables_are_created_by_command_without_a_limit(bound: SQLStore, seen: list[float]) -> None:
    """A new index of a large table takes minutes."""
    bound.create()

    assert seen[1] == math.inf
