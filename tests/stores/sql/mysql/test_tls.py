"""Connections of PyMySQL with TLS end with the time limit."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ....engines.certificate import make_certificate
from ....engines.mariadb import MariaDB
from ....engines.proxy import Proxy
from ....engines.server import LOCAL, PASSWORD, USER
from ...conftest import Limited

pytest.importorskip("pymysql")

import pymysql

from flask_tokenauth.stores.sql.mysql.connecting import connect

OVER = "within the time limit"


@pytest.fixture(scope="module")
def tls(mariadb: MariaDB) -> Iterator[Path]:
    """Start the server with TLS, and return the path of its certificate."""
    key, certificate = mariadb.folder / "key.pem", mariadb.folder / "certificate.pem"
    for path, data in zip((key, certificate), make_certificate(), strict=True):
        path.write_bytes(data)
        path.chmod(0o644)  # the server runs as another user
    mariadb.stop()
    mariadb.start(f"--ssl-key={key}", f"--ssl-cert={certificate}")
    yield certificate
    mariadb.stop()
    mariadb.start()


@pytest.fixture
def proxy(limited: Limited, mariadb: MariaDB, tls: Path) -> Iterator[Proxy]:
    with Proxy(mariadb.port) as proxy:
        yield proxy


@pytest.fixture
def parameters(proxy: Proxy, tls: Path) -> dict[str, Any]:
    server = {"host": LOCAL, "port": proxy.port, "user": USER, "password": PASSWORD}
    return server | {"ssl_ca": str(tls), "ssl_verify_cert": True, "ssl_verify_identity": True}


@pytest.fixture
def connection(parameters: dict[str, Any]) -> Iterator[Any]:
    connection = connect(**parameters)
    yield connection
    if connection.open:
        connection.close()


def ask(connection: Any, statement: str, *values: Any) -> Any:
    """Return the last value of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[-1]


def test_a_server_that_never_answers_ends_the_connecting(limited: Limited, silent_port: int) -> None:
    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: connect(host=LOCAL, port=silent_port, ssl=ssl.create_default_context()))


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_connection_is_encrypted(connection: Any) -> None:
    assert ask(connection, "SHOW STATUS LIKE 'Ssl_cipher'")


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_connection_can_be_opened_again(connection: Any) -> None:
    connection.close()

    connection.connect()

    assert ask(connection, "SHOW STATUS LIKE 'Ssl_cipher'")


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_server_with_another_certificate_is_refused(parameters: dict[str, Any], tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(make_certificate()[1])

    with pytest.raises(pymysql.OperationalError, match="verify failed"):
        connect(**parameters | {"ssl_ca": str(other)})


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("passed", [150, 400, 900])
def test_a_handshake_that_stands_still_ends(
    limited: Limited, proxy: Proxy, parameters: dict[str, Any], passed: int
) -> None:
    proxy.answers.stall(after=passed)

    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: connect(**parameters))


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("passed", [0, 1, 30])
def test_an_answer_that_stands_still_ends(limited: Limited, proxy: Proxy, connection: Any, passed: int) -> None:
    proxy.answers.stall(after=passed)

    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: ask(connection, "SELECT repeat('x', 1000)"))


@pytest.mark.dependencies
@pytest.mark.slow
def test_an_answer_that_trickles_ends(limited: Limited, proxy: Proxy, connection: Any) -> None:
    proxy.answers.trickle()

    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: ask(connection, "SELECT repeat('x', 10000000)"))


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("slowness", ["stall", "trickle"])
def test_a_statement_that_the_server_does_not_take_ends(
    limited: Limited, proxy: Proxy, connection: Any, slowness: str
) -> None:
    getattr(proxy.requests, slowness)()

    with pytest.raises(pymysql.OperationalError, match=OVER):
        limited(lambda: ask(connection, "SELECT length(%s)", "x" * 15_000_000))


@pytest.mark.dependencies
@pytest.mark.slow
def test_large_data_pass_in_both_directions(limited: Limited, connection: Any) -> None:
    data = "x" * 9_000_000

    assert limited(lambda: ask(connection, "SELECT %s", data), seconds=60) == data
