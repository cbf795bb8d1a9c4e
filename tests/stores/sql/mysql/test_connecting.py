"""Connections of PyMySQL end with the time limit, wherever the server or a proxy stands still."""

import os
import socket
import ssl
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.sql import SQLStore

from ....engines.mariadb import MariaDB
from ....engines.proxy import Proxy
from ....engines.server import LOCAL, PASSWORD, PATIENCE, USER
from ....servers.starting import ROOT
from ...conftest import Limited
from ...sqlite_kit import engine_of

pytest.importorskip("pymysql")

import pymysql

from flask_tokenauth.stores.sql.mysql import connecting, dialect
from flask_tokenauth.stores.sql.mysql.connecting import LimitedConnection, connect, keep_limit

OVER = "within the time limit"

# Two greenlets: one asks a server that does not answer, the other one asks the real server meanwhile.
GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys
import gevent, pymysql
from flask_tokenauth.stores.sql.mysql.connecting import connect
from flask_tokenauth.core.time_limit import time_limit

silent, real, user, password, database = sys.argv[1:]

def ask_silent():
    try:
        with time_limit(3):
            connect(host="127.0.0.1", port=int(silent))
    except pymysql.OperationalError as error:
        print(error.args[0], flush=True)

def ask_real():
    with connect(host="127.0.0.1", port=int(real), user=user, password=password, database=database) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        print(cursor.fetchone()[0], flush=True)

gevent.joinall([gevent.spawn(ask_silent), gevent.spawn(ask_real)], raise_error=True)
"""


def parameters(port: int, database: str | None = None) -> dict[str, Any]:
    return {"host": LOCAL, "port": port, "user": USER, "password": PASSWORD, "database": database}


def ask(connection: Any, statement: str, *values: Any) -> Any:
    """Return the first value of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


@pytest.fixture
def database(mariadb: MariaDB) -> Iterator[str]:
    with mariadb.new_database() as database:
        yield database


@pytest.fixture
def proxy(limited: Limited, mariadb: MariaDB, database: str) -> Iterator[Proxy]:
    with Proxy(mariadb.port) as proxy:
        yield proxy


@pytest.fixture(params=["own", "adapted"])
def connection(request: pytest.FixtureRequest, proxy: Proxy, database: str) -> Iterator[Any]:
    """A connection through the proxy, opened by ``connect``, or by PyMySQL."""
    opens: dict[str, Any] = {"own": connect, "adapted": pymysql.connect}
    connection = opens[request.param](**parameters(proxy.port, database), autocommit=True)
    keep_limit(connection)
    yield connection
    with suppress(pymysql.Error):  # it is closed
        connection.close()


@pytest.fixture
def full() -> Iterator[int]:
    """The port of a server whose queue of new connections is full: the system does not answer for it."""
    with ExitStack() as stack, socket.create_server((LOCAL, 0), backlog=0) as listening:
        port: int = listening.getsockname()[1]
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex((LOCAL, port))
        yield port


def resolve_to(*ports: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each host name have one address for each port."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (LOCAL, port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def test_a_server_that_never_answers_ends_the_connecting(limited: Limited, silent_port: int) -> None:
    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: connect(**parameters(silent_port)))


def test_no_time_at_all_is_over_before_the_connecting(limited: Limited, silent_port: int) -> None:
    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: connect(**parameters(silent_port)), seconds=0)


def test_a_server_that_does_not_accept_ends_the_connecting(limited: Limited, full: int) -> None:
    with pytest.raises(pymysql.OperationalError, match=f"timed out|{OVER}"):
        limited(lambda: connect(**parameters(full)))


def test_a_shorter_time_to_connect_counts(limited: Limited, full: int) -> None:
    with pytest.raises(pymysql.OperationalError, match="timed out"):
        limited(lambda: connect(**parameters(full), connect_timeout=0.1), seconds=PATIENCE * 2)


def test_a_shorter_time_to_read_counts(limited: Limited, silent_port: int) -> None:
    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: connect(**parameters(silent_port), read_timeout=0.1), seconds=PATIENCE * 2)


def test_a_port_where_no_server_listens_is_an_error_of_the_driver(silent: socket.socket, silent_port: int) -> None:
    silent.close()

    with pytest.raises(pymysql.OperationalError, match="refused"):
        connect(**parameters(silent_port))


def test_a_host_that_is_unknown_is_an_error_of_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", find_nothing)

    with pytest.raises(pymysql.OperationalError, match="Can't connect"):
        connect(host="database.example")


def test_an_interrupted_connecting_leaves_no_connection(
    silent: socket.socket, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connecting, "run_when_ready", interrupt)
    with pytest.raises(KeyboardInterrupt):
        connect(**parameters(silent_port))

    with silent.accept()[0] as accepted:
        accepted.settimeout(PATIENCE)
        assert accepted.recv(1) == b""


