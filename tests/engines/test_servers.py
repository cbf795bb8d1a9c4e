"""The servers of the tests start, die, come back with their data, and end with the test run."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ..servers.starting import ROOT
from .mariadb import MariaDB
from .postgresql import PostgreSQL, find_embedded
from .proxy import Proxy
from .server import LOCAL, PATIENCE, Server, ServerFailed

ENGINES = ["postgresql_18", "postgresql_15", "mariadb"]

DATABASES = {"postgresql": "SELECT datname FROM pg_database", "mysql": "SHOW DATABASES"}

# A process that starts a server, says so, and waits to be killed.
PARENT = """
import sys
from tests.engines.fixtures import MariaDB, PostgreSQL, find, find_debian, find_embedded

programs = {
    "postgresql_18": lambda: PostgreSQL(find_embedded()),
    "postgresql_15": lambda: PostgreSQL(find_debian()),
    "mariadb": lambda: MariaDB(find("mariadbd"), find("mariadb-install-db")),
}
with programs[sys.argv[1]]() as server:
    print(server.process.pid, server._watchdog.pid, server.folder, flush=True)
    sys.stdin.read()
"""


class Broken(PostgreSQL):
    """A server that cannot be installed."""

    def prepare(self) -> None:
        self.run("sh", "-c", "echo no space left; exit 1")


@pytest.fixture(params=ENGINES)
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(params=ENGINES[:2])
def postgresql(request: pytest.FixtureRequest) -> PostgreSQL:
    server: PostgreSQL = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    with server.new_database() as database:
        yield database


def ask(connection: Any, statement: str) -> Any:
    """Return the first value of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def keep_a_row(connection: Any) -> None:
    """Commit a table with one row."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (number int)")
        cursor.execute("INSERT INTO kept VALUES (1)")
    connection.commit()


def test_a_server_that_cannot_be_installed_shows_the_reason() -> None:
    with ExitStack() as stack, pytest.raises(ServerFailed, match="no space left"):
        stack.enter_context(Broken(Path()))


def test_a_server_that_cannot_be_installed_leaves_no_folder() -> None:
    server = Broken(Path())

    with ExitStack() as stack, pytest.raises(ServerFailed):
        stack.enter_context(server)

    assert not server.folder.exists()


@pytest.mark.once
@pytest.mark.slow
def test_the_postgresql_of_the_package_is_18(postgresql_18: PostgreSQL) -> None:
    assert postgresql_18.execute("SHOW server_version")[0][0].startswith("18.")


@pytest.mark.once
@pytest.mark.slow
def test_debians_postgresql_is_another_version(postgresql_15: PostgreSQL) -> None:
    assert not postgresql_15.execute("SHOW server_version")[0][0].startswith("18.")


@pytest.mark.once
@pytest.mark.slow
def test_mariadb_names_itself(mariadb: MariaDB) -> None:
    assert "MariaDB" in mariadb.execute("SELECT version()")[0][0]


@pytest.mark.once
@pytest.mark.slow
def test_the_user_of_the_tests_creates_tables_in_a_new_database(server: Server, database: str) -> None:
    with server.connect(database) as connection:
        keep_a_row(connection)

        assert ask(connection, "SELECT number FROM kept") == 1


@pytest.mark.once
@pytest.mark.slow
def test_each_new_database_is_empty(server: Server) -> None:
    for _ in range(2):
        with server.new_database() as database, server.connect(database) as connection:
            keep_a_row(connection)  # fails if the table is there


@pytest.mark.once
@pytest.mark.slow
def test_the_user_of_the_tests_creates_no_role(server: Server, database: str) -> None:
    with server.connect(database) as connection, pytest.raises(Exception, match=r"(?i)denied"):
        ask(connection, "CREATE ROLE more")


@pytest.mark.once
@pytest.mark.slow
def test_a_wrong_password_opens_no_connection(server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{type(server).__module__}.PASSWORD", "wrong")

    with pytest.raises(Exception, match=r"(?i)password"):
        server.connect(database)


@pytest.mark.once
@pytest.mark.slow
def test_the_url_names_the_database_and_the_port(server: Server) -> None:
    assert server.url("tokens").endswith(f"@{LOCAL}:{server.port}/tokens")


@pytest.mark.once
@pytest.mark.slow
def test_a_database_in_the_middle_of_a_transaction_is_dropped(server: Server) -> None:
    with server.new_database() as database:
        connection = server.connect(database)
        keep_a_row(connection)
        ask(connection, "SELECT number FROM kept FOR UPDATE")

    assert database not in str(server.execute(DATABASES[server.scheme]))
    connection.close()


@pytest.mark.once
@pytest.mark.slow
def test_a_killed_server_has_what_was_committed_when_it_is_back(server: Server, database: str) -> None:
    with server.connect(database) as connection:
        keep_a_row(connection)

    server.kill()
    server.start()

    assert server.execute("SELECT number FROM kept", database=database)[0][0] == 1


@pytest.mark.once
@pytest.mark.slow
def test_a_stopped_server_comes_back_on_the_same_port(server: Server, database: str) -> None:
    server.stop()
    server.start()

    with server.connect(database) as connection:
        assert ask(connection, "SELECT 1") == 1


@pytest.mark.once
@pytest.mark.slow
def test_a_new_database_starts_a_server_that_is_stopped(server: Server) -> None:
    server.stop()

    with server.new_database() as database:
        assert server.execute("SELECT 1", database=database)[0][0] == 1


@pytest.mark.once
@pytest.mark.slow
def test_a_killed_server_ends_the_connections(server: Server, database: str) -> None:
    connection = server.connect(database)
    try:
        server.kill()

        with pytest.raises(Exception, match=r"(?i)connection|gone away"):
            ask(connection, "SELECT 1")
    finally:
        server.start()


@pytest.mark.once
@pytest.mark.slow
def test_a_server_that_does_not_start_shows_its_last_words(server: Server) -> None:
    server.stop()
    try:
        with pytest.raises(ServerFailed, match="nonsense"):
            server.start("--nonsense")
    finally:
        server.start()


@pytest.mark.once
@pytest.mark.slow
def test_a_server_starts_with_more_options(mariadb: MariaDB) -> None:
    mariadb.stop()
    mariadb.start("--read-only")
    read_only = mariadb.execute("SELECT @@global.read_only")
    mariadb.stop()
    mariadb.start()

    assert [read_only[0][0], mariadb.execute("SELECT @@global.read_only")[0][0]] == [1, 0]


@pytest.mark.once
@pytest.mark.slow
def test_a_server_starts_in_another_time_zone(mariadb: MariaDB) -> None:
    mariadb.stop()
    mariadb.start(TZ="Europe/Berlin")
    zone = mariadb.execute("SELECT @@system_time_zone")[0][0]
    mariadb.stop()
    mariadb.start()

    assert zone in {"CET", "CEST"}


@pytest.mark.once
@pytest.mark.slow
def test_a_demoted_postgresql_is_a_replica_until_it_is_promoted(postgresql: PostgreSQL) -> None:
    postgresql.demote()
    try:
        demoted = postgresql.execute("SELECT pg_is_in_recovery()")
    finally:
        postgresql.promote()

    assert [demoted, postgresql.execute("SELECT pg_is_in_recovery()")] == [[(True,)], [(False,)]]


@pytest.mark.once
@pytest.mark.slow
def test_a_copy_of_the_installation_runs_as_the_servers_user(postgresql_18: PostgreSQL) -> None:
    programs = find_embedded()
    assert programs is not None

    copy = postgresql_18.copy(programs)

    postgresql_18.run(copy / "initdb", "--pgdata", postgresql_18.folder / "second", "--no-sync")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_and_its_folder_end_with_a_parent_that_is_killed(engine: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(engine)  # skips the test where there is no server
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, engine],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with parent:
        assert parent.stdout is not None
        server, watchdog, folder = parent.stdout.readline().split()
        ends = [os.pidfd_open(int(pid)) for pid in (server, watchdog)]
        parent.send_signal(signal.SIGKILL)

        for end in ends:
            assert select.select([end], [], [], PATIENCE)[0]
            os.close(end)
        assert not Path(folder).exists()


@pytest.mark.once
@pytest.mark.slow
def test_a_query_waits_until_the_proxy_goes_on(server: Server, database: str) -> None:
    with Proxy(server.port) as proxy, server.connect(database, port=proxy.port) as connection:
        proxy.answers.stall(after=1)
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(ask, connection, "SELECT 1")
            assert proxy.answers.held.wait(PATIENCE)
            assert not answer.done()
            proxy.go_on()

            assert answer.result(PATIENCE) == 1


@pytest.mark.once
@pytest.mark.slow
def test_a_query_fails_when_the_proxy_cuts_its_answer(server: Server, database: str) -> None:
    with Proxy(server.port) as proxy, ThreadPoolExecutor() as pool:
        connection = server.connect(database, port=proxy.port)
        proxy.answers.stall(after=1)
        answer = pool.submit(ask, connection, "SELECT 1")
        assert proxy.answers.held.wait(PATIENCE)
        proxy.cut()

        with pytest.raises(Exception, match=r"(?i)connection|gone away"):
            answer.result(PATIENCE)
