"""Fixtures for the tests of the store on one server, which is the newest Valkey."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import TIMEOUT

from ....engines.redis import RedisServer

ISSUER = "https://issuer.example"
HOUR = timedelta(hours=1)


def bind(store: RedisStore, issuer: str = ISSUER) -> RedisStore:
    """Bind a store as an application does, with time limits for a busy machine, and return it."""
    store.bind(issuer, timeout=TIMEOUT, lifetime=HOUR, leeway=timedelta(0))
    return store


@pytest.fixture
def server(valkey_9: RedisServer) -> Iterator[RedisServer]:
    """A server without keys. What a test has changed in its configuration is put back."""
    valkey_9.flush()
    before = valkey_9.ask("CONFIG", "GET", "*")
    yield valkey_9
    after = dict(zip(*[iter(valkey_9.ask("CONFIG", "GET", "*"))] * 2, strict=True))
    for name, value in zip(*[iter(before)] * 2, strict=True):
        if after[name] != value:
            valkey_9.ask("CONFIG", "SET", name, value)


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    """A store on it that is bound, and has written what it needs."""
    store = bind(RedisStore(server.url()))
    store.create()
    yield store
    store.close()
