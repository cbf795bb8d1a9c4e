"""The store on Redis and Valkey keeps the contract of all stores."""

from collections.abc import Iterator

import pytest

from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.redis.rights import list_rights
from flask_tokenauth.stores.redis.source import read_source
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

from ...engines.redis import RedisServer
from . import kit
from .rights_kit import GUEST, grant, url_of_guest


class RedisFixtures:
    """A class with these fixtures names the fixture of its servers."""

    engine: str

    @pytest.fixture
    def servers(self, request: pytest.FixtureRequest) -> kit.Servers:
        servers: kit.Servers = request.getfixturevalue(self.engine)
        return servers

    @pytest.fixture
    def store(self, servers: kit.Servers) -> Iterator[RedisStore]:
        kit.wiper(servers)()
        store = RedisStore(servers.url())
        yield store
        store.close()

    @pytest.fixture
    def age(self, servers: kit.Servers) -> Age:
        return kit.ager(servers)

    @pytest.fixture
    def age_revocations(self, servers: kit.Servers) -> AgeRevocations:
        return kit.revocation_ager(servers)

    @pytest.fixture
    def age_api_keys(self, servers: kit.Servers) -> AgeApiKeys:
        return kit.api_key_ager(servers)

    @pytest.fixture
    def age_reference_tokens(self, servers: kit.Servers) -> AgeReferenceTokens:
        return kit.reference_token_ager(servers)

    @pytest.fixture
    def age_rings(self, servers: kit.Servers) -> AgeRings:
        return kit.ring_ager(servers)

    @pytest.fixture
    def set_generation(self, servers: kit.Servers) -> SetGeneration:
        return kit.generation_setter(servers)

    @pytest.fixture
    def copy(self, servers: kit.Servers) -> CopyStore:
        return kit.copier(servers)

    @pytest.fixture
    def wipe(self, servers: kit.Servers) -> WipeStore:
        return kit.wiper(servers)


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
class TestValkey9(RedisFixtures, StoreContract):
    """On the newest Valkey."""

    engine = "valkey_9"


@pytest.mark.once
@pytest.mark.slow
class TestRedis6(RedisFixtures, StoreContract):
    """On the oldest Redis."""

    engine = "redis_6"


@pytest.mark.once
@pytest.mark.slow
class TestValkey8(RedisFixtures, StoreContract):
    """On an older Valkey."""

    engine = "valkey_8"


@pytest.mark.once
@pytest.mark.slow
class TestRedis7(RedisFixtures, StoreContract):
    """On Debian's Redis, as a user with the rights of ``init-db --acl`` and no others."""

    engine = "redis_7"

    @pytest.fixture
    def store(self, servers: RedisServer) -> Iterator[RedisStore]:
        servers.flush()
        url = url_of_guest(servers.url())
        grant(servers, list_rights(read_source(url), kit.PREFIX, GUEST)[0].command)
        store = RedisStore(url)
        yield store
        store.close()


@pytest.fixture(scope="class")
def no_failover(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the primaries: others might lack the last writes."""
    with request.getfixturevalue(request.cls.engine).without_failovers():
        yield


@pytest.mark.usefixtures("no_failover")
@pytest.mark.once
@pytest.mark.slow
class TestCluster(RedisFixtures, StoreContract):
    """On a cluster of three primaries."""

    engine = "valkey_cluster"


@pytest.mark.usefixtures("no_failover")
@pytest.mark.once
@pytest.mark.slow
class TestSentinels(RedisFixtures, StoreContract):
    """On a primary that Sentinels name."""

    engine = "redis_sentinels"
