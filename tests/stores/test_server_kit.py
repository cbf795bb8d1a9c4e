"""The helpers for the tests on database servers change what they name, and nothing else."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import MagicMock

import pytest
from sqlalchemy import create_engine

from flask_tokenauth.stores.sql import metadata

from ..engines.server import Server
from .server_kit import ager, copier, execute, generation_setter, revocation_ager, wiper

DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}

SESSION = """INSERT INTO tokenauth_session (session_id, user_id, granted, started_at, rotated_at, idle_expires_at,
    expires_at, generation, epoch) VALUES (%s, 'alice', '{}', 10000, NULL, 30000, 40000, 0, 0)"""
REVOCATION = "INSERT INTO tokenauth_revocation (id, kind, subject, expires_at) VALUES (%s, 't', 'token', 20000)"


def create_tables(server: Server, database: str) -> None:
    """Create the tables of the package."""
    url = server.url(database).replace(server.scheme, DRIVERS[server.scheme], 1)
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()


@pytest.fixture(params=["postgresql_18", "postgresql_15", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """A database with the tables, two sessions and a revocation."""
    with server.new_database() as database:
        create_tables(server, database)
        for session_id in ("session", "other"):
            execute(server, database, SESSION, session_id)
        execute(server, database, REVOCATION, 1)
        yield database


def times(server: Server, database: str, session_id: str) -> Any:
    """Return the times of a session."""
    columns = "started_at, rotated_at, idle_expires_at, expires_at"
    [row] = execute(server, database, f"SELECT {columns} FROM tokenauth_session WHERE session_id = %s", session_id)
    return row


def test_the_age_of_revocations_is_given_in_milliseconds() -> None:
    server = MagicMock()

    revocation_ager(server, "tests")(timedelta(seconds=3))

    assert "(3000,)" in str(server.mock_calls)


@pytest.mark.once
@pytest.mark.slow
def test_a_session_grows_older_by_a_duration(server: Server, database: str) -> None:
    ager(server, database)("session", timedelta(seconds=1))

    assert times(server, database, "session") == (9_000, None, 29_000, 39_000)


@pytest.mark.once
@pytest.mark.slow
def test_another_session_does_not_grow_older(server: Server, database: str) -> None:
    ager(server, database)("session", timedelta(seconds=1))

    assert times(server, database, "other") == (10_000, None, 30_000, 40_000)


@pytest.mark.once
@pytest.mark.slow
def test_revocations_grow_older_by_a_duration(server: Server, database: str) -> None:
    revocation_ager(server, database)(timedelta(seconds=1))

    assert execute(server, database, "SELECT expires_at FROM tokenauth_revocation") == [(19_000,)]


@pytest.mark.once
@pytest.mark.slow
def test_the_generation_of_one_session_is_set(server: Server, database: str) -> None:
    generation_setter(server, database)("session", 7)

    rows = execute(server, database, "SELECT generation FROM tokenauth_session ORDER BY session_id")
    assert rows == [(0,), (7,)]


@pytest.mark.once
@pytest.mark.slow
def test_a_copy_that_is_put_back_has_the_old_rows_alone(server: Server, database: str) -> None:
    put_back = copier(server, database)()
    execute(server, database, "DELETE FROM tokenauth_session")
    execute(server, database, REVOCATION, 2)

    put_back()

    assert len(execute(server, database, "SELECT session_id FROM tokenauth_session")) == 2
    assert len(execute(server, database, "SELECT id FROM tokenauth_revocation")) == 1


@pytest.mark.once
@pytest.mark.slow
def test_a_wiped_store_is_empty_and_other_tables_stay(
    server: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MagicMock()
    store.return_value.create.side_effect = lambda: create_tables(server, database)
    monkeypatch.setattr("tests.stores.server_kit.SQLStore", store)
    execute(server, database, "CREATE TABLE others (number int)")

    wiper(server, database)()

    assert execute(server, database, "SELECT session_id FROM tokenauth_session") == []
    assert execute(server, database, "SELECT number FROM others") == []
    store.assert_called_once_with(server.url(database))
