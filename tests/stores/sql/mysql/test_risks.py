"""The settings of MariaDB that put a promise at risk. Real servers are asked in the slow tests."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from unittest.mock import Mock

import pytest

from flask_tokenauth.stores.sql.mysql.risks import find_risks

GOOD = {
    "binlog_format": "MIXED",
    "innodb_doublewrite": "ON",
    "innodb_flush_log_at_trx_commit": "1",
    "log_bin": "ON",
    "max_connections": "151",
    "max_user_connections": "0",
    "sync_binlog": "1",
    "wsrep_on": "OFF",
}


def find(
    changes: Mapping[str, str | None] = MappingProxyType({}), *, ahead: float = 0, connections: int | None = 10
) -> list[str]:
    """Return the risks of a server with these changes to good settings. One that is None does not exist there."""
    settings = {name: value for name, value in (GOOD | dict(changes)).items() if value is not None}
    now = Mock(scalar_one=lambda: int((time.time() + ahead) * 1000))
    connection: Any = Mock(execute=Mock(side_effect=[now, list(settings.items())]))
    return list(find_risks(connection, leeway=10_000, connections=connections))


def test_a_server_with_good_settings_has_no_risk() -> None:
    assert find() == []


@pytest.mark.parametrize("missing", GOOD)
def test_a_setting_that_a_server_does_not_have_is_no_risk(missing: str) -> None:
    """MySQL has no Galera cluster, and some servers have no log for replicas."""
    assert find({missing: None}) == []


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        (
            {"innodb_flush_log_at_trx_commit": "2"},
            "innodb_flush_log_at_trx_commit of the database server must be 1, got",
        ),
        ({"sync_binlog": "0"}, "sync_binlog of the database server must be 1, since it has a binary log, got 0"),
        ({"innodb_doublewrite": "OFF"}, "innodb_doublewrite of the database server must be on, got OFF"),
        ({"binlog_format": "STATEMENT"}, "binlog_format of the database server must be MIXED or ROW, got STATEMENT"),
        ({"wsrep_on": "ON"}, "the database server must not be a Galera cluster, but wsrep_on is ON"),
    ],
)
def test_a_setting_at_risk_is_named(changes: dict[str, str], start: str) -> None:
    [risk] = find(changes)

    assert risk.startswith(start)


@pytest.mark.parametrize("setting", [{"binlog_format": "STATEMENT"}, {"sync_binlog": "0"}])
def test_a_setting_of_a_log_that_is_off_does_not_matter(setting: dict[str, str]) -> None:
    assert find({"log_bin": "OFF"} | setting) == []


def test_a_log_that_is_written_more_often_than_needed_is_no_risk() -> None:
    assert find({"innodb_flush_log_at_trx_commit": "3"}) == []


@pytest.mark.parametrize(
    ("server", "user", "most"), [("100", "0", 100), ("100", "50", 50), ("50", "100", 50), ("100", None, 100)]
)
def test_the_lower_limit_of_connections_counts(server: str, user: str | None, most: int) -> None:
    limits = {"max_connections": server, "max_user_connections": user}

    [risk] = find(limits, connections=most + 1)

    assert f"may open {most + 1} connections to the database server, which allows {most}:" in risk
    assert find(limits, connections=most) == []


def test_a_clock_that_is_ahead_is_a_risk() -> None:
    [risk] = find(ahead=60)

    assert risk.startswith("the clocks of this machine and of the database server")
