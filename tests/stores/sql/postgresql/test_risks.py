"""The settings of PostgreSQL that put a promise at risk. Real servers are asked in the slow tests."""

import time
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from flask_tokenauth.stores.sql.postgresql.dialect import POSTGRESQL
from flask_tokenauth.stores.sql.postgresql.risks import find_risks

GOOD = {
    "version": 180_000,
    "encoding": "UTF8",
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "connections": 97,
}


def connect(changes: Mapping[str, object], *, ahead: float = 0) -> Any:
    """Return a connection to a server with these changes to good settings."""
    now = Mock(scalar_one=lambda: int((time.time() + ahead) * 1000))
    settings = Mock(one=lambda: SimpleNamespace(**GOOD | dict(changes)))
    return Mock(execute=Mock(side_effect=[now, settings]))


def find(
    changes: Mapping[str, object] = MappingProxyType({}), *, ahead: float = 0, connections: int | None = 10
) -> list[str]:
    return list(find_risks(connect(changes, ahead=ahead), leeway=10_000, connections=connections))


@pytest.mark.parametrize("changes", [{}, {"synchronous_commit": "remote_apply"}, {"version": 130_000}])
def test_a_server_with_good_settings_has_no_risk(changes: dict[str, object]) -> None:
    assert find(changes) == []


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"version": 129_999}, "PostgreSQL must be version 13 or newer, got 12: "),
        ({"synchronous_commit": "local"}, "synchronous_commit must be on in transactions that write, got local,"),
        ({"synchronous_commit": "off"}, "synchronous_commit must be on in transactions that write, got off,"),
        ({"encoding": "LATIN1"}, "the encoding of the database must be UTF8, got LATIN1: "),
        ({"fsync": "off"}, "fsync of the database server must be on, got off: "),
        ({"full_page_writes": "off"}, "full_page_writes of the database server must be on, got off: "),
    ],
)
def test_a_setting_at_risk_is_named(changes: dict[str, object], start: str) -> None:
    [risk] = find(changes)

    assert risk.startswith(start)


@pytest.mark.parametrize(("connections", "number"), [(97, 0), (98, 1), (None, 0)])
def test_more_connections_than_the_server_allows_are_a_risk(connections: int | None, number: int) -> None:
    assert len(find(connections=connections)) == number


def test_a_clock_that_is_behind_is_a_risk() -> None:
    [risk] = find(ahead=-60)

    assert risk.startswith("the clocks of this machine and of the database server")


def test_the_settings_are_those_of_a_transaction_that_writes() -> None:
    connection = connect({"fsync": "off"})

    assert len(POSTGRESQL.find_risks(connection, leeway=0, connections=None)) > 0

    first, last = [call.args[0] for call in connection.exec_driver_sql.call_args_list]
    assert first.startswith("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT set_config('synchronous_commit', 'on', true)")
    assert last == "COMMIT"


def test_a_connection_whose_settings_cannot_be_read_is_not_used_again() -> None:
    """It would still be in the transaction, in which each further statement fails."""
    connection: Any = Mock(execute=Mock(side_effect=ConnectionError))

    with pytest.raises(ConnectionError):
        POSTGRESQL.find_risks(connection, leeway=0, connections=None)

    connection.invalidate.assert_called_once_with()
