"""Fixtures for connections that keep a time limit."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.sql import SQLStore

from ...engines.proxy import Proxy
from ...engines.server import LOCAL, PATIENCE, Server

Limited = Callable[..., Any]


@pytest.fixture
def limited() -> Iterator[Limited]:
    """Return a function that calls another one in a thread within a time limit, and fails if it does not end.

    Name it before the fixture of a proxy. The end of the proxy then ends a thread that still waits.
    """

    def run(work: Callable[[], Any], *, seconds: float = 0.2) -> Any:
        def work_in_time() -> Any:
            with time_limit(seconds):
                return work()

        return pool.submit(work_in_time).result(PATIENCE)

    with ThreadPoolExecutor() as pool:
        yield run


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never answers."""
    with socket.create_server((LOCAL, 0)) as listening:
        yield listening


@pytest.fixture
def silent_port(silent: socket.socket) -> int:
    port: int = silent.getsockname()[1]
    return port


@pytest.fixture(params=["postgresql_18", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """A database server of each kind, for tests without one of their own."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """A new database with the tables of the store."""
    with server.new_database() as database:
        store = SQLStore(server.url(database))
        store.create()
        store.close()
        yield database


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def proxy_url(server: Server, database: str, proxy: Proxy) -> str:
    """The URL of the database through the proxy."""
    return server.url(database).replace(f":{server.port}/", f":{proxy.port}/")


@pytest.fixture
def server_store(server: Server, database: str) -> Iterator[SQLStore]:
    """A store on a database server, without the proxy."""
    store = SQLStore(server.url(database))
    yield store
    store.close()
