"""A fetch connects to addresses on the internet only, and to those of its own networks where that is allowed."""

import ipaddress
import socket
from typing import NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_tokenauth.core.fetching.addresses import (
    Address,
    Reach,
    Zone,
    is_address,
    is_loopback_host,
    resolve,
    resolve_proxy,
)
from flask_tokenauth.core.fetching.failures import FetchFailed

from .kit import Names

INTERNET = Reach()
ANYWHERE = Reach(loopback=True, private=True)
NAME = "issuer.example"


def zone_of(ip: str, reach: Reach = ANYWHERE) -> Zone | None:
    """Return the zone of an address that may be connected to; None if it is refused."""
    try:
        [address] = resolve(NAME, 443, reach=reach, getaddrinfo=Names([ip]))
    except FetchFailed:
        return None
    return address.zone


GLOBAL = ["8.8.8.8", "1.0.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "3ffe::1"]
PRIVATE = [
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "fc00::",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fd00:ec1::254",
    "fd00:ec3::254",
]
LOOPBACK = ["127.0.0.0", "127.0.0.1", "127.255.255.255", "::1"]
OUTSIDE = [  # the neighbours of ranges
    "9.255.255.255",
    "11.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "1.0.0.0",
    "223.255.255.255",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "2000::",
    "2001:200::",
    "2001:db9::",
    "3fff:1000::",
]
NEVER = [
    "0.0.0.0",
    "0.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "192.0.0.0",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
    "::",
    "100::1",
    "1fff:ffff::",
    "2001:1ff::1",
    "2001:2::1",
    "2001:db8::1",
    "3fff::1",
    "4000::",
    "5f00::1",
    "fbff::1",
    "fd00:c1::a9fe:a9fe",
    "fd00:ec2::",
    "fd00:ec2::254",
    "fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff",
    "fd20:ce::254",
    "fe00::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "::ffff:0:8.8.8.8",
    "no address",
]


@pytest.mark.parametrize("ip", GLOBAL + OUTSIDE)
def test_an_address_on_the_internet_is_allowed(ip: str) -> None:
    assert zone_of(ip, INTERNET) is Zone.GLOBAL


@pytest.mark.parametrize("ip", PRIVATE)
def test_a_private_address_needs_leave(ip: str) -> None:
    assert zone_of(ip, Reach(private=True)) is Zone.PRIVATE
    assert zone_of(ip, Reach(loopback=True)) is None


@pytest.mark.parametrize("ip", LOOPBACK)
def test_an_address_of_this_machine_needs_leave(ip: str) -> None:
    assert zone_of(ip, Reach(loopback=True)) is Zone.LOOPBACK
    assert zone_of(ip, Reach(private=True)) is None


@pytest.mark.parametrize("ip", NEVER)
def test_special_addresses_are_never_allowed(ip: str) -> None:
    assert zone_of(ip) is None


def wrap(ip: str) -> dict[str, str]:
    """Return IPv6 addresses that contain an IPv4 address, by the way in which they do."""
    number = int(ipaddress.IPv4Address(ip))
    high, low = number >> 16, number & 0xFFFF
    client = number ^ 0xFFFF_FFFF
    return {
        "mapped": f"::ffff:{ip}",
        "compatible": f"::{high:x}:{low:x}",
        "NAT64": f"64:ff9b::{high:x}:{low:x}",
        "6to4": f"2002:{high:x}:{low:x}::1",
        "Teredo client": f"2001:0:808:808:0:0:{client >> 16:x}:{client & 0xFFFF:x}",
        "Teredo server": f"2001:0:{high:x}:{low:x}::f7f7:f7f7",
    }


WAYS = list(wrap("8.8.8.8"))
NEVER_IPV4 = [ip for ip in NEVER if ":" not in ip and "." in ip]


@pytest.mark.parametrize("way", WAYS)
def test_ipv6_around_an_address_on_the_internet_is_allowed(way: str) -> None:
    assert zone_of(wrap("8.8.8.8")[way], INTERNET) is Zone.GLOBAL


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ip", [ip for ip in PRIVATE if "." in ip])
def test_ipv6_around_a_private_address_is_private(ip: str, way: str) -> None:
    wrapped = wrap(ip)[way]

    assert zone_of(wrapped, Reach(private=True)) is Zone.PRIVATE
    assert zone_of(wrapped, Reach(loopback=True)) is None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ip", NEVER_IPV4)
def test_ipv6_around_a_special_address_is_never_allowed(ip: str, way: str) -> None:
    assert zone_of(wrap(ip)[way]) is None


def test_a_mapped_address_of_this_machine_is_this_machine() -> None:
    assert zone_of("::ffff:127.0.0.1", Reach(loopback=True)) is Zone.LOOPBACK
    assert zone_of("::ffff:127.0.0.1", Reach(private=True)) is None


@pytest.mark.parametrize("way", [way for way in WAYS if way != "mapped"])
def test_the_loopback_behind_a_gateway_is_another_machine_and_never_allowed(way: str) -> None:
    assert zone_of(wrap("127.0.0.2")[way]) is None


@pytest.mark.parametrize(
    "ip",
    [
        "64:ff9b:1:a08:8:808:808:808",  # behind 48 bits; bits 64 to 71 belong to no address
        "64:ff9b:1:80a:8:808:808:808",  # behind 56 bits
        "64:ff9b:1:808:a:808:808:808",  # behind 64 bits
        "64:ff9b:1:808:8:808:a08:808",  # behind 96 bits
    ],
)
def test_a_local_prefix_of_nat64_may_hold_the_address_10_8_8_8_in_each_place(ip: str) -> None:
    """RFC 6052 section 2.2; RFC 8215 section 5 lets networks choose their prefixes within 64:ff9b:1::/48."""
    assert zone_of(ip, Reach(private=True)) is Zone.PRIVATE
    assert zone_of(ip, INTERNET) is None


def test_a_local_prefix_of_nat64_is_allowed_if_each_place_is_on_the_internet() -> None:
    assert zone_of("64:ff9b:1:808:8:808:808:808", INTERNET) is Zone.GLOBAL


def test_the_places_with_zeros_in_a_local_prefix_of_nat64_are_special() -> None:
    assert zone_of("64:ff9b:1::808:808") is None


@given(st.ip_addresses(v=4))
@example(ipaddress.IPv4Address("192.0.0.8"))
def test_no_address_that_python_calls_local_counts_as_the_internet(ip: ipaddress.IPv4Address) -> None:
    assert ip.is_global or zone_of(str(ip), INTERNET) is None


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"])
@pytest.mark.parametrize("order", [1, -1])
def test_one_bad_address_refuses_the_whole_name(bad: str, order: int) -> None:
    names = Names(["8.8.8.8", bad, "9.9.9.9"][::order])

    with pytest.raises(FetchFailed, match=r"issuer.example must have only addresses on the internet, got"):
        resolve(NAME, 443, reach=INTERNET, getaddrinfo=names)


def test_a_name_is_looked_up_once() -> None:
    names = Names(["8.8.8.8"], ["127.0.0.1"])

    resolve(NAME, 443, reach=INTERNET, getaddrinfo=names)

    assert names.asked == [NAME]


def test_the_addresses_keep_their_order_and_come_once() -> None:
    names = Names(["9.9.9.9", "2606:4700::1111", "9.9.9.9", "8.8.8.8"])

    addresses = resolve(NAME, 443, reach=INTERNET, getaddrinfo=names)

    assert addresses == [
        Address("9.9.9.9", socket.AF_INET, Zone.GLOBAL),
        Address("2606:4700::1111", socket.AF_INET6, Zone.GLOBAL),
        Address("8.8.8.8", socket.AF_INET, Zone.GLOBAL),
    ]


def test_an_address_says_whether_it_is_of_a_private_network_or_of_this_machine() -> None:
    addresses = resolve(NAME, 443, reach=ANYWHERE, getaddrinfo=Names(["8.8.8.8", "10.0.0.1", "127.0.0.1"]))

    assert [address.is_private for address in addresses] == [False, True, False]
    assert [address.is_loopback for address in addresses] == [False, False, True]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.0.0.1", "0x7f.1", "2130706433", "127.1", "0177.0.0.1"])
def test_a_literal_address_goes_the_same_way(host: str) -> None:
    """Each resolver reads more spellings than the standard has, so its result counts."""
    with pytest.raises(FetchFailed):
        resolve(host, 443, reach=INTERNET)


def test_the_resolver_of_the_system_is_the_usual_one() -> None:
    assert resolve("127.0.0.1", 443, reach=ANYWHERE) == [Address("127.0.0.1", socket.AF_INET, Zone.LOOPBACK)]


def test_a_resolver_that_is_exchanged_later_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """gevent does that."""
    monkeypatch.setattr(socket, "getaddrinfo", Names(["8.8.8.8"]))

    assert [address.ip for address in resolve(NAME, 443, reach=INTERNET)] == ["8.8.8.8"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (UnicodeError("label too long: hunter2"), "it is not a valid name"),
    ],
)
def test_a_name_that_is_not_found_says_so(error: Exception, reason: str) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    with pytest.raises(FetchFailed) as caught:
        resolve(NAME, 443, reach=INTERNET, getaddrinfo=fail)

    assert f"was not found ({reason})" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(FetchFailed, match="must have an address, but has none"):
        resolve(NAME, 443, reach=INTERNET, getaddrinfo=Names([]))


