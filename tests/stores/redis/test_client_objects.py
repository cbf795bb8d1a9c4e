"""Client objects of redis-py and valkey-py."""

import importlib
import ssl
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import redis
import redis.asyncio
from redis.sentinel import Sentinel

from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.stores.redis.source import read_source

from ...engines.certificate import make_certificate
from ...engines.server import LOCAL
from .conftest import PASSWORD, READ, Fake, Open
from .fake_server import FakeServer, noted


@pytest.fixture(params=["redis", "valkey"])
def library(request: pytest.FixtureRequest) -> Any:
    """The module of redis-py, and that of valkey-py, which has the same classes with other names."""
    if request.param == "redis":
        return SimpleNamespace(Client=redis.Redis, Cluster=redis.RedisCluster, Sentinel=Sentinel, module=redis)
    valkey: Any = pytest.importorskip("valkey")
    sentinel: Any = importlib.import_module("valkey.sentinel")
    return SimpleNamespace(
        Client=valkey.Valkey, Cluster=valkey.ValkeyCluster, Sentinel=sentinel.Sentinel, module=valkey
    )


def test_the_settings_of_a_client_are_taken(library: Any) -> None:
    client = library.Client(
        host="server.test", port=7000, db=3, username="user", password=PASSWORD, client_name="api", protocol=3,
        decode_responses=True, socket_timeout=1, health_check_interval=5,
    )  # fmt: skip

    source = read_source(client)

    assert (source.kind, source.places, source.wait) == ("server", (("server.test", 7000),), 0)
    login = source.login
    assert (login.username, login.password, login.client_name, login.database) == ("user", PASSWORD, "api", 3)
    assert login.tls is None


def test_a_client_of_a_url_and_one_of_a_socket_are_taken(library: Any) -> None:
    assert read_source(library.Client.from_url("redis://server.test:1/2")).places == (("server.test", 1),)
    assert read_source(library.Client(unix_socket_path="/s")).places == ("/s",)
    assert read_source(library.Client()).places == (("localhost", 6379),)


def test_a_provider_of_credentials_is_asked_for_each_connection(library: Any, fake: Fake, open_servers: Open) -> None:
    asked: list[list[bytes]] = []
    server = fake(EVALSHA=b"1", AUTH=noted(asked, b"OK"))
    passwords = iter(["one", "two"])
    provider = type("Provider", (), {"get_credentials": lambda _: ("user", next(passwords))})()
    servers = open_servers(library.Client(port=server.port, credential_provider=provider))

    for _ in range(2):
        servers.run(READ, [b"a"])
        servers.close()

    assert asked == [[b"AUTH", b"user", b"one"], [b"AUTH", b"user", b"two"]]


def test_a_provider_that_fails_is_an_outage_that_does_not_repeat_its_words(
    library: Any, fake: Fake, open_servers: Open
) -> None:
    class Provider:
        def get_credentials(self) -> NoReturn:
            raise ValueError(PASSWORD)

    client = library.Client(port=fake().port, credential_provider=Provider())

    with pytest.raises(StoreUnavailable, match="ValueError was raised: check the credential provider") as caught:
        open_servers(client).run(READ, [b"a"])

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_tls_of_a_client_is_taken(library: Any) -> None:
    certificate = make_certificate()[1].decode()

    tls = read_source(
        library.Client(
            ssl=True, ssl_ca_data=certificate, ssl_check_hostname=False, ssl_min_version=ssl.TLSVersion.TLSv1_3,
            ssl_ciphers="ECDHE+AESGCM",
        )
    ).login.tls  # fmt: skip

    assert tls is not None
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, False)
    assert tls.minimum_version is ssl.TLSVersion.TLSv1_3
    assert tls.cert_store_stats()["x509"] == 1


@pytest.mark.parametrize("option", [{"ssl_cert_reqs": "none"}, {"ssl_cert_reqs": None}, {"ssl_validate_ocsp": True}])
def test_tls_without_its_checks_is_refused(library: Any, option: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(option))):
        read_source(library.Client(ssl=True, **option))


def test_a_function_that_connects_is_refused(library: Any) -> None:
    client = library.Client()
    client.connection_pool.connection_kwargs["redis_connect_func"] = print

    with pytest.raises(SettingsError, match="must have no redis_connect_func"):
        read_source(client)


