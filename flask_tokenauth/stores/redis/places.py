"""The servers that a configuration names: their places, how to log in to them, and their TLS."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["server", "sentinel", "cluster"]
Place = tuple[str, int] | str  # the host and the port, or the path of a Unix socket

PORT, SENTINEL_PORT = 6379, 26379


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to open a connection: the user, the database, and TLS.

    Attributes:
        credentials: an object of redis-py or valkey-py with ``get_credentials``, in place of the user and the password.
        tls: None for a connection without TLS.
    """

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    credentials: Any = field(default=None, repr=False)
    client_name: str | None = field(default=None, repr=False)
    database: int = 0
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The servers of a store, and how to connect to them.

    Attributes:
        kind: one server, servers behind Sentinel, or a cluster.
        places: of the server, of the sentinels, or of some nodes of the cluster. There is at least one.
        login: for the servers with the data.
        sentinel_login: for the sentinels.
        service: the name by which the sentinels know the primary.
        wait: how many replicas must acknowledge a write; 0 not to wait for them.
        remap: returns the place where a node of the cluster can be reached.
    """

    kind: Kind
    places: tuple[Place, ...] = field(repr=False)
    login: Login = field(default=Login(), repr=False)
    sentinel_login: Login = field(default=Login(), repr=False)
    service: str = field(default="", repr=False)
    wait: int = 0
    remap: Callable[[tuple[str, int]], tuple[str, int]] | None = field(default=None, repr=False)
