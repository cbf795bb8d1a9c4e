"""Fixtures with real servers, and with a fake one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from flask_tokenauth.stores.redis.script import Script
from flask_tokenauth.stores.redis.servers import Servers

from ...engines.redis import RedisServer
from .fake_server import FakeServer

PASSWORD = "Correct-Horse"  # of fake servers; no error may repeat it

READ = Script("read", "return redis.call('GET', KEYS[1])", writes=False)
ADD = Script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])", writes=True)

Fake = Callable[..., FakeServer]
Open = Callable[[Any], Servers]


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Return a function that starts a fake server with the given answers."""
    with ExitStack() as stack:
        yield lambda **answers: stack.enter_context(FakeServer(**answers))


@pytest.fixture
def open_servers() -> Iterator[Open]:
    """Return a function that makes an object of ``Servers``. It is closed at the end."""
    with ExitStack() as stack:

        def open_servers(source: Any) -> Servers:
            servers = Servers(source)
            stack.callback(servers.close)
            return servers

        yield open_servers


@pytest.fixture
def server(redis_7: RedisServer) -> RedisServer:
    """A real server without data, and without scripts."""
    redis_7.flush()
    redis_7.ask("SCRIPT", "FLUSH")
    return redis_7


@pytest.fixture
def servers(server: RedisServer, open_servers: Open) -> Servers:
    """The object under test, connected to the real server."""
    return open_servers(server.url())