def test_connections_of_another_package_are_refused(library: Any) -> None:
    """They would lead to another place, as those of a fake for tests do."""
    client = library.Client()
    client.connection_pool.connection_class = type("FakeConnection", (), {"__module__": "fakes.connections"})

    with pytest.raises(SettingsError, match=r"got FakeConnection of fakes\.connections: .* memory://"):
        read_source(client)


def test_a_client_behind_sentinel_is_taken(library: Any) -> None:
    sentinel = library.Sentinel(
        [("one", 1), ("two", 2)], sentinel_kwargs={"username": "guard", "password": "other"}, password=PASSWORD, db=2
    )

    source = read_source(sentinel.master_for("main"))

    assert (source.kind, source.service) == ("sentinel", "main")
    assert source.places == (("one", 1), ("two", 2))
    assert (source.login.password, source.login.database) == (PASSWORD, 2)
    assert (source.sentinel_login.username, source.sentinel_login.password) == ("guard", "other")


def test_a_client_of_replicas_behind_sentinel_is_refused(library: Any) -> None:
    with pytest.raises(SettingsError, match="must not read from replicas"):
        read_source(library.Sentinel([("one", 1)]).slave_for("main"))


def test_a_client_behind_no_sentinel_is_refused(library: Any) -> None:
    with pytest.raises(SettingsError, match="at least one sentinel"):
        read_source(library.Sentinel([]).master_for("main"))


@pytest.fixture
def node(fake: Fake) -> FakeServer:
    """The only node of a cluster, which answers the questions of both libraries."""
    node = fake(AUTH=True, CLIENT=True, COMMAND=[], INFO=b"redis_version:7.2.0", EVALSHA=b"node", HELLO=[])
    node.answers["CLUSTER"] = [[0, 16383, [LOCAL.encode(), node.port, b"id"]]]
    node.answers["READONLY"] = True
    return node


def test_a_client_of_a_cluster_is_taken(library: Any, node: FakeServer, open_servers: Open) -> None:
    client = library.Cluster(host=LOCAL, port=node.port, username="user", password=PASSWORD, protocol=2)

    source = read_source(client)

    assert (source.kind, source.places) == ("cluster", (node.place,))
    assert (source.login.username, source.login.password, source.login.tls) == ("user", PASSWORD, None)
    assert open_servers(client).run(READ, [b"a"]) == b"node"
    client.close()


def test_places_that_the_client_of_a_cluster_exchanges_are_exchanged(
    library: Any, node: FakeServer, open_servers: Open
) -> None:
    """As where nodes know addresses of a network that only they are in."""
    node.answers["CLUSTER"] = [[0, 16383, [b"10.9.8.7", 1, b"id"]]]
    client = library.Cluster(host=LOCAL, port=node.port, protocol=2, address_remap=lambda _: node.place)

    assert open_servers(client).run(READ, [b"a"]) == b"node"
    client.close()


@pytest.mark.parametrize("option", ["read_from_replicas", "load_balancing_strategy"])
def test_a_client_of_a_cluster_that_reads_from_replicas_is_refused(library: Any, node: FakeServer, option: str) -> None:
    client = library.Cluster(host=LOCAL, port=node.port, protocol=2)
    setattr(client, option, True)

    with pytest.raises(SettingsError, match="must not read from replicas"):
        read_source(client)

    client.close()


@pytest.mark.parametrize("is_from_url", [False, True])
def test_the_tls_of_a_client_of_a_cluster_is_taken(library: Any, node: FakeServer, *, is_from_url: bool) -> None:
    client = library.Cluster(host=LOCAL, port=node.port, protocol=2)
    options = {"connection_class": library.module.SSLConnection} if is_from_url else {"ssl": True}
    client.nodes_manager.connection_kwargs |= options

    assert read_source(client).login.tls is not None

    client.close()


@pytest.mark.parametrize("kind", [redis.asyncio.Redis])
def test_a_client_for_asyncio_is_refused(kind: Any) -> None:
    with pytest.raises(SettingsError, match="got one for asyncio"):
        read_source(kind())


@pytest.mark.parametrize(
    "value",
    [None, 5, b"redis://a", object(), redis.Redis, {}, SimpleNamespace(), type("Client", (), {"execute_command": 1})()],
    ids=lambda value: type(value).__name__,
)
def test_another_object_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match="got an object of type"):
        read_source(value)