def test_the_addresses_of_a_proxy_are_not_judged() -> None:
    addresses = resolve_proxy("proxy.example", 3128, getaddrinfo=Names(["10.0.0.1", "fe80::1%eth0"]))

    assert [(address.ip, address.zone) for address in addresses] == [
        ("10.0.0.1", Zone.UNKNOWN),
        ("fe80::1%eth0", Zone.UNKNOWN),
    ]


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.255.255.255", "::1", "0:0:0:0:0:0:0:1"])
def test_a_host_is_this_machine_by_its_spelling(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost.",
        "a.localhost",
        "localhost.localdomain",
        "127.0.0.1.",
        "127.1",
        "0x7f.1",
        "2130706433",
        "126.255.255.255",
        "128.0.0.0",
        "::1%lo",
        "::2",
        "::ffff:127.0.0.1",
        "[::1]",
        "①②⑦.0.0.1",
    ],
)
def test_another_spelling_is_not_this_machine(host: str) -> None:
    assert not is_loopback_host(host)


@pytest.mark.parametrize(("host", "expected"), [("8.8.8.8", True), ("::1", True), ("a.example", False), ("", False)])
def test_a_host_may_be_an_address(host: str, expected: bool) -> None:  # noqa: FBT001
    assert is_address(host) is expected
