"""Reads client objects of redis-py and valkey-py. Their settings are taken, and never their connections."""

from collections.abc import Mapping
from inspect import iscoroutinefunction
from typing import Any

from ...core.errors import SettingsError
from .places import PORT, Login, Place, Source
from .tls import make_context

_WANTED = (
    "the store must be a URL such as redis://USER:PASSWORD@HOST/0, or a Redis or RedisCluster object of redis-py or a "
    "Valkey or ValkeyCluster object of valkey-py"
)
_DRIVERS = ("redis", "valkey")
_REPLICAS = (
    "the client of the store must not read from replicas, which can lag behind a revocation: pass a client without "
    "read_from_replicas and load_balancing_strategy, and behind Sentinel one of master_for"
)


def read_client(client: object) -> Source:
    """Return what a client object is connected to, or would connect to.

    Raises:
        SettingsError: it is another object, one for asyncio, or one that reads from replicas.
    """
    anything: Any = client
    execute = getattr(type(client), "execute_command", None)
    if execute is None or isinstance(client, type):
        raise SettingsError(f"{_WANTED}; got an object of type {type(client).__name__}")
    if iscoroutinefunction(execute) or ".asyncio." in f".{type(client).__module__}.":
        raise SettingsError(f"{_WANTED}; got one for asyncio: pass a client without asyncio")
    if hasattr(anything, "nodes_manager"):
        return _read_cluster(anything)
    pool = getattr(anything, "connection_pool", None)
    if not isinstance(getattr(pool, "connection_kwargs", None), dict):
        raise SettingsError(f"{_WANTED}; got an object of type {type(client).__name__}")
    return _read_sentinel(pool) if hasattr(pool, "sentinel_manager") else _read_server(pool)


def _read_server(pool: Any) -> Source:
    return Source(kind="server", places=(_read_place(pool.connection_kwargs),), login=_read_login(pool))


def _read_sentinel(pool: Any) -> Source:
    if not pool.is_master:
        raise SettingsError(_REPLICAS)
    sentinels = [sentinel.connection_pool for sentinel in pool.sentinel_manager.sentinels]
    if not sentinels:
        raise SettingsError("the Sentinel object of the store must have at least one sentinel, got none")
    return Source(
        kind="sentinel",
        places=tuple(_read_place(sentinel.connection_kwargs) for sentinel in sentinels),
        login=_read_login(pool),
        sentinel_login=_read_login(sentinels[0]),
        service=pool.service_name,
    )


def _read_cluster(client: Any) -> Source:
    if getattr(client, "read_from_replicas", False) or getattr(client, "load_balancing_strategy", None):
        raise SettingsError(_REPLICAS)
    manager = client.nodes_manager
    nodes = [*manager.startup_nodes.values(), *manager.nodes_cache.values()]
    options = manager.connection_kwargs
    return Source(
        kind="cluster",
        places=tuple(dict.fromkeys((node.host, node.port) for node in nodes)),
        login=_make_login(options, has_tls=bool(options.get("ssl")) or _is_tls(options.get("connection_class"))),
        remap=getattr(manager, "address_remap", None),
    )


def _is_tls(kind: Any) -> bool:
    """Return whether a class of connections is that of redis-py or valkey-py for TLS, or a subclass."""
    return any(base.__name__ == "SSLConnection" for base in getattr(kind, "__mro__", ()))


def _read_place(options: Mapping[str, Any]) -> Place:
    if path := options.get("path"):
        return str(path)
    return str(options.get("host", "localhost")), int(options.get("port", PORT))


def _read_login(pool: Any) -> Login:
    options, kind = pool.connection_kwargs, pool.connection_class
    if options.get("redis_connect_func"):
        raise SettingsError("the client of the store must have no redis_connect_func: pass another client")
    if kind.__module__.partition(".")[0] not in _DRIVERS:  # the store would go to another place than it does
        raise SettingsError(
            f"the client of the store must have connections of redis-py or valkey-py, got {kind.__name__} of "
            f"{kind.__module__}: pass another client, or memory:// in tests"
        )
    return _make_login(options, has_tls=_is_tls(pool.connection_class))


def _make_login(options: Mapping[str, Any], *, has_tls: bool) -> Login:
    return Login(
        username=options.get("username") or None,
        password=options.get("password") or None,
        credentials=options.get("credential_provider"),
        client_name=options.get("client_name"),
        database=int(options.get("db") or 0),
        tls=make_context(options) if has_tls else None,
    )
