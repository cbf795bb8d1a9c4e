"""Connections of psycopg end with the time limit, wherever the server or a proxy stands still."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from ctypes.util import find_library
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.time_limit import remaining, time_limit

from ....engines.postgresql import PostgreSQL
from ....engines.proxy import Proxy
from ....engines.server import LOCAL, PASSWORD, PATIENCE, USER
from ....servers.starting import ROOT
from ...conftest import Limited

pytest.importorskip("psycopg")

import psycopg
from psycopg.rows import dict_row

from flask_tokenauth.stores.sql.postgresql import connecting
from flask_tokenauth.stores.sql.postgresql.connecting import TimeLimitExceeded, connect, keep_limit

Open = Callable[..., Any]

# Two greenlets: one asks a server that does not answer, the other one asks the real server meanwhile.
GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys
import gevent, psycopg
from flask_tokenauth.stores.sql.postgresql.connecting import connect
from flask_tokenauth.core.time_limit import time_limit

def ask_silent():
    try:
        with time_limit(3):
            connect(sys.argv[1])
    except psycopg.OperationalError as error:
        print(type(error).__name__, flush=True)

def ask_real():
    with connect(sys.argv[2]) as connection:
        print(connection.execute("SELECT 1").fetchone()[0], flush=True)

gevent.joinall([gevent.spawn(ask_silent), gevent.spawn(ask_real)], raise_error=True)
"""

PURE = """
import sys
import psycopg
from flask_tokenauth.stores.sql.postgresql.connecting import connect
from flask_tokenauth.core.time_limit import time_limit

print(psycopg.pq.__impl__)
with connect(sys.argv[2]) as connection:
    print(connection.execute("SELECT 1").fetchone()[0])
    try:
        with time_limit(0.2):
            connection.execute("SELECT pg_sleep(60)")
    except psycopg.OperationalError as error:
        print(type(error).__name__, connection.closed)
try:
    with time_limit(0.2):
        connect(sys.argv[1])
except psycopg.OperationalError as error:
    print(type(error).__name__)
"""


def run(program: str, *arguments: str, **environ: str) -> list[str]:
    """Run a program in a new process and return the lines that it prints."""
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def parameters(port: int | str, database: str = "tests") -> dict[str, Any]:
    return {"host": LOCAL, "port": port, "user": USER, "password": PASSWORD, "dbname": database}


def conninfo(port: int, database: str = "tests") -> str:
    return psycopg.conninfo.make_conninfo("", **parameters(port, database))


@pytest.fixture
def database(postgresql_18: PostgreSQL) -> Iterator[str]:
    with postgresql_18.new_database() as database:
        yield database


@pytest.fixture
def proxy(limited: Limited, postgresql_18: PostgreSQL, database: str) -> Iterator[Proxy]:
    with Proxy(postgresql_18.port) as proxy:
        yield proxy


@pytest.fixture(params=["own", "adapted"])
def connection(request: pytest.FixtureRequest, proxy: Proxy, database: str) -> Iterator[Any]:
    """A connection through the proxy, opened by ``connect``, or by psycopg."""
    opens = {"own": connect, "adapted": psycopg.connect}
    with closing(opens[request.param](**parameters(proxy.port, database))) as connection:
        keep_limit(connection)
        yield connection


