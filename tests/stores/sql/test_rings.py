"""The rings of keys among the facts about a store in SQLite."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flask_tokenauth.core.records.ring_use import USE_LASTS
from flask_tokenauth.stores.sql import SQLStore

from ..sqlite_kit import execute, ring_ager, url_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLStore]:
    store = SQLStore(url_of(path))
    store.create()
    yield store
    store.close()


def rows(path: Path) -> list[tuple[str, str, int]]:
    return execute(path, "SELECT name, value, number FROM tokenauth_store WHERE name LIKE 'ring %'")


@pytest.mark.parametrize(("age", "written"), [(timedelta(seconds=5), False), (timedelta(seconds=15), True)])
def test_a_report_is_written_only_now_and_then(store: SQLStore, path: Path, age: timedelta, *, written: bool) -> None:
    store.report_ring("one")
    ring_ager(path)(age)
    before = rows(path)

    store.report_ring("one")

    assert (rows(path) != before) == written


def test_a_ring_that_is_used_no_more_is_deleted_by_the_next_report(store: SQLStore, path: Path) -> None:
    store.report_ring("one")
    ring_ager(path)(USE_LASTS + timedelta(seconds=5))

    store.report_ring("two")

    assert [name for name, _, _ in rows(path)] == ["ring two"]


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("ring a b", "1", 1),
        ("ring ", "1", 1),
        ("ring x", "no number", 1),
        ("ring x", "1", None),
        ("ring x", "1", -1),
        ("rings", "1", 1),
    ],
)
def test_a_fact_that_is_no_report_is_left_out(
    store: SQLStore, path: Path, name: str, value: str, number: int | None
) -> None:
    store.report_ring("one")
    execute(path, "INSERT INTO tokenauth_store (name, value, number) VALUES (?, ?, ?)", name, value, number)

    assert [use.fingerprint for use in store.list_rings()] == ["one"]
    assert [use.fingerprint for use in store.report_ring("one")] == ["one"]


def test_a_store_reads_the_reports_of_another_process(store: SQLStore, path: Path) -> None:
    store.report_ring("one")
    other = SQLStore(url_of(path))

    assert [use.fingerprint for use in other.list_rings()] == ["one"]
    other.close()
