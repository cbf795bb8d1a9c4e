"""Read the URLs that are fetched.

Parsers of URLs differ in how they read unusual ones, and an attacker uses that: one parser finds a good host, another
one connects to a bad one. So only the plain grammar is read here, with one pattern, and nothing is corrected.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from .addresses import Reach, is_loopback_host
from .failures import FetchFailed

MAX_LENGTH = 2048  # characters

_PORTS = {"https": 443, "http": 80}
_LAST_PORT = 65_535
_LONGEST_NAME = 253  # characters (RFC 1035 section 3.1, without the dot at the end)
_CHARACTERS = r"[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}"  # of a path (RFC 3986 section 3.3)
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63})"
    r"(?::(?P<port>[0-9]{1,5}))?"
    rf"(?P<path>/(?:{_CHARACTERS})*)?"
    rf"(?P<query>\?(?:{_CHARACTERS}|\?)*)?",
    re.IGNORECASE | re.ASCII,  # without ASCII, other letters that fold to k and s would match
)
_NUMBER = re.compile(
    r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE | re.ASCII
)  # after the last dot: resolvers read such a name as IPv4

_RULES = (
    f"the URL must be https://HOST:PORT/PATH?QUERY with at most {MAX_LENGTH} ASCII characters, a port from 1 to "
    f"{_LAST_PORT}, if any, and no user, fragment, space, backslash or control character, got another one: write an "
    "international host as xn--…, an IPv4 address as four decimal numbers, and other characters as %XX"
)
_LOCAL_ISSUER = "development, with an issuer whose own name is on this machine, such as http://localhost:5000"


class Target(NamedTuple):
    """The parts of a URL.

    Attributes:
        scheme: https, or http for this machine.
        host: in lower case, without brackets.
        port: from 1 to 65535.
        path: begins with a slash, and has no query.
        query: with its question mark, or empty.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def host_and_port(self) -> str:
        """The host, in brackets if it is an IPv6 address, and the port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """The host, and the port if it is not the usual one (RFC 9110 section 7.2)."""
        return self.host_and_port.removesuffix(f":{_PORTS[self.scheme]}")

    @property
    def origin(self) -> str:
        """The URL without its path and its query."""
        return f"{self.scheme}://{self.authority}"


def parse_url(url: str, *, reach: Reach) -> Target:
    """Return the parts of a URL that may be fetched.

    Args:
        url: untrusted.
        reach: with ``loopback``, plain HTTP is allowed for hosts that are this machine by their spelling.

    Raises:
        FetchFailed: *url* is not one that may be fetched. The message does not repeat it.
    """
    found = _URL.fullmatch(url) if len(url) <= MAX_LENGTH else None
    if found is None or not _is_host(found["host"]):
        raise FetchFailed(_RULES)
    scheme = found["scheme"].lower()
    port = int(found["port"] or _PORTS[scheme])
    if not 1 <= port <= _LAST_PORT:
        raise FetchFailed(_RULES)
    host = found["host"].strip("[]").lower()
    if scheme == "http" and not (reach.loopback and is_loopback_host(host)):
        allowed = "the loopback of this machine (localhost, 127.0.0.1, [::1])" if reach.loopback else _LOCAL_ISSUER
        raise FetchFailed(
            f"the URL must be https://, got http:// and the host {host}: use https://. Plain HTTP is only for {allowed}"
        )
    return Target(scheme, host, port, found["path"] or "/", found["query"] or "")


def _is_host(host: str) -> bool:
    try:
        if host.startswith("["):
            IPv6Address(host[1:-1])
        elif _NUMBER.fullmatch(host.rpartition(".")[2]):
            IPv4Address(host)
    except ValueError:
        return False
    return len(host) <= _LONGEST_NAME
