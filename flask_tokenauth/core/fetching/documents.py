"""Fetch a small JSON document of another issuer, without a redirect, and within one time limit."""

from importlib.util import find_spec
from typing import NamedTuple

from ..errors import SettingsError
from ..time_limit import time_limit
from .addresses import Address, GetAddrInfo, Reach, is_address, resolve, resolve_proxy
from .answers import read_document
from .failures import FetchFailed
from .freshness import read_lifetime
from .proxies import Proxy, find_proxy
from .urls import Target, parse_url

__all__ = ["FetchFailed", "Fetched", "fetch"]


class Fetched(NamedTuple):
    """A document.

    Attributes:
        body: its bytes, untrusted.
        lifetime: the seconds that it may still be used; 0 if it must not be kept, None if the server does not say it.
        is_private: whether it came from an address of a private network.
        is_loopback: whether it came from this machine. Both are False if it came through a proxy.
    """

    body: bytes
    lifetime: float | None
    is_private: bool
    is_loopback: bool


def fetch(
    url: str,
    *,
    reach: Reach,
    seconds: float = 5.0,
    max_bytes: int = 256 * 1024,
    use_proxy: bool = False,
    getaddrinfo: GetAddrInfo | None = None,
) -> Fetched:
    """Fetch a document with a GET request.

    Redirects, cookies and passwords of files are not used, nothing is tried again, and no connection is kept. The
    server's certificate must be valid for the host in the URL.

    Args:
        url: https://…, or http://… for this machine if *reach* allows it.
        reach: the addresses that may be connected to, besides global ones.
        seconds: from the call until the whole body has come. Only the system's resolver, which looks up the name, does
            not know this limit.
        max_bytes: the size of the largest body.
        use_proxy: connect through the proxy that the environment names (``HTTPS_PROXY``, ``NO_PROXY``). Then the proxy
            looks up the name, so its addresses are not judged: the proxy must refuse those that it must not reach.
        getaddrinfo: looks up the name; None for ``socket.getaddrinfo``.

    Raises:
        FetchFailed: the document could not be fetched.
        SettingsError: urllib3 is not installed.
    """
    check_installed()
    from .connections import open_reply  # noqa: PLC0415  # urllib3 may not be installed

    with time_limit(seconds):
        target = parse_url(url, reach=reach)
        proxy = find_proxy(target) if use_proxy else None
        addresses = _find_addresses(target, proxy, reach=reach, getaddrinfo=getaddrinfo)
        with open_reply(target, addresses, proxy=proxy, max_bytes=max_bytes) as reply:
            body = read_document(reply, target.host, max_bytes=max_bytes)
    address = reply.address
    return Fetched(body, read_lifetime(reply.headers), address.is_private, address.is_loopback)


def check_installed() -> None:
    """Check that urllib3 is installed, without importing it.

    Raises:
        SettingsError: it is not.
    """
    if find_spec("urllib3") is None:
        raise SettingsError(
            "fetching the keys of another issuer needs urllib3, which is not installed: pip install "
            "'flask-tokenauth-jwt[jwks]'"
        )


def _find_addresses(
    target: Target, proxy: Proxy | None, *, reach: Reach, getaddrinfo: GetAddrInfo | None
) -> list[Address]:
    """Return the addresses to connect to. Those of a proxy are its administrator's, and are not judged."""
    if proxy is not None:
        if is_address(target.host):
            resolve(target.host, target.port, reach=reach, getaddrinfo=getaddrinfo)  # this one is known
        return resolve_proxy(proxy.host, proxy.port, getaddrinfo=getaddrinfo)
    addresses = resolve(target.host, target.port, reach=reach, getaddrinfo=getaddrinfo)
    if target.scheme == "http" and not all(address.is_loopback for address in addresses):
        raise FetchFailed(
            f"{target.host} must be an address of this machine for plain HTTP, got another address: correct the "
            "addresses of the name, or use https://"
        )
    return addresses
