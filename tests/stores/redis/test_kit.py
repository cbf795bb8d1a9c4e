"""The helpers for the tests on Redis and Valkey change what they name, and nothing else."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from unittest.mock import MagicMock

import pytest

from ...engines.cluster import Cluster
from ...engines.redis import RedisServer
from . import kit
from .kit import Servers, holder

pytest.importorskip("redis")

from redis.exceptions import MovedError

SECOND = timedelta(seconds=1)

SESSION = {
    "user_id": "álice", "started_at": 10_000, "idle_expires_at": 30_000, "expires_at": 40_000,
    "ended_at": 50_000, "generation": 3,
}  # fmt: skip
API_KEY = {"name": "6000", "created_at": 10_000, "last_used_at": 20_000, "expires_at": 30_000, "revoked_at": 40_000}
REFERENCE_TOKEN = {"epoch": 6000, "expires_at": 10_000, "revoked_at": 20_000}


@pytest.fixture(params=["valkey_9", "valkey_cluster"])
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """One server, and a cluster. Both are empty."""
    servers: RedisServer | Cluster = request.getfixturevalue(request.param)
    servers.flush()
    yield servers
    servers.flush()


def put(servers: Servers, key: str, values: Mapping[str, object]) -> None:
    """Store a hash."""
    words = [str(word) for pair in values.items() for word in pair]
    holder(servers, key.encode()).execute_command("HSET", key, *words)


def read(servers: Servers, key: str) -> dict[str, object]:
    """Return a hash. Decimal values are numbers."""
    values = holder(servers, key.encode()).execute_command("HGETALL", key)
    texts = {name.decode(): value.decode() for name, value in values.items()}
    return {name: int(text) if text.isdecimal() and name != "name" else text for name, text in texts.items()}


def score(servers: Servers, key: str, member: str) -> object:
    """Return the score of a member, or None."""
    return holder(servers, key.encode()).execute_command("ZSCORE", key, member)


def add(servers: Servers, key: str, member: str, score: int) -> None:
    """Add a member to a sorted set."""
    holder(servers, key.encode()).execute_command("ZADD", key, score, member)


def names(servers: Servers) -> list[bytes]:
    """Return the names of all keys."""
    return sorted(key for _, key in kit.each_key(servers, "*"))


def test_a_slot_that_no_server_holds_is_an_error() -> None:
    client = MagicMock()
    client.execute_command.side_effect = MovedError("1 127.0.0.1:1")
    servers = MagicMock()
    servers.primaries.return_value = [client]

    with pytest.raises(LookupError, match="no server holds the slot of b'a'"):
        holder(servers, b"a")


@pytest.mark.once
@pytest.mark.slow
def test_a_session_grows_older_by_a_duration(servers: Servers) -> None:
    put(servers, "p:session:one", SESSION)
    add(servers, "p:sessions:álice", "one", 10_000)

    kit.ager(servers, "p")("one", SECOND)

    older = {"started_at": 9_000, "idle_expires_at": 29_000, "expires_at": 39_000}
    assert read(servers, "p:session:one") == SESSION | older
    assert score(servers, "p:sessions:álice", "one") == 9_000


@pytest.mark.once
@pytest.mark.slow
def test_another_session_does_not_grow_older(servers: Servers) -> None:
    for name in ("one", "two"):
        put(servers, f"p:session:{name}", SESSION)
        add(servers, "p:sessions:álice", name, 10_000)

    kit.ager(servers, "p")("one", SECOND)

    assert read(servers, "p:session:two") == SESSION
    assert score(servers, "p:sessions:álice", "two") == 10_000


@pytest.mark.once
@pytest.mark.slow
def test_a_session_that_its_user_has_lost_stays_lost_when_it_grows_older(servers: Servers) -> None:
    put(servers, "p:session:one", SESSION)

    kit.ager(servers, "p")("one", SECOND)

    assert names(servers) == [b"p:session:one"]


@pytest.mark.once
@pytest.mark.slow
def test_a_session_that_is_not_there_does_not_grow_older(servers: Servers) -> None:
    kit.ager(servers, "p")("one", SECOND)

    assert names(servers) == []


@pytest.mark.once
@pytest.mark.slow
def test_revocations_grow_older_by_a_duration(servers: Servers) -> None:
    for member in ("token", "user"):
        add(servers, "{p}:live", member, 20_000)
    add(servers, "{other}:live", "token", 20_000)

    kit.revocation_ager(servers, "p")(SECOND)

    assert [score(servers, "{p}:live", member) for member in ("token", "user")] == [19_000, 19_000]
    assert score(servers, "{other}:live", "token") == 20_000


@pytest.mark.once
@pytest.mark.slow
def test_all_api_keys_grow_older_by_a_duration(servers: Servers) -> None:
    for number in range(5):
        put(servers, f"p:api_key:{number}", API_KEY)

    kit.api_key_ager(servers, "p")(SECOND)

    older = {"created_at": 9_000, "last_used_at": 19_000, "expires_at": 29_000, "revoked_at": 39_000}
    assert [read(servers, f"p:api_key:{number}") for number in range(5)] == [API_KEY | older] * 5


@pytest.mark.once
@pytest.mark.slow
def test_the_set_of_a_users_api_keys_does_not_grow_older(servers: Servers) -> None:
    add(servers, "p:api_keys:alice", "key", 10_000)

    kit.api_key_ager(servers, "p")(SECOND)

    assert score(servers, "p:api_keys:alice", "key") == 10_000


@pytest.mark.once
@pytest.mark.slow
def test_all_reference_tokens_grow_older_by_a_duration(servers: Servers) -> None:
    for number in range(5):
        put(servers, f"p:reference:{number}", REFERENCE_TOKEN)

    kit.reference_token_ager(servers, "p")(SECOND)

    older = {"expires_at": 9_000, "revoked_at": 19_000}
    assert [read(servers, f"p:reference:{number}") for number in range(5)] == [REFERENCE_TOKEN | older] * 5


@pytest.mark.once
@pytest.mark.slow
def test_reports_of_rings_grow_older_by_a_duration(servers: Servers) -> None:
    put(servers, "{p}:rings", {"one": "10000 20000", "two": "30000 40000"})

    kit.ring_ager(servers, "p")(SECOND)

    assert read(servers, "{p}:rings") == {"one": "9000 19000", "two": "29000 39000"}


@pytest.mark.once
@pytest.mark.slow
def test_the_generation_of_one_session_is_set(servers: Servers) -> None:
    for name in ("one", "two"):
        put(servers, f"p:session:{name}", SESSION)

    kit.generation_setter(servers, "p")("one", 7)

    assert [read(servers, f"p:session:{name}")["generation"] for name in ("one", "two")] == [7, 3]


@pytest.mark.once
@pytest.mark.slow
def test_a_copy_that_is_put_back_has_the_old_keys_alone(servers: Servers) -> None:
    for number in range(5):
        put(servers, f"key:{number}", {"value": 1})
    put_back = kit.copier(servers)()
    put(servers, "key:0", {"value": 2})
    put(servers, "key:new", {"value": 2})

    put_back()

    assert names(servers) == [f"key:{number}".encode() for number in range(5)]
    assert [read(servers, f"key:{number}") for number in range(5)] == [{"value": 1}] * 5


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["redis_6", "redis_7", "valkey_8", "valkey_9"])
def test_a_copy_has_the_times_at_which_keys_expire(engine: str, request: pytest.FixtureRequest) -> None:
    server: RedisServer = request.getfixturevalue(engine)
    server.flush()
    server.ask("SET", "key", 1, "PX", 100_000)
    server.ask("SET", "endless", 1)
    put_back = kit.copier(server)()
    server.ask("PEXPIRE", "key", 200_000)

    put_back()

    assert 90_000 < server.ask("PTTL", "key") <= 100_001
    assert server.ask("PTTL", "endless") == -1


def test_a_key_that_expires_during_the_copy_is_left_out() -> None:
    client = MagicMock()
    client.scan_iter.return_value = [b"key"]
    client.execute_command.return_value = (1, 2)
    pipe = client.pipeline.return_value.__enter__.return_value
    pipe.execute_command.return_value = pipe
    pipe.execute.return_value = (None, -2)

    assert kit.dump(client) == []


@pytest.mark.once
@pytest.mark.slow
def test_a_wiped_store_has_no_keys(servers: Servers) -> None:
    for number in range(5):
        put(servers, f"key:{number}", {"value": 1})

    kit.wiper(servers)()

    assert names(servers) == []
