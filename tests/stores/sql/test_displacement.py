"""The limit of sessions in the SQL store: rows that cannot be read, and a search of limited length."""

from contextlib import closing
from pathlib import Path

import pytest

from flask_tokenauth.stores.rows import MORE_ROWS
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import list_all, start

from ...engines.mariadb import MariaDB
from ..sqlite_kit import execute
from .test_session_pages import plans_of, put_sessions


@pytest.mark.parametrize("column", ["granted", "label", "generation", "expires_at", "epoch"])
def test_a_session_that_cannot_be_read_ends_like_any_other(path: Path, store: SQLStore, column: str) -> None:
    start(store)
    execute(path, f"UPDATE tokenauth_session SET {column} = ?", "not \x01 readable")

    assert start(store, "new", most=1).displaced == ("session",)

    assert store.is_revoked(token_id=None, session_id="session", user_id="alice", epoch=0)


def test_a_session_whose_id_is_none_stops_no_sign_in_and_no_reader(path: Path, store: SQLStore) -> None:
    start(store)
    execute(path, "UPDATE tokenauth_session SET session_id = ?", b"\x00")

    assert start(store, "new", most=1).displaced == ()

    assert store.revocations_since(None).entries == ()


def test_a_search_goes_along_the_index(path: Path, store: SQLStore) -> None:
    start(store)

    with plans_of(path, store) as plans:
        start(store, "new", most=1)

    assert any("USING COVERING INDEX ix_tokenauth_session_sign_in (user_id=? AND ended_at=?)" in plan for plan in plans)
    assert not [plan for plan in plans if plan.startswith("SCAN tokenauth_session")]


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_sign_in_looks_past_many_sessions_that_are_over(path: Path, store: SQLStore, where: str) -> None:
    start(store, "session")
    put_sessions(path, 2 * MORE_ROWS)
    execute(path, "UPDATE tokenauth_session SET idle_expires_at = started_at")
    if where == "after":
        execute(path, "UPDATE tokenauth_session SET started_at = started_at + 3600000")
    start(store, "first")

    assert start(store, "second", most=1).displaced == ("first",)


def test_of_very_many_sessions_those_with_the_oldest_sign_ins_end_first(path: Path, store: SQLStore) -> None:
    start(store)
    put_sessions(path, 5 * MORE_ROWS)

    displaced = start(store, "new", most=1).displaced

    assert displaced == tuple(f"more{5 * MORE_ROWS - index}" for index in range(len(displaced)))
    assert len(displaced) == 20
    assert "new" in {session.session_id for session in list_all(store, limit=5000)}


@pytest.mark.slow
def test_a_sign_in_on_mariadb_reads_no_sessions_of_other_users(mariadb: MariaDB) -> None:
    def count_read_rows() -> int:
        [(_, rows)] = mariadb.execute("SHOW GLOBAL STATUS LIKE 'Handler_read_rnd_next'")
        return int(rows)

    with mariadb.new_database() as database, closing(SQLStore(mariadb.url(database))) as store:
        for number in range(300):
            start(store, f"session{number}", f"user{number}")
        before = count_read_rows()

        start(store, "new", "alice")

        assert count_read_rows() - before < 100
