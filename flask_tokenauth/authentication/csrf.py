"""Which requests come from pages of the application itself: protection of cookies against CSRF (RFC 6265 section 8.2).

Browsers say where a request comes from, in headers that scripts cannot change: ``Sec-Fetch-Site`` (Fetch Metadata), and
``Origin`` (RFC 6454 section 7) in older browsers and for WebSockets. So no CSRF tokens are needed.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

DISPATCHED = "_tokenauth_dispatched"  # attribute of requests that Flask dispatches to a view
_SITE = "HTTP_SEC_FETCH_SITE"
_ORIGIN = "HTTP_ORIGIN"
_UPGRADE = "HTTP_UPGRADE"
_FROM_OWN_PAGE = frozenset({"same-origin", "none"})  # none: the user has typed the address
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?"  # a name or an address, and perhaps a port
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class OriginCheck:
    """Decides whether a request comes from a page of the application, or of an origin that it trusts.

    Args:
        own: the origin of the application; None for the one that each request was sent to.
        trusted: origins that are trusted besides.
    """

    def __init__(self, own: str | None, trusted: Collection[str] = ()) -> None:
        self._own = None if own is None else write_origin(own)
        self._trusted = frozenset(map(write_origin, trusted))

    def allows(self, req: Request) -> bool:
        """Return whether *req* comes from a page of the application, or of a trusted origin."""
        environ = req.environ
        site, origin = environ.get(_SITE), environ.get(_ORIGIN)
        if site in _FROM_OWN_PAGE:
            return True
        if not origin:
            return False
        return (site is None and origin == self.find_own(req)) or origin in self._trusted

    def find_own(self, req: Request) -> str | None:
        """Return the origin of the application, as browsers write it. None if the request has no good ``Host``.

        Headers of proxies do not count, unless werkzeug's ``ProxyFix`` has read them.
        """
        if self._own is not None:
            return self._own
        try:
            return write_origin(f"{req.scheme}://{req.host}") if re.fullmatch(_HOST, req.host) else None
        except (HTTPException, ValueError):  # not a trusted host, or a port that is no number
            return None

    def is_secure(self, req: Request) -> bool:
        """Return whether browsers keep secure cookies of the answer: over HTTPS, or on the same machine."""
        if req.is_secure:
            return True
        own = urlsplit(self.find_own(req) or "")
        name = own.hostname or ""
        return own.scheme == "https" or name in _LOOPBACK or name.endswith(".localhost")


def may_change(req: Request) -> bool:
    """Return whether *req* may change something, so that a cookie counts only from pages of the application.

    Any page can begin a WebSocket. A handler of Flask-SocketIO has the request of the handshake, which Flask does not
    dispatch to a view: it may be anything.
    """
    if req.method not in SAFE_METHODS or DISPATCHED not in req.__dict__:
        return True
    return _UPGRADE in req.environ and "websocket" in req.environ[_UPGRADE].lower()


def is_from_browser(environ: Mapping[str, Any]) -> bool:
    """Return whether a browser has sent the request: it has a header that browsers set by themselves."""
    return _SITE in environ or _ORIGIN in environ


def write_origin(url: str) -> str:
    """Return the origin of a URL as browsers write it: in lower case, and without the default port.

    Args:
        url: a scheme, a host and perhaps a port.

    Raises:
        ValueError: the port is no number.
    """
    parts = urlsplit(url)
    scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"
