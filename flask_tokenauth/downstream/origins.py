"""The origins that may get a token (RFC 6454 section 4): scheme, host and port, compared exactly.

Parsers of URLs differ in how they read unusual ones. So only the plain grammar is read here, and nothing is corrected:
each HTTP client finds the same host in such a URL.
"""

import re
from collections.abc import Iterable

from ..core.fetching.addresses import Reach
from ..core.fetching.failures import FetchFailed
from ..core.fetching.urls import Target, parse_url

_ORIGIN = re.compile(r"[^/?#]*//[^/?#]*")  # the part of a URL before its path, its query and its fragment
_REACH = Reach(loopback=True)
_UPGRADED = ("http", 80)  # clients keep the token if such a URL redirects to https of the same host
_EXAMPLE = "https://reports.example.com"


class Origins:
    """A few origins.

    Args:
        urls: each is the beginning of URLs, with a scheme, a host and perhaps a port.

    Raises:
        TypeError: *urls* is one string, no iterable, or has a member that is no string.
        ValueError: it is empty, or has a member that is no origin.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        if isinstance(urls, str) or not hasattr(urls, "__iter__"):
            raise TypeError(f'origins must be a list of strings, got {type(urls).__name__}: pass ["{_EXAMPLE}"]')
        self._origins = frozenset(map(_read, urls))
        if not self._origins:
            raise ValueError(f'origins must have at least one URL, got none: pass ["{_EXAMPLE}"]')

    def has(self, url: str) -> bool:
        """Return whether a URL has one of the origins.

        Args:
            url: untrusted.
        """
        return find_origin(url) in self._origins

    def check(self, url: str) -> None:
        """Check that a URL has one of the origins.

        Args:
            url: untrusted.

        Raises:
            ValueError: it has another one. The message has its origin, but neither its path nor a password in it.
        """
        origin = find_origin(url)
        if origin not in self._origins:
            listed = ", ".join(sorted(self._origins))
            got = origin or "one with plain HTTP, a user, or a host that is not plain ASCII"
            raise ValueError(
                f"the URL must have one of the origins of this ExchangeAuth ({listed}), got {got}: the token is sent "
                "nowhere else. Add the origin if its service may have the token, or send this request without it"
            )


def find_origin(url: str) -> str | None:
    """Return the origin of a URL in lower case, without a default port; None if the URL may not get a token.

    Args:
        url: untrusted.
    """
    found = _ORIGIN.match(url)
    try:
        return None if found is None else parse_url(found[0], reach=_REACH).origin
    except FetchFailed:
        return None


def _read(url: object) -> str:
    if not isinstance(url, str):
        raise TypeError(f"an origin must be a string, got {type(url).__name__}: pass {_EXAMPLE}")
    try:
        target = parse_url(url, reach=_REACH)
    except FetchFailed as error:
        raise ValueError(f"an origin must be a scheme, a host and perhaps a port, as {_EXAMPLE}: {error}") from None
    _check(target)
    return target.origin


def _check(target: Target) -> None:
    if target.path != "/" or target.query:
        raise ValueError(
            f"an origin must be a scheme, a host and perhaps a port, as {_EXAMPLE}, got a URL with a path or a query: "
            "leave these out, since each path of the service gets the token"
        )
    if (target.scheme, target.port) == _UPGRADED:
        raise ValueError(
            f"an origin with http:// must have another port than 80, got {target.origin}: HTTP clients send the token "
            "on if such a URL redirects to https://"
        )
