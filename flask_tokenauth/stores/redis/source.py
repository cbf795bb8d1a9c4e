"""Reads what an application names: a URL, or a client object of redis-py or valkey-py."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

from ...core.errors import SettingsError
from .client_objects import read_client
from .places import PORT, SENTINEL_PORT, Kind, Login, Place, Source
from .tls import make_context

MOST_REPLICAS = 10  # that a write waits for

_SCHEMES: dict[str, tuple[Kind, bool]] = {  # with True for TLS
    scheme + suffix: (kind, has_tls)
    for scheme, has_tls in {"redis": False, "rediss": True, "valkey": False, "valkeys": True}.items()
    for suffix, kind in cast("dict[str, Kind]", {"": "server", "+sentinel": "sentinel", "+cluster": "cluster"}).items()
}
_FORMS = (
    "redis://USER:PASSWORD@HOST:PORT/0, rediss:// for TLS, unix:///run/redis.sock, "
    "redis+sentinel://HOST:PORT,HOST:PORT/NAME or redis+cluster://HOST:PORT,HOST:PORT"
)
_CHARACTERS = "In a user name or a password, write special characters as %XX, for example %40 for @"
_OF_TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_OF_SENTINEL = ("sentinel_username", "sentinel_password")


def read_source(source: object) -> Source:
    """Return what to connect to. Nothing is connected.

    Args:
        source: a URL, or a client object of redis-py or valkey-py.

    Raises:
        SettingsError: *source* is neither, or asks for something that the store must not do. The message does not
            repeat it: it may contain a password.
    """
    return _read_url(source) if isinstance(source, str) else read_client(source)


def _read_url(url: str) -> Source:
    scheme, separator, rest = url.partition("://")
    if not separator or (scheme not in _SCHEMES and scheme != "unix"):
        raise SettingsError(f"the URL of the store must be one of {_FORMS}; got another string")
    address, _, query = rest.partition("?")
    if "#" in url or "@" in query:
        raise SettingsError(f"the URL of the store must have no # and no @ after the first ?: {_CHARACTERS}")
    if scheme == "unix":
        return _read_unix(address, query)
    kind, has_tls = _SCHEMES[scheme]
    netloc, _, path = address.partition("/")
    userinfo, _, hosts = netloc.rpartition("@")
    places = _read_places(hosts, SENTINEL_PORT if kind == "sentinel" else PORT)
    if kind == "server" and len(places) > 1:
        raise SettingsError(
            "the URL of one server must have one host, got several: write redis+sentinel:// or redis+cluster://"
        )
    parameters = _read_parameters(query, {"wait", *_OF_TLS, *(_OF_SENTINEL if kind == "sentinel" else ())})
    service, path = _split_service(path) if kind == "sentinel" else ("", path)
    database = _read_database(path)
    if kind == "cluster" and database:
        raise SettingsError("the URL of a cluster must name no database but 0: a cluster has no other")
    tls = _read_tls(parameters, has_tls=has_tls)
    username, password = _read_user(userinfo)
    return Source(
        kind=kind,
        places=places,
        login=Login(username=username, password=password, database=database, tls=tls),
        sentinel_login=Login(
            username=parameters.get("sentinel_username"), password=_read_sentinel_password(parameters), tls=tls
        ),
        service=service,
        wait=_read_wait(parameters),
    )


def _read_unix(address: str, query: str) -> Source:
    userinfo, at, path = address.rpartition("@") if not address.startswith("/") else ("", "", address)
    if not path.startswith("/") or (at and "/" in userinfo):
        raise SettingsError(
            f"the URL of a Unix socket must be as unix:///run/redis.sock, with three slashes. {_CHARACTERS}"
        )
    parameters = _read_parameters(query, {"wait", "db"})
    username, password = _read_user(userinfo)
    login = Login(username=username, password=password, database=_read_database(parameters.get("db", "")))
    return Source(kind="server", places=(unquote(path),), login=login, wait=_read_wait(parameters))


def _read_places(hosts: str, default_port: int) -> tuple[Place, ...]:
    places: list[Place] = []
    for part in hosts.split(","):
        host, colon, port = part.rpartition(":") if not part.endswith("]") else (part, "", "")
        if not colon:
            host = part
        is_ipv6 = host.startswith("[") and host.endswith("]")
        host = host[1:-1] if is_ipv6 else host
        number = int(port) if port.isascii() and port.isdecimal() and len(port) <= len("65535") else 0
        if not host or (":" in host and not is_ipv6) or (colon and not 0 < number <= 65_535):  # noqa: PLR2004
            raise SettingsError(
                "each host in the URL of the store must be as HOST or HOST:PORT, with a port of 1 to 65535, and an "
                f"address of IPv6 in brackets; got another string. {_CHARACTERS}"
            )
        places.append((unquote(host), number or default_port))
    return tuple(places)


def _read_user(userinfo: str) -> tuple[str | None, str | None]:
    username, colon, password = userinfo.partition(":")
    if username and not (colon and password):
        raise SettingsError("a user in the URL of the store must have a password: write USER:PASSWORD@ before the host")
    return unquote(username) or None, unquote(password) or None


def _read_parameters(query: str, known: set[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            shown = name if name.isidentifier() and name.isascii() else "another string"
            raise SettingsError(f"the parameters of this URL of a store can be {', '.join(sorted(known))}; got {shown}")
        if name in parameters:
            raise SettingsError(f"the parameter {name} must be in the URL of the store once, got it twice")
        parameters[name] = value
    return parameters


def _split_service(path: str) -> tuple[str, str]:
    service, _, database = path.partition("/")
    if not service:
        raise SettingsError(
            "the URL of a store behind Sentinel must name the primary, as redis+sentinel://HOST:PORT,HOST:PORT/NAME: "
            "the name that is in the configuration of the sentinels"
        )
    return unquote(service), database


def _read_database(string: str) -> int:
    if not string:
        return 0
    if string.isascii() and string.isdecimal() and len(string) <= 9:  # noqa: PLR2004  # more than any server has
        return int(string)
    raise SettingsError(
        f"the database in the URL of the store must be a number from 0, got another string. {_CHARACTERS}"
    )


def _read_wait(parameters: Mapping[str, str]) -> int:
    given = parameters.get("wait")
    if given is None:
        return 0
    with suppress(ValueError):
        if given.isascii() and given.isdecimal() and 1 <= int(given) <= MOST_REPLICAS:
            return int(given)
    raise SettingsError(
        f"wait in the URL of the store must be the number of replicas that acknowledge a write, 1 to {MOST_REPLICAS}, "
        "got another value: leave it out not to wait"
    )


def _read_sentinel_password(parameters: Mapping[str, str]) -> str | None:
    password = parameters.get("sentinel_password")
    if "sentinel_username" in parameters and not password:
        raise SettingsError("sentinel_username in the URL of the store must come with sentinel_password")
    return password


def _read_tls(parameters: Mapping[str, str], *, has_tls: bool) -> ssl.SSLContext | None:
    given = {name: value for name, value in parameters.items() if name in _OF_TLS}
    if not has_tls:
        if given:
            raise SettingsError(f"{min(given)} in the URL of the store needs TLS: write rediss:// in place of redis://")
        return None
    checks: dict[str, Callable[[str], Any]] = {"ssl_check_hostname": _read_boolean}
    return make_context({name: checks.get(name, str)(value) for name, value in given.items()})


def _read_boolean(string: str) -> bool:
    values = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if string.lower() not in values:
        raise SettingsError("ssl_check_hostname in the URL of the store must be true or false, got another value")
    return values[string.lower()]
