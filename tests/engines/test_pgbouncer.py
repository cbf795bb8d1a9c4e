"""PgBouncer hands the connections to the server from client to client, one transaction each."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from .pgbouncer import CONNECTIONS, PgBouncer
from .postgresql import PostgreSQL
from .server import LOCAL, PASSWORD


@pytest.fixture
def database(pgbouncer: PgBouncer) -> Iterator[str]:
    with pgbouncer.server.new_database() as database:
        yield database


def ask(connection: Any, statement: str) -> Any:
    """Return the first value of the first row, in a transaction of its own."""
    with connection.transaction():
        return connection.execute(statement).fetchone()[0]


def test_the_settings_name_the_port_of_the_server() -> None:
    with closing(PostgreSQL(Path())) as server, closing(PgBouncer(server, Path())) as bouncer:
        bouncer.prepare()

        assert f"* = host={LOCAL} port={server.port}\n" in bouncer.settings.read_text()


@pytest.mark.once
@pytest.mark.slow
def test_many_clients_share_few_connections_to_the_server(pgbouncer: PgBouncer, database: str) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(pgbouncer.connect(database)) for _ in range(CONNECTIONS + 3)]

        assert len({ask(client, "SELECT pg_backend_pid()") for client in clients}) <= CONNECTIONS


@pytest.mark.once
@pytest.mark.slow
def test_a_setting_of_a_session_reaches_another_client(pgbouncer: PgBouncer, database: str) -> None:
    with pgbouncer.connect(database) as first, pgbouncer.connect(database) as second:
        ask(first, "SELECT set_config('lock_timeout', '7s', false)")

        assert ask(second, "SHOW lock_timeout") == "7s"


@pytest.mark.once
@pytest.mark.slow
def test_a_wrong_password_opens_no_connection_to_the_pool(
    pgbouncer: PgBouncer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.engines.postgresql.PASSWORD", "wrong")

    with pytest.raises(Exception, match="SASL authentication failed"):
        pgbouncer.connect(database)


@pytest.mark.once
@pytest.mark.slow
def test_the_url_names_the_port_of_the_pool(pgbouncer: PgBouncer) -> None:
    assert pgbouncer.url("tokens").endswith(f":{PASSWORD}@{LOCAL}:{pgbouncer.port}/tokens")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("end", [PgBouncer.kill, PgBouncer.stop])
def test_a_pool_that_has_ended_comes_back_on_the_same_port(end: Any, pgbouncer: PgBouncer, database: str) -> None:
    end(pgbouncer)
    pgbouncer.start()

    with pgbouncer.connect(database) as client:
        assert ask(client, "SELECT 1") == 1


@pytest.mark.once
@pytest.mark.slow
def test_the_pool_goes_on_after_the_server_was_killed(pgbouncer: PgBouncer, database: str) -> None:
    with pgbouncer.connect(database) as client:
        ask(client, "SELECT 1")

    pgbouncer.server.kill()
    pgbouncer.server.start()

    with pgbouncer.connect(database) as client:
        assert ask(client, "SELECT 1") == 1
