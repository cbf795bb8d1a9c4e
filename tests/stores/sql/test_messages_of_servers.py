"""An outage of a real server: its message says what to do, and has no password, user, host or statement in it."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, NoReturn

import pytest
from sqlalchemy import make_url

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import start

from ...engines.mariadb import MariaDB
from ...engines.server import LOCAL, PASSWORD, USER, Server, find_port
from ..server_kit import execute

pytest.importorskip("psycopg")
pytest.importorskip("pymysql")

import psycopg
from pymysql.err import OperationalError

from flask_tokenauth.stores.sql.mysql import errors as mysql_errors
from flask_tokenauth.stores.sql.postgresql import errors as postgresql_errors

Break = Callable[[Server, str, ExitStack, pytest.MonkeyPatch], str]
WRONG = "hunter2"
USER_ID = "alice-in-chains"


def url_with(server: Server, database: str, **changes: Any) -> str:
    """Return the URL of a database with changes."""
    return make_url(server.url(database)).set(**changes).render_as_string(hide_password=False)


def drop_column(server: Server, database: str, _: ExitStack, __: pytest.MonkeyPatch) -> str:
    execute(server, database, "ALTER TABLE tokenauth_session DROP COLUMN label")
    return server.url(database)


def find_no_host(server: Server, database: str, _: ExitStack, monkeypatch: pytest.MonkeyPatch) -> str:
    def fail(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    return url_with(server, database, host="db.invalid")


def allow_no_connection(server: Server, database: str, stack: ExitStack, _: pytest.MonkeyPatch) -> str:
    """Let the user have one connection, which another process has."""
    if isinstance(server, MariaDB):
        allow, lift = (f"ALTER USER {USER}@'{LOCAL}' WITH MAX_USER_CONNECTIONS {most}" for most in (1, 0))
    else:
        allow, lift = (f"ALTER ROLE {USER} CONNECTION LIMIT {most}" for most in (1, -1))
    server.execute(allow)
    stack.callback(server.execute, lift)
    stack.enter_context(closing(server.connect(database)))
    return server.url(database)


def take_all_connections(server: Server, database: str, stack: ExitStack, __: pytest.MonkeyPatch) -> str:
    if isinstance(server, MariaDB):
        server.execute("SET GLOBAL max_connections = 10")
        stack.callback(server.execute, "SET GLOBAL max_connections = 120")
        free = 10
    else:
        server.stop()
        server.start("-c", "max_connections=14", "-c", "max_wal_senders=0", "-c", "superuser_reserved_connections=3")
        stack.callback(server.start)
        stack.callback(server.stop)
        free = 11
    for _ in range(free):
        stack.enter_context(closing(server.connect(database)))
    return server.url(database)


BREAKS: dict[str, tuple[Break, str]] = {
    "password": (
        lambda server, database, *_: url_with(server, database, password=WRONG),
        "the user or the password is wrong|check the user and the password",
    ),
    "no password": (
        lambda server, database, *_: server.url(database).replace(f":{PASSWORD}", ""),
        "a password is needed, and there is none in the URL|check the user and the password",
    ),
    "user": (
        lambda server, database, *_: url_with(server, database, username="stranger"),
        "the user or the password is wrong|check the user and the password",
    ),
    "database": (
        lambda server, *_: server.url("tests_missing"),
        "create the database, or correct its name|SELECT, INSERT, UPDATE and DELETE",
    ),
    "port": (
        lambda server, database, *_: url_with(server, database, port=find_port()),
        "check the host and the port, (and )?that the server runs",
    ),
    "host": (find_no_host, "the name of the host is not known|check the host and the port"),
    "user's connections": (
        allow_no_connection,
        "raise the CONNECTION LIMIT of the user|raise max_user_connections|raise the limit of the user",
    ),
    "connections": (take_all_connections, "raise max_connections of the server"),
    "TLS": (
        lambda server, database, *_: url_with(
            server,
            database,
            query={"ssl_verify_cert": "true"} if isinstance(server, MariaDB) else {"sslmode": "require"},
        ),
        "check sslmode: the server may not offer TLS|check the certificates and the parameters of TLS in the URL",
    ),
    "column": (drop_column, "must have the columns .*, but lacks label: restore a backup"),
}


@pytest.fixture
def broken(
    server: Server, database: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SQLStore]:
    """A store that cannot work."""
    with ExitStack() as stack:
        store = SQLStore(request.param(server, database, stack, monkeypatch))
        yield store
        store.close()


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(("broken", "advice"), BREAKS.values(), ids=BREAKS.keys(), indirect=["broken"])
def test_an_outage_says_what_to_do_and_no_secret(
    broken: SQLStore, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "sqlalchemy", "psycopg", "pymysql"):
        caplog.set_level(logging.DEBUG, name)

    with pytest.raises(StoreUnavailable, match=advice) as caught:
        start(broken, user_id=USER_ID)

    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    words = f"{error!r} {error.args}"
    assert [secret for secret in (PASSWORD, WRONG, USER, LOCAL, USER_ID, "SELECT ", "INSERT ") if secret in words] == []
    assert [secret for secret in (PASSWORD, WRONG, USER_ID) if secret in caplog.text] == []


@pytest.mark.once
@pytest.mark.slow
def test_a_table_that_was_dropped_during_use_is_an_outage_with_the_command_that_helps(
    server: Server, database: str, server_store: SQLStore
) -> None:
    server_store.find_session("session")
    execute(server, database, "DROP TABLE tokenauth_session")

    with pytest.raises(StoreUnavailable, match="a migration has probably removed a table, run flask tokenauth doctor"):
        start(server_store)


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ('FATAL:  password authentication failed for user "ssl"', "the user or the password is wrong"),
        (
            'FATAL:  database "password authentication failed" does not exist',
            "create the database, or correct its name",
        ),
        ('FATAL:  role "alice" does not exist', "create the user, or correct its name"),
        ("failed to resolve host 'ssl.example': [Errno -2] Name or service not known", "the name of the host is not"),
        ("FATAL:  the database system is starting up", "the server is starting or stopping"),
        ("FATAL:  sorry, too many clients already", "raise max_connections of the server"),
        ("server closed the connection unexpectedly", "the server, or a proxy before it, has ended the connection"),
        ("the database has not answered within the time limit", "the server, or a proxy before it, does not answer"),
        ("connection timeout expired", "check the host, the port and the network"),
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", "connect with psql as the application does"),
    ],
)
def test_an_error_while_connecting_to_postgresql_has_advice(message: str, advice: str) -> None:
    error = psycopg.OperationalError(message)

    assert postgresql_errors.describe(error).startswith(f"PostgreSQL cannot be reached (OperationalError): {advice}")


@pytest.mark.parametrize(
    ("number", "advice"),
    [(1203, "raise max_user_connections"), (1836, "the server is read-only"), (1053, "the server")],
)
def test_an_error_of_mariadb_has_advice(number: int, advice: str) -> None:
    error = OperationalError(number, WRONG)

    assert mysql_errors.describe(error).startswith(f"MariaDB reports {number}, OperationalError: {advice}")