def test_an_interruption_before_the_server_accepts_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Interrupted(socket.socket):
        def connect(self, address: object) -> None:
            raise KeyboardInterrupt

        def close(self) -> None:
            closed.append(self)
            super().close()

    monkeypatch.setattr(socket, "socket", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        connect(**parameters(1))

    assert len(closed) == 1


def test_only_connections_of_pymysql_can_keep_the_limit() -> None:
    with pytest.raises(SettingsError, match="must return a connection of PyMySQL, got an object of type str"):
        keep_limit("connection")


def test_a_subclass_of_the_application_stays_one() -> None:
    class Own(pymysql.connections.Connection):
        pass

    connection = Own(defer_connect=True)
    keep_limit(connection)

    assert isinstance(connection, Own)


def test_connections_without_options_for_tls_read_the_certificates_of_the_system_once() -> None:
    first, second = (LimitedConnection(defer_connect=True) for _ in range(2))

    assert first.ctx is second.ctx
    assert isinstance(first.ctx, ssl.SSLContext)


def test_a_connection_that_checks_the_certificate_has_a_context_of_its_own() -> None:
    plain, *checking = (LimitedConnection(defer_connect=True, ssl_verify_cert=check) for check in (None, True, True))

    contexts = [connection.ctx for connection in checking if isinstance(connection.ctx, ssl.SSLContext)]
    assert [context.verify_mode for context in contexts] == [ssl.CERT_REQUIRED, ssl.CERT_REQUIRED]
    assert len({id(context) for context in (plain.ctx, *contexts)}) == 3


def test_a_connection_is_adapted_once() -> None:
    connection = pymysql.connect(defer_connect=True)
    keep_limit(connection)
    kind = type(connection)

    keep_limit(connection)

    assert type(connection) is kind


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("passed", [0, 5, 100])
def test_a_handshake_that_stands_still_ends(limited: Limited, proxy: Proxy, database: str, passed: int) -> None:
    proxy.answers.stall(after=passed)

    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: connect(**parameters(proxy.port, database)))


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("passed", [0, 1, 20])
def test_an_answer_that_stands_still_ends(limited: Limited, proxy: Proxy, connection: Any, passed: int) -> None:
    proxy.answers.stall(after=passed)

    with pytest.raises(pymysql.OperationalError, match=rf"2013.*{OVER}"):
        limited(lambda: ask(connection, "SELECT repeat('x', 1000)"))


