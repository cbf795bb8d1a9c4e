"""Fixtures with database servers, and proxies before them."""

from collections.abc import Iterator

import pytest

from flask_tokenauth.stores.sql import SQLStore

from ...engines.proxy import Proxy
from ...engines.server import Server


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
