"""Sentinels make a primary of the replica when the primary is gone, and all come back when a test has ended."""

from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest

from .sentinels import NAME, SENTINELS_PASSWORD, Sentinel, Sentinels
from .server import LOCAL, PASSWORD, USER

pytest.importorskip("redis")

from redis.exceptions import AuthenticationError
from redis.sentinel import Sentinel as Driver


@pytest.fixture
def sentinels(redis_sentinels: Sentinels) -> Iterator[Sentinels]:
    """An empty primary with its replica, and sentinels that find all well."""
    redis_sentinels.flush()
    yield redis_sentinels
    redis_sentinels.restore()
    redis_sentinels.flush()


@pytest.mark.parametrize(
    ("port", "flags", "link", "well"),
    [
        (b"7", b"slave", b"ok", True),
        (b"8", b"slave", b"ok", False),
        (b"7", b"slave,disconnected", b"ok", False),
        (b"7", b"slave", b"err", False),
    ],
)
def test_a_sentinel_sees_whether_all_is_well(port: bytes, flags: bytes, link: bytes, *, well: bool) -> None:
    primary = [b"port", port, b"flags", b"master", b"num-slaves", b"1", b"num-other-sentinels", b"2"]
    sentinel = MagicMock()
    sentinel.ask.side_effect = [primary, [[b"flags", flags, b"master-link-status", link]]]

    assert Sentinel.sees(sentinel, MagicMock(port=7)) is well


@pytest.mark.once
@pytest.mark.slow
def test_the_driver_finds_the_primary(sentinels: Sentinels) -> None:
    places = [(LOCAL, sentinel.port) for sentinel in sentinels.sentinels]
    driver = Driver(places, sentinel_kwargs={"username": USER, "password": SENTINELS_PASSWORD})

    assert driver.discover_master(NAME) == (LOCAL, sentinels.primary.port)
    for client in driver.sentinels:
        client.close()


@pytest.mark.once
@pytest.mark.slow
def test_sentinels_refuse_the_password_of_the_servers(sentinels: Sentinels) -> None:
    with sentinels.sentinels[0].connect(password=PASSWORD) as client, pytest.raises(AuthenticationError):
        client.execute_command("PING")


@pytest.mark.once
@pytest.mark.slow
def test_the_url_names_all_sentinels(sentinels: Sentinels) -> None:
    ports = ",".join(f"{LOCAL}:{sentinel.port}" for sentinel in sentinels.sentinels)

    assert sentinels.url("3").startswith(f"redis+sentinel://{USER}:{PASSWORD}@{ports}/{NAME}/3?")
    assert sentinels.url().endswith(f"/0?sentinel_username={USER}&sentinel_password={SENTINELS_PASSWORD}")


@pytest.mark.once
@pytest.mark.slow
def test_the_replica_of_a_killed_primary_takes_over_with_its_data(sentinels: Sentinels) -> None:
    primary, replica = sentinels.primary, sentinels.replica
    primary.ask("SET", "a", 1)
    replica.await_primary(primary)

    assert sentinels.kill_primary() is replica
    assert sentinels.primaries() == [replica.client()]
    assert replica.ask("INCR", "a") == 2


@pytest.mark.once
@pytest.mark.slow
def test_a_killed_primary_comes_back_as_a_replica(sentinels: Sentinels) -> None:
    killed = sentinels.primary
    new = sentinels.kill_primary()

    sentinels.restore()

    assert sentinels.replica is killed
    assert killed.follows(new)


@pytest.mark.once
@pytest.mark.slow
def test_a_primary_that_was_paused_comes_back_as_a_replica(sentinels: Sentinels) -> None:
    paused, replica = sentinels.primary, sentinels.replica
    paused.pause()
    sentinels.await_failover(replica)

    sentinels.restore()

    assert sentinels.replica is paused


@pytest.mark.once
@pytest.mark.slow
def test_two_sentinels_are_enough_for_a_failover(sentinels: Sentinels) -> None:
    sentinels.sentinels[0].kill()

    new = sentinels.kill_primary()

    assert sentinels.primary is new


@pytest.mark.once
@pytest.mark.slow
def test_the_primary_and_the_replica_change_their_parts(sentinels: Sentinels) -> None:
    replica = sentinels.replica

    assert sentinels.fail_over() is replica
    assert sentinels.primary is replica
