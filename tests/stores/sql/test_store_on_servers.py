"""The store keeps the contract on real database servers, in pages of any size, and through a pooler."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from flask_tokenauth.stores.sql import SQLStore, metadata, numbered_feed
from flask_tokenauth.stores.sql.postgresql import feed as postgresql_feed
from flask_tokenauth.stores.sql.schema import Binding
from flask_tokenauth.testing.store_contract import (
    Age,
    AgeApiKeys,
    AgeReferenceTokens,
    AgeRevocations,
    AgeRings,
    CopyStore,
    SetGeneration,
    StoreContract,
    WipeStore,
)
from flask_tokenauth.testing.store_contract.lost_writes import LostWritesContract
from flask_tokenauth.testing.store_contract.revocation_pages import RevocationPagesContract

from ...engines.pgbouncer import PgBouncer
from ...engines.server import Server
from ..server_kit import (
    ager,
    api_key_ager,
    copier,
    empty,
    execute,
    generation_setter,
    reference_token_ager,
    revocation_ager,
    ring_ager,
    wiper,
)


@pytest.fixture(scope="class")
def server(request: pytest.FixtureRequest) -> Server:
    """Return the server that the class names."""
    server: Server = request.getfixturevalue(request.cls.engine)
    return server


@pytest.fixture(scope="class")
def database(server: Server) -> Iterator[str]:
    """Return a database with the tables: to create them for each test would take long."""
    with server.new_database() as database:
        store = SQLStore(server.url(database))
        store.create()
        store.close()
        yield database


@pytest.fixture(scope="class")
def facts(server: Server, database: str) -> list[Any]:
    """Return the rows that the store has written with its tables. Without them, it would look at all tables again."""
    return execute(server, database, "SELECT name, value, number FROM tokenauth_store")


@pytest.fixture(scope="class")
def url(request: pytest.FixtureRequest, server: Server, database: str) -> str:
    """Return the URL of the database, at the server or at the pooler that the class names."""
    pooler: PgBouncer | None = request.cls.pooler and request.getfixturevalue(request.cls.pooler)
    return (pooler or server).url(database)


@pytest.fixture(scope="class")
def opened(url: str) -> Iterator[SQLStore]:
    """Return a store for all tests of a class: a new one looks at all tables, connects, and compiles its statements."""
    store = SQLStore(url)
    yield store
    store.close()


@pytest.mark.usefixtures("patient")
class ServerFixtures:
    """A class with these fixtures names its server, and a pooler before it."""

    engine: str
    pooler: str | None = None

    @pytest.fixture
    def store(self, server: Server, database: str, opened: SQLStore, facts: list[Any]) -> SQLStore:
        empty(server, database, *metadata.tables)
        places = ", ".join(["(%s, %s, %s)"] * len(facts))
        execute(server, database, f"INSERT INTO tokenauth_store (name, value, number) VALUES {places}", *chain(*facts))
        opened._tables._binding = Binding()  # as of a new store: the last test may have bound it
        return opened

    @pytest.fixture
    def age(self, server: Server, database: str) -> Age:
        return ager(server, database)

    @pytest.fixture
    def age_revocations(self, server: Server, database: str) -> AgeRevocations:
        return revocation_ager(server, database)

    @pytest.fixture
    def age_api_keys(self, server: Server, database: str) -> AgeApiKeys:
        return api_key_ager(server, database)

    @pytest.fixture
    def age_reference_tokens(self, server: Server, database: str) -> AgeReferenceTokens:
        return reference_token_ager(server, database)

    @pytest.fixture
    def age_rings(self, server: Server, database: str) -> AgeRings:
        return ring_ager(server, database)

    @pytest.fixture
    def set_generation(self, server: Server, database: str) -> SetGeneration:
        return generation_setter(server, database)

    @pytest.fixture
    def copy(self, server: Server, database: str) -> CopyStore:
        return copier(server, database)

    @pytest.fixture
    def wipe(self, server: Server, database: str) -> WipeStore:
        return wiper(server, database)


class SmallPages(ServerFixtures, RevocationPagesContract, LostWritesContract):
    """With more revocations than one page holds."""

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(numbered_feed, "PAGE", 2)
        monkeypatch.setattr(numbered_feed, "NEWS", 2)
        monkeypatch.setattr(postgresql_feed, "PAGE", 2)
        monkeypatch.setattr(postgresql_feed, "NEWS", 2)


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
class TestPostgreSQL18(ServerFixtures, StoreContract):
    """On the newest PostgreSQL."""

    engine = "postgresql_18"


@pytest.mark.slow
class TestPostgreSQL18InSmallPages(SmallPages):
    """On the newest PostgreSQL."""

    engine = "postgresql_18"


@pytest.mark.once
@pytest.mark.slow
class TestPostgreSQL15(ServerFixtures, StoreContract):
    """On an older PostgreSQL."""

    engine = "postgresql_15"


@pytest.mark.once
@pytest.mark.slow
class TestPgBouncer(ServerFixtures, StoreContract):
    """Through a pooler that gives each transaction the connection that is free."""

    engine = "postgresql_15"
    pooler = "pgbouncer"


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
class TestMariaDB(ServerFixtures, StoreContract):
    """On MariaDB."""

    engine = "mariadb"


@pytest.mark.slow
class TestMariaDBInSmallPages(SmallPages):
    """On MariaDB."""

    engine = "mariadb"


def test_each_server_that_is_supported_keeps_the_whole_contract() -> None:
    classes = [kind for kind in ServerFixtures.__subclasses__() if issubclass(kind, StoreContract)]

    assert {kind.engine for kind in classes} == {"postgresql_18", "postgresql_15", "mariadb"}
