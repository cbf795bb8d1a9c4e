"""Find the HTTP proxy that the environment of the process names for a URL."""

import base64
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from .addresses import is_loopback_host
from .failures import FetchFailed
from .urls import Target

_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE | re.ASCII)


class Proxy(NamedTuple):
    """A proxy. The headers are for it alone: they may have a password."""

    scheme: str
    host: str
    port: int
    headers: dict[str, str]


def find_proxy(target: Target) -> Proxy | None:
    """Return the proxy for a URL; None to connect directly.

    ``HTTPS_PROXY`` and ``NO_PROXY`` count in either case, and the settings of macOS and Windows, as for
    ``urllib.request``. Hosts that are this machine by their spelling never have a proxy: it would connect to itself.

    Raises:
        FetchFailed: the environment names a proxy that cannot be used. The message does not repeat it.
    """
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  # it imports much, and few need it

    url = getproxies().get("https")
    if not url or is_loopback_host(target.host) or proxy_bypass(target.host_and_port):
        return None
    proxy = _parse(url if _SCHEME.match(url) else f"http://{url}")
    if proxy is None:
        raise FetchFailed(
            "HTTPS_PROXY must be http://HOST:PORT or https://HOST:PORT, also with USER:PASSWORD@ before the host, got "
            "another string: correct it, add the host to NO_PROXY, or use no proxy"
        )
    return proxy


def _parse(url: str) -> Proxy | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        return None
    headers = {}
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode()}"
    return Proxy(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], headers)
