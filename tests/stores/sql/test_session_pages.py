"""A page of sessions costs the same for a user with very many sessions: counted in rows and steps, not in seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from flask_tokenauth.stores.rows import SessionRow
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.primary_reads import PrimaryRead
from flask_tokenauth.testing.store_contract.kit import start

from ..sqlite_kit import engine_of, execute, opened

MANY = 5000


@contextmanager
def plans_of(path: Path, store: SQLStore) -> Iterator[list[str]]:
    """Yield a list that grows with the query plan of each statement."""
    plans: list[str] = []

    def describe(rows: list[tuple[int, int, int, str]]) -> list[str]:
        """Return the steps, each after those that it is a part of."""
        paths = {0: ""}
        for number, parent, _, step in rows:
            paths[number] = f"{paths[parent]} / {step}"
        return list(paths.values())[1:]

    def explain(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        with opened(path) as other:
            rows = other.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()  # type: ignore[arg-type]
        plans.extend(describe(rows))

    engine = engine_of(store)
    event.listen(engine, "before_cursor_execute", explain)
    yield plans
    event.remove(engine, "before_cursor_execute", explain)


def put_sessions(path: Path, number: int) -> None:
    """Copy the session of alice as often, one millisecond apart."""
    with opened(path) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(tokenauth_session)")]
        columns = ", ".join(name for name in names if name not in ("session_id", "started_at"))
        connection.executemany(
            f"INSERT INTO tokenauth_session (session_id, started_at, {columns})"
            f" SELECT ?, started_at - ?, {columns} FROM tokenauth_session WHERE session_id = 'session'",
            ((f"more{index}", index) for index in range(1, number + 1)),
        )


def test_a_page_fetches_its_own_rows_of_many(path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch) -> None:
    start(store)
    put_sessions(path, MANY)
    fetched: list[int] = []
    fetch = PrimaryRead.fetch

    def count(read: PrimaryRead, connection: Connection, values: Any) -> list[dict[str, Any]]:
        rows = fetch(read, connection, values)
        fetched.append(len(rows))
        return rows

    monkeypatch.setattr(PrimaryRead, "fetch", count)

    first = store.list_sessions("alice", cursor=None, limit=50)
    second = store.list_sessions("alice", cursor=first.cursor, limit=50)

    assert [len(first.sessions), len(second.sessions)] == [50, 50]
    assert fetched == [51, 51]


def test_rows_are_parsed_after_the_connection_was_given_back(
    path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(store)
    pool = engine_of(store).pool
    in_use: list[int] = []
    read = SessionRow.read

    def count(row: dict[str, object]) -> object:
        in_use.append(pool.checkedout())  # type: ignore[attr-defined]  # a QueuePool
        return read(row)

    monkeypatch.setattr(SessionRow, "read", count)

    store.list_sessions("alice", cursor=None, limit=50)
    store.find_session("session")

    assert in_use == [0, 0]


def test_a_page_is_read_along_the_index_and_no_more_rows_than_those_of_the_page_are_sorted(
    path: Path, store: SQLStore
) -> None:
    start(store)
    put_sessions(path, 60)
    cursor = store.list_sessions("alice", cursor=None, limit=50).cursor

    with plans_of(path, store) as plans:
        store.list_sessions("alice", cursor=None, limit=50)
        store.list_sessions("alice", cursor=cursor, limit=50)

    assert any("ix_tokenauth_session_sign_in (user_id=? AND ended_at=?)" in plan for plan in plans)
    assert any("ended_at=? AND (started_at,session_id)<(?,?)" in plan for plan in plans)
    assert not [plan for plan in plans if "SCAN tokenauth_session" in plan]
    # The rows of the page are put in order once more, outside of the part that finds them.
    assert {plan for plan in plans if "B-TREE" in plan} == {" / USE TEMP B-TREE FOR ORDER BY"}


def test_ended_sessions_are_no_steps_to_a_page(path: Path, store: SQLStore) -> None:
    start(store)
    put_sessions(path, MANY)
    execute(path, "UPDATE tokenauth_session SET ended_at = started_at WHERE session_id <> 'session'")
    steps: list[int] = []

    with engine_of(store).connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.set_progress_handler(lambda: steps.append(1), 1000)
    page = store.list_sessions("alice", cursor=None, limit=50)

    assert len(page.sessions) == 1
    assert len(steps) < 2