class Attempts:
    """The attempts to open a connection, each of which fails."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.parameters: list[dict[str, Any]] = []

    def open(self, conninfo: str) -> Any:
        self.seconds.append(remaining())
        self.parameters.append(psycopg.conninfo.conninfo_to_dict(conninfo))
        raise psycopg.OperationalError


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> Attempts:
    attempts = Attempts()
    monkeypatch.setattr(connecting, "_open", attempts.open)
    return attempts


def try_to_connect(**parameters: Any) -> None:
    with time_limit(120), pytest.raises(psycopg.OperationalError):
        connect(**parameters)


def test_a_server_that_never_answers_ends_the_connecting(limited: Limited, silent_port: int) -> None:
    with pytest.raises(TimeLimitExceeded):
        limited(lambda: connect(**parameters(silent_port)))


def test_a_port_where_no_server_listens_is_an_error_of_the_driver(silent: socket.socket, silent_port: int) -> None:
    silent.close()

    with pytest.raises(psycopg.OperationalError, match="refused"):
        connect(**parameters(silent_port))


def test_a_parameter_that_libpq_refuses_is_an_error_of_the_driver() -> None:
    with pytest.raises(psycopg.OperationalError, match="nonsense"):
        connect(sslmode="nonsense", **parameters(1))


def test_an_interrupted_connecting_leaves_no_connection(
    silent: socket.socket, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connecting, "wait_until_ready", interrupt)
    with pytest.raises(KeyboardInterrupt) as raised:
        connect(**parameters(silent_port))

    with silent.accept()[0] as accepted:
        accepted.settimeout(PATIENCE)
        assert accepted.recv(1) == b""
    assert raised.traceback  # it keeps the connection from being freed, which would close it too


def test_each_host_gets_its_share_of_the_time_that_is_left(attempts: Attempts) -> None:
    try_to_connect(host="127.0.0.1,127.0.0.2,127.0.0.3")

    assert attempts.seconds == pytest.approx([40, 60, 120], abs=15)


def test_each_address_of_a_host_gets_its_share(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 5432)) for address in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    try_to_connect(host="database.example")

    assert attempts.seconds == pytest.approx([60, 120], abs=15)


def test_a_shorter_time_to_connect_counts_for_each_host(attempts: Attempts) -> None:
    try_to_connect(host="127.0.0.1,127.0.0.2", connect_timeout=5)

    assert max(attempts.seconds) <= 5


def test_of_several_hosts_the_one_that_accepts_writes_is_wanted(attempts: Attempts) -> None:
    try_to_connect(host="127.0.0.1,127.0.0.2")

    assert [attempt["target_session_attrs"] for attempt in attempts.parameters] == ["read-write"] * 2


def test_another_kind_of_host_can_be_wanted(attempts: Attempts) -> None:
    try_to_connect(host="127.0.0.1,127.0.0.2", target_session_attrs="primary")

    assert [attempt["target_session_attrs"] for attempt in attempts.parameters] == ["primary"] * 2


def test_a_single_host_is_taken_as_it_is(attempts: Attempts) -> None:
    """Whether it is a replica, the store finds out itself, and then says so."""
    try_to_connect(host="127.0.0.1")

    assert "target_session_attrs" not in attempts.parameters[0]


def test_only_connections_of_psycopg_can_keep_the_limit() -> None:
    with pytest.raises(SettingsError, match="must return a connection of psycopg 3, got an object of type str"):
        keep_limit("connection")


def test_a_connection_out_of_a_pool_is_given_back() -> None:
    """The application would get it back with the settings of the store."""
    pool = Mock()
    connection = Mock(spec=psycopg.Connection, _pool=pool)

    with pytest.raises(SettingsError, match="takes one from a pool of psycopg: set TOKENAUTH_STORE to the URL"):
        keep_limit(connection)

    pool.putconn.assert_called_once_with(connection)


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("passed", [0, 5, 100])
def test_a_handshake_that_stands_still_ends(limited: Limited, proxy: Proxy, database: str, passed: int) -> None:
    proxy.answers.stall(after=passed)

    with pytest.raises(TimeLimitExceeded):
        limited(lambda: connect(**parameters(proxy.port, database)))


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("passed", [0, 1, 20])
def test_an_answer_that_stands_still_ends(limited: Limited, proxy: Proxy, connection: Any, passed: int) -> None:
    proxy.answers.stall(after=passed)

    with pytest.raises(TimeLimitExceeded):
        limited(lambda: connection.execute("SELECT repeat('x', 1000)"))


@pytest.mark.dependencies
@pytest.mark.slow
def test_an_answer_that_trickles_ends(limited: Limited, proxy: Proxy, connection: Any) -> None:
    proxy.answers.trickle()

    with pytest.raises(TimeLimitExceeded):
        limited(lambda: connection.execute("SELECT repeat('x', 10000000)"))


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_statement_that_the_server_does_not_take_ends(limited: Limited, proxy: Proxy, connection: Any) -> None:
    proxy.requests.stall()

    with pytest.raises(TimeLimitExceeded):
        limited(lambda: connection.execute("SELECT length(%s)", ["x" * 30_000_000]))


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_connection_whose_time_is_over_is_closed(limited: Limited, proxy: Proxy, connection: Any) -> None:
    proxy.answers.stall()
    with pytest.raises(TimeLimitExceeded):
        limited(lambda: connection.execute("SELECT 1"))

    assert connection.closed


@pytest.mark.dependencies
@pytest.mark.slow
def test_an_interrupted_statement_closes_the_connection(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connecting, "wait_until_ready", interrupt)
    with pytest.raises(KeyboardInterrupt):
        connection.execute("SELECT 1")

    assert connection.closed


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_statement_that_the_server_refuses_leaves_the_connection_open(connection: Any) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("SELECT 1/0")

    assert not connection.closed


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_large_answer_arrives_within_the_limit(limited: Limited, connection: Any) -> None:
    answer = limited(lambda: connection.execute("SELECT repeat('x', 10000000)").fetchone(), seconds=PATIENCE)

    assert len(answer[0]) == 10_000_000


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_dead_first_host_leaves_time_for_the_second_one(
    limited: Limited, postgresql_18: PostgreSQL, database: str, silent_port: int
) -> None:
    hosts = parameters(f"{silent_port},{postgresql_18.port}", database) | {"host": f"{LOCAL},{LOCAL}"}

    with limited(lambda: connect(**hosts), seconds=4) as connection:
        assert connection.info.port == postgresql_18.port


@pytest.mark.dependencies
@pytest.mark.slow
def test_sqlalchemy_opens_a_new_connection_after_the_time_was_over(
    limited: Limited, proxy: Proxy, database: str
) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(**parameters(proxy.port, database)))

    def ask() -> Any:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1")).scalar_one()

    ask()
    proxy.answers.stall()
    with pytest.raises(DBAPIError) as raised:
        limited(ask)
    proxy.go_on()

    assert [raised.value.connection_invalidated, ask()] == [True, 1]
    engine.dispose()


@pytest.mark.dependencies
@pytest.mark.slow
def test_the_parameters_of_psycopg_count(postgresql_18: PostgreSQL, database: str) -> None:
    class Cursor(psycopg.Cursor[Any]):
        pass

    adapters = psycopg.adapt.AdaptersMap(psycopg.adapters)
    adapters.register_loader("int4", psycopg.types.string.TextLoader)
    with connect(
        conninfo(postgresql_18.port, database), autocommit=True, prepare_threshold=None, row_factory=dict_row,
        cursor_factory=Cursor, context=adapters, application_name="tests",
    ) as connection:  # fmt: skip
        answer = connection.execute("SELECT current_setting('application_name') AS name, 1 AS number").fetchone()

        assert answer == {"name": "tests", "number": "1"}
        assert [connection.autocommit, connection.prepare_threshold] == [True, None]
        assert isinstance(connection.cursor(), Cursor)


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_socket_above_1024_is_waited_for(limited: Limited, postgresql_18: PostgreSQL, database: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_000), hard))
    with ExitStack() as stack:
        for _ in range(1_100):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        with limited(lambda: connect(**parameters(postgresql_18.port, database)), seconds=PATIENCE) as connection:
            assert connection.pgconn.socket > 1024
            with pytest.raises(TimeLimitExceeded):
                limited(lambda: connection.execute("SELECT pg_sleep(60)"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_green_thread_that_waits_does_not_stop_another_one(
    postgresql_18: PostgreSQL, database: str, silent_port: int
) -> None:
    printed = run(GREENLETS, conninfo(silent_port), conninfo(postgresql_18.port, database))

    assert printed == ["1", "TimeLimitExceeded"]


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.skipif(find_library("pq") is None, reason="there is no libpq here")
def test_psycopg_in_pure_python_keeps_the_limit(postgresql_18: PostgreSQL, database: str, silent_port: int) -> None:
    printed = run(PURE, conninfo(silent_port), conninfo(postgresql_18.port, database), PSYCOPG_IMPL="python")

    assert printed == ["python", "1", "TimeLimitExceeded True", "TimeLimitExceeded"]
