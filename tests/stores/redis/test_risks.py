"""The settings of Redis and Valkey that put a promise at risk. Real servers are asked in the slow tests."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import pytest

from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.stores.redis.places import Source
from flask_tokenauth.stores.redis.risks import CONNECTIONS, Facts, check_version, find_risks, find_unseen

GOOD = {
    "redis_version": "7.2.4",
    "valkey_version": "8.1.0",
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "connected_slaves": 1,
    "min_slaves_good_slaves": 1,
    "maxclients": 10 * CONNECTIONS,
}
NOTHING: Mapping[str, object] = MappingProxyType({})
PLACES = (("localhost", 6379),)
SERVER = Source(kind="server", places=PLACES)
SENTINEL = Source(kind="sentinel", places=PLACES)
CLUSTER = Source(kind="cluster", places=PLACES)
WAITING = Source(kind="server", places=PLACES, wait=1)
LEEWAY = timedelta(seconds=10)


def find(
    changes: Mapping[str, object] = NOTHING,
    *,
    source: Source = SERVER,
    appendfsync: str | None = "always",
    difference: float = 0,
    processes: int | None = 10,
) -> list[str]:
    """Return the risks of a server with these changes to good settings. A change to None takes a field out."""
    info = {name: value for name, value in (GOOD | dict(changes)).items() if value is not None}
    facts = Facts(info=info, appendfsync=appendfsync, difference=difference)
    return list(find_risks(facts, source, leeway=LEEWAY, processes=processes))


@pytest.mark.parametrize("source", [SERVER, SENTINEL, CLUSTER, WAITING])
def test_a_server_with_good_settings_has_no_risk(source: Source) -> None:
    assert find(source=source) == []


def test_a_server_that_tells_nothing_has_no_risk() -> None:
    assert list(find_risks(Facts(info={}), SENTINEL, leeway=LEEWAY, processes=1000)) == []


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"maxmemory_policy": "allkeys-lru"}, "maxmemory-policy of the server must be noeviction, got allkeys-lru: "),
        ({"aof_enabled": 0}, "appendonly of the server must be yes, got no: "),
        ({"aof_last_write_status": "err"}, "the server cannot write its append-only file: "),
        ({"min_slaves_good_slaves": None}, "min-replicas-to-write of a server with replicas must be 1 or more, got 0:"),
    ],
)
def test_a_setting_at_risk_is_named(changes: dict[str, object], start: str) -> None:
    [risk] = find(changes)

    assert risk.startswith(start)


@pytest.mark.parametrize(("appendfsync", "lost"), [("everysec", "the last second"), ("no", "half a minute or more")])
def test_a_file_that_is_not_always_written_is_a_risk(appendfsync: str, lost: str) -> None:
    [risk] = find(appendfsync=appendfsync)

    assert risk.startswith(f"appendfsync of the server must be always, got {appendfsync}: ")
    assert lost in risk


def test_the_writing_of_a_file_that_is_not_kept_is_no_further_risk() -> None:
    assert len(find({"aof_enabled": 0, "aof_last_write_status": "err"}, appendfsync="no")) == 1


@pytest.mark.parametrize(
    ("source", "replicas", "number"),
    [(SERVER, 0, 0), (SERVER, 1, 1), (WAITING, 1, 0), (SENTINEL, 0, 1), (SENTINEL, 1, 1), (CLUSTER, 0, 1)],
)
def test_replicas_are_needed_for_a_failover_and_must_have_what_is_confirmed(
    source: Source, replicas: int, number: int
) -> None:
    assert len(find({"connected_slaves": replicas, "min_slaves_good_slaves": None}, source=source)) == number


@pytest.mark.parametrize(("replicas", "number"), [(0, 1), (1, 1), (2, 0), (3, 0), (None, 0)])
def test_a_write_that_waits_for_more_replicas_than_there_are_is_a_risk(replicas: int | None, number: int) -> None:
    source = Source(kind="sentinel", places=PLACES, wait=2)
    found = find({"connected_slaves": replicas}, source=source)

    waiting = [risk for risk in found if risk.startswith(f"wait in the URL must not be above {replicas}, ")]
    assert len(waiting) == len(found) - (replicas == 0) == number


@pytest.mark.parametrize(("processes", "number"), [(9, 0), (10, 0), (11, 1), (None, 0)])
def test_more_connections_than_the_server_allows_are_a_risk(processes: int | None, number: int) -> None:
    found = find(processes=processes)

    assert len(found) == number
    assert all(risk.startswith("the processes of this application may open 66 connections") for risk in found)


@pytest.mark.parametrize(("difference", "number"), [(0, 0), (10_000, 0), (10_001, 0), (10_001.1, 1)])
def test_a_clock_that_differs_by_more_than_the_leeway_is_a_risk(difference: float, number: int) -> None:
    found = find(difference=difference)

    assert len(found) == number
    assert all(risk.startswith("the clocks of this machine and of the server of the store must not") for risk in found)


def test_no_sentence_is_about_a_database_or_tables() -> None:
    bad = {"maxmemory_policy": "x", "aof_last_write_status": "err", "min_slaves_good_slaves": None}
    found = find(bad, appendfsync="no", difference=1e9, processes=1000)
    found += find({"aof_enabled": 0, "connected_slaves": 0}, source=CLUSTER)

    assert len(found) == 8
    assert not any(word in risk for risk in found for word in ("database", "table"))


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"redis_version": "6.2.0"},
        {"redis_version": "10.0.0"},
        {"redis_version": 7.2},
        {"redis_version": "unknown"},
        {"redis_version": "7.2.4", "valkey_version": "7.2.0"},
        {"redis_version": "6.0.0", "valkey_version": "8.0.0"},
    ],
)
def test_a_server_that_is_new_enough_or_tells_no_version_is_used(info: dict[str, object]) -> None:
    check_version(info)


@pytest.mark.parametrize(
    ("info", "got"),
    [
        ({"redis_version": "6.1.9"}, "Redis 6.1"),
        ({"redis_version": "5.0.14"}, "Redis 5.0"),
        ({"redis_version": "7.2.4", "valkey_version": "7.1.9"}, "Valkey 7.1"),
    ],
)
def test_a_server_that_is_too_old_is_an_error(info: dict[str, object], got: str) -> None:
    with pytest.raises(SettingsError, match=f"must be Redis 6.2 or Valkey 7.2, or newer, got {got}: upgrade it"):
        check_version(info)


def test_settings_that_a_server_does_not_show_are_named_with_the_value_that_is_wanted() -> None:
    assert list(find_unseen(Facts(info={}))) == [
        "maxmemory-policy (wanted: noeviction)",
        "appendonly (wanted: yes)",
        "min-replicas-to-write (wanted: 1 if there are replicas)",
        "maxclients (wanted: 6 for each process, or more)",
        "appendfsync (wanted: always)",
    ]


@pytest.mark.parametrize(
    ("enabled", "appendfsync", "unseen"),
    [(1, "no", []), (0, None, []), (1, None, ["appendfsync (wanted: always)"])],
)
def test_when_the_file_is_written_counts_if_there_is_a_file(
    enabled: int, appendfsync: str | None, unseen: list[str]
) -> None:
    assert list(find_unseen(Facts(info=GOOD | {"aof_enabled": enabled}, appendfsync=appendfsync))) == unseen
