"""How a new connection to PostgreSQL is set up. Real servers are asked in the slow tests."""

from unittest.mock import Mock

import pytest

pytest.importorskip("psycopg")

import psycopg

from flask_tokenauth.stores.sql.postgresql.dialect import POSTGRESQL


def connection_to(version: int, *, closed: bool = False) -> Mock:
    """Return a connection to a server that cannot look after its clients."""
    execute = Mock(side_effect=psycopg.errors.InvalidParameterValue)
    return Mock(info=Mock(server_version=version), closed=closed, execute=execute)


@pytest.mark.parametrize(("version", "asked"), [(139_999, 0), (140_000, 1)])
def test_a_server_that_cannot_look_after_its_clients_is_used(version: int, asked: int) -> None:
    connection = connection_to(version)

    POSTGRESQL.set_up(connection)

    assert (connection.execute.call_count, connection.autocommit, connection.prepare_threshold) == (asked, True, None)


def test_a_connection_that_was_closed_meanwhile_is_an_error() -> None:
    with pytest.raises(psycopg.Error):
        POSTGRESQL.set_up(connection_to(180_000, closed=True))
