"""Find the addresses of a host, and judge whether a fetch may connect to them.

An attacker who can choose a URL, or the addresses of a name, could use this server to reach others that only its own
network can reach (server-side request forgery). So a name is looked up once, all its addresses are judged, and the
connection goes to one of those. IPv6 addresses that contain an IPv4 address are judged by it. A NAT64 gateway with a
prefix of its own cannot be recognised (RFC 6052 section 2.1).
"""

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, NamedTuple

from .failures import FetchFailed

GetAddrInfo = Callable[..., Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The addresses that a fetch may connect to, besides global ones.

    Attributes:
        loopback: 127.0.0.0/8 and ::1, also with plain HTTP.
        private: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 and fc00::/7, except for the addresses of
            cloud services that give out credentials.
    """

    loopback: bool = False
    private: bool = False


class Zone(Enum):
    """The part of the network that an address belongs to."""

    GLOBAL = "global"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    UNKNOWN = "unknown"  # of a proxy, which is not judged


class Address(NamedTuple):
    """An address of a host: in numbers, with its family, and the zone that it belongs to."""

    ip: str
    family: int
    zone: Zone

    @property
    def is_private(self) -> bool:
        """Whether it is an address of a private network."""
        return self.zone is Zone.PRIVATE

    @property
    def is_loopback(self) -> bool:
        """Whether it is an address of this machine."""
        return self.zone is Zone.LOOPBACK


_LOOPBACK_4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_6 = IPv6Address("::1")
_PRIVATE_4 = tuple(map(IPv4Network, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]))
_PRIVATE_6 = IPv6Network("fc00::/7")
_GLOBAL_6 = IPv6Network("2000::/3")  # all others are special (RFC 4291 section 2.4)

# The registries of IANA for special addresses, and services of clouds for their own machines.
_NEVER_4 = tuple(
    map(
        IPv4Network,
        [
            "0.0.0.0/8",
            "100.100.100.200/32",  # the metadata of Alibaba Cloud
            "168.63.129.16/32",  # the agent of Azure
            "169.254.0.0/16",  # link-local: the metadata of most clouds
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ],
    )
)
_NEVER_6 = tuple(
    map(
        IPv6Network,
        [
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
            "fd00:c1::/32",  # the metadata of Oracle Cloud
            "fd00:ec2::/32",  # the metadata of AWS
            "fd20:ce::/32",  # the metadata of Google Cloud
        ],
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")


def _last(number: int) -> list[int]:
    return [number]


def _any_place(number: int) -> list[int]:
    """Return each place that RFC 6052 section 2.2 allows within a prefix of 48 bits; bits 64 to 71 belong to none."""
    without_gap = (number >> 64) << 56 | number & (1 << 56) - 1
    return [number, *(without_gap >> 88 - length for length in (48, 56, 64))]


# The IPv4 addresses in an IPv6 address, as numbers whose last 32 bits count.
_WRAPPED: tuple[tuple[IPv6Network, Callable[[int], list[int]]], ...] = (
    (IPv6Network("::/96"), _last),  # RFC 4291 section 2.5.5.1; :: too
    (IPv6Network("64:ff9b::/96"), _last),
    (IPv6Network("64:ff9b:1::/48"), _any_place),  # RFC 8215
    (IPv6Network("2002::/16"), lambda number: [number >> 80]),  # RFC 3056
    (IPv6Network("2001::/32"), lambda number: [number >> 64, ~number]),  # Teredo: server, client (RFC 4380 section 4)
)


def resolve(host: str, port: int, *, reach: Reach, getaddrinfo: GetAddrInfo | None = None) -> list[Address]:
    """Return all addresses of a host, if a fetch may connect to each of them.

    The system's resolver looks the name up. It does not know the time limit.

    Args:
        host: a name or an address, without brackets.
        port: of the server.
        reach: the addresses that are allowed besides global ones.
        getaddrinfo: looks up the name; None for ``socket.getaddrinfo``, as it is at the time of the call.

    Raises:
        FetchFailed: the host has no address, or one that is not allowed.
    """
    return [_judge(host, ip, family, reach) for ip, family in _look_up(host, port, getaddrinfo)]


def resolve_proxy(host: str, port: int, *, getaddrinfo: GetAddrInfo | None = None) -> list[Address]:
    """Return all addresses of a proxy. They are not judged: the administrator has chosen the proxy.

    Args:
        host: a name or an address, without brackets.
        port: of the proxy.
        getaddrinfo: looks up the name; None for ``socket.getaddrinfo``, as it is at the time of the call.

    Raises:
        FetchFailed: the proxy has no address.
    """
    return [Address(ip, family, Zone.UNKNOWN) for ip, family in _look_up(host, port, getaddrinfo)]


def is_address(host: str) -> bool:
    """Return whether a host is given by its address, without brackets."""
    return _parse(host) is not None


def is_loopback_host(host: str) -> bool:
    """Return whether a host is this machine, by its spelling alone: localhost, an address in 127.0.0.0/8, or ::1.

    Args:
        host: a name or an address, without brackets.
    """
    ip = _parse(host)
    return host.lower() == "localhost" or ip == _LOOPBACK_6 or (isinstance(ip, IPv4Address) and ip in _LOOPBACK_4)


def _parse(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _look_up(host: str, port: int, getaddrinfo: GetAddrInfo | None) -> Iterable[tuple[str, int]]:
    """Return the addresses with their families, each once and in their order."""
    try:
        found = (getaddrinfo or socket.getaddrinfo)(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # a UnicodeError if the name cannot be one
        reason = getattr(error, "strerror", None) or "it is not a valid name"
        raise FetchFailed(
            f"{host} must be the name of a server that can be found, but was not found ({reason}): check the name, and "
            "whether this machine can look up names"
        ) from None
    addresses = dict.fromkeys((str(place[0]), int(family)) for family, _, _, _, place in found)
    if not addresses:
        raise FetchFailed(f"{host} must have an address, but has none: check the name")
    return addresses


def _judge(host: str, ip: str, family: int, reach: Reach) -> Address:
    parsed = None if "%" in ip else _parse(ip)  # a scope is for link-local addresses only
    zone = None if parsed is None else _find_zone(parsed)
    allowed = {Zone.GLOBAL: True, Zone.PRIVATE: reach.private, Zone.LOOPBACK: reach.loopback}
    if zone is None:
        raise FetchFailed(
            f"{host} must have only addresses on the internet, got {ip}, which is special and never allowed: correct "
            "the host or its addresses"
        )
    if not allowed[zone]:
        raise FetchFailed(
            f"{host} must have only addresses on the internet, got {ip}, which is a {zone.value} address: correct the "
            f"host or its addresses, or allow {zone.value} addresses for this issuer"
        )
    return Address(ip, family, zone)


def _find_zone(ip: IPv4Address | IPv6Address) -> Zone | None:
    """Return the zone of an address; None if it is never allowed."""
    if isinstance(ip, IPv4Address):
        return _find_zone_4(ip)
    if ip in _MAPPED:  # a system connects to the IPv4 address itself
        return _find_zone_4(_cut(int(ip)))
    for network, unwrap in _WRAPPED:
        if ip in network and ip != _LOOPBACK_6:
            return _find_strictest({_find_zone_4(_cut(number)) for number in unwrap(int(ip))})
    return _find_zone_6(ip)


def _find_zone_6(ip: IPv6Address) -> Zone | None:
    if ip == _LOOPBACK_6:
        return Zone.LOOPBACK
    if any(ip in network for network in _NEVER_6):
        return None
    if ip in _PRIVATE_6:
        return Zone.PRIVATE
    return Zone.GLOBAL if ip in _GLOBAL_6 else None


def _find_zone_4(ip: IPv4Address) -> Zone | None:
    if any(ip in network for network in _NEVER_4):
        return None
    if ip in _LOOPBACK_4:
        return Zone.LOOPBACK
    return Zone.PRIVATE if any(ip in network for network in _PRIVATE_4) else Zone.GLOBAL


def _cut(number: int) -> IPv4Address:
    return IPv4Address(number & 0xFFFF_FFFF)


def _find_strictest(zones: set[Zone | None]) -> Zone | None:
    """Return the zone of an address behind a gateway or a tunnel, for which the loopback is another machine."""
    if zones & {None, Zone.LOOPBACK}:
        return None
    return Zone.PRIVATE if Zone.PRIVATE in zones else Zone.GLOBAL