@pytest.mark.dependencies
@pytest.mark.slow
def test_an_answer_that_trickles_ends(limited: Limited, proxy: Proxy, connection: Any) -> None:
    proxy.answers.trickle()

    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: ask(connection, "SELECT repeat('x', 10000000)"))


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_statement_that_the_server_does_not_take_ends(limited: Limited, proxy: Proxy, connection: Any) -> None:
    proxy.requests.stall()

    with pytest.raises(pymysql.OperationalError, match=rf"2013.*{OVER}"):
        limited(lambda: ask(connection, "SELECT length(%s)", "x" * 15_000_000))


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_statement_that_the_server_takes_slowly_ends(limited: Limited, proxy: Proxy, connection: Any) -> None:
    proxy.requests.trickle()

    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: ask(connection, "SELECT length(%s)", "x" * 15_000_000))


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_connection_whose_time_is_over_is_closed(limited: Limited, proxy: Proxy, connection: Any) -> None:
    proxy.answers.stall()
    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: ask(connection, "SELECT 1"))

    assert not connection.open


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_connection_that_the_proxy_cuts_is_closed(proxy: Proxy, connection: Any) -> None:
    proxy.cut()
    with pytest.raises(pymysql.OperationalError, match="Lost connection"):
        ask(connection, "SELECT 1")

    assert not connection.open


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("step", ["run_when_ready", "send_all"])
def test_an_interrupted_statement_closes_the_connection(
    connection: Any, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(connecting, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask(connection, "SELECT 1")

    assert not connection.open


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_statement_that_the_server_refuses_leaves_the_connection_open(connection: Any) -> None:
    with pytest.raises(pymysql.ProgrammingError):
        ask(connection, "SELECT nonsense FROM nonsense")

    assert ask(connection, "SELECT 1") == 1


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_large_answer_arrives_within_the_limit(limited: Limited, connection: Any) -> None:
    answer = limited(lambda: ask(connection, "SELECT repeat('x', 10000000)"), seconds=PATIENCE)

    assert len(answer) == 10_000_000


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_large_statement_is_sent_within_the_limit(limited: Limited, connection: Any) -> None:
    assert limited(lambda: ask(connection, "SELECT length(%s)", "x" * 9_000_000), seconds=PATIENCE) == 9_000_000


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_dead_first_address_leaves_time_for_the_second_one(
    limited: Limited, mariadb: MariaDB, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(silent_port, mariadb.port, monkeypatch=monkeypatch)

    with limited(lambda: connect(**parameters(1)), seconds=4) as connection:
        assert ask(connection, "SELECT 1") == 1


@pytest.mark.dependencies
@pytest.mark.slow
def test_an_address_that_refuses_the_password_is_the_last_one(
    limited: Limited, mariadb: MariaDB, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(mariadb.port, silent_port, monkeypatch=monkeypatch)

    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        limited(lambda: connect(**parameters(1) | {"password": "wrong"}), seconds=4)


@pytest.mark.dependencies
@pytest.mark.slow
def test_sqlalchemy_opens_a_new_connection_after_the_time_was_over(
    limited: Limited, proxy: Proxy, database: str
) -> None:
    engine = create_engine(
        "mysql+pymysql://", creator=lambda: connect(**parameters(proxy.port, database)), isolation_level="AUTOCOMMIT"
    )

    def ask_engine() -> Any:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1")).scalar_one()

    ask_engine()
    proxy.answers.stall()
    with pytest.raises(DBAPIError) as raised:
        limited(ask_engine)
    proxy.go_on()

    assert [raised.value.connection_invalidated, ask_engine()] == [True, 1]
    engine.dispose()


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_rollback_without_a_transaction_does_not_ask_the_server(proxy: Proxy, connection: Any) -> None:
    ask(connection, "SELECT 1")
    proxy.stall()

    with time_limit(0):
        connection.rollback()

    assert connection.open


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_rollback_ends_a_transaction_that_has_begun(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers (number int)")
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO numbers VALUES (1)")

    connection.rollback()

    assert ask(connection, "SELECT count(*) FROM numbers") == 0


@pytest.mark.dependencies
@pytest.mark.slow
def test_without_autocommit_a_rollback_ends_the_transaction_of_a_select(connection: Any) -> None:
    """The answer to a SELECT does not say that it has begun a transaction, which would see old rows for ever."""
    connection.autocommit(value=False)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers (number int)")
    ask(connection, "SELECT count(*) FROM numbers")
    with connect(**parameters(connection.port, connection.db.decode()), autocommit=True) as other:
        other.cursor().execute("INSERT INTO numbers VALUES (1)")

    connection.rollback()

    assert ask(connection, "SELECT count(*) FROM numbers") == 1


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_rollback_of_a_closed_connection_is_an_error(connection: Any) -> None:
    connection.close()

    with pytest.raises(pymysql.InterfaceError):
        connection.rollback()


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_closed_connection_says_goodbye(mariadb: MariaDB, database: str) -> None:
    """The server counts a connection that ends without it as aborted, and logs a warning."""
    aborted = "SHOW GLOBAL STATUS LIKE 'Aborted_clients'"
    before = mariadb.execute(aborted)
    connection = connect(**parameters(mariadb.port, database))
    number = ask(connection, "SELECT connection_id()")

    connection.close()

    session = f"SELECT id FROM information_schema.processlist WHERE id = {number}"
    deque(iter(lambda: mariadb.execute(session), []), maxlen=0)  # waits until the server has ended it
    assert mariadb.execute(aborted) == before


def test_a_closed_connection_can_be_closed_again() -> None:
    connection = LimitedConnection(defer_connect=True)
    connection.close()

    connection.close()

    assert not connection.open


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_connection_that_cannot_be_set_up_leaves_no_words_of_the_driver_in_the_log(
    mariadb: MariaDB, database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(SQLStore(mariadb.url(database))) as store:
        store.create()
        with engine_of(store).connect() as connection:
            connection.invalidate()
        monkeypatch.setattr(dialect, "_SET_UP", ["nonsense"])

        with pytest.raises(StoreUnavailable, match="MariaDB reports 1064"):
            store.find_session("session")

    assert caplog.messages == []


@pytest.mark.dependencies
@pytest.mark.slow
def test_to_close_a_connection_does_not_wait_for_the_server(limited: Limited, proxy: Proxy, connection: Any) -> None:
    """Its message would be the last one in buffers that are full."""
    proxy.requests.stall()
    connection._sock.settimeout(0)
    with suppress(BlockingIOError):
        while True:
            connection._sock.send(bytes(2**16))

    limited(connection.close, seconds=PATIENCE * 2)

    assert not connection.open


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_unix_socket_is_opened(mariadb: MariaDB) -> None:
    with connect(unix_socket=mariadb.socket, user="root") as connection:
        assert [connection._secure, ask(connection, "SELECT 1")] == [True, 1]


@pytest.mark.dependencies
@pytest.mark.slow
def test_the_own_address_can_be_given(mariadb: MariaDB, database: str) -> None:
    with connect(**parameters(mariadb.port, database), bind_address=LOCAL) as connection:
        assert connection._sock.getsockname()[0] == LOCAL


@pytest.mark.dependencies
@pytest.mark.slow
def test_an_open_socket_can_be_given(mariadb: MariaDB, database: str) -> None:
    connection = pymysql.connect(**parameters(1, database), defer_connect=True)
    keep_limit(connection)

    connection.connect(socket.create_connection((LOCAL, mariadb.port)))

    with closing(connection):
        assert ask(connection, "SELECT 1") == 1


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_connection_is_opened_even_if_it_would_be_deferred(mariadb: MariaDB, database: str) -> None:
    with connect(**parameters(mariadb.port, database), defer_connect=True) as connection:
        assert connection.open


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_green_thread_that_waits_does_not_stop_another_one(mariadb: MariaDB, database: str, silent_port: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", GREENLETS, str(silent_port), str(mariadb.port), USER, PASSWORD, database],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip

    assert ran.stdout.split() == ["1", "2013"], ran.stderr
