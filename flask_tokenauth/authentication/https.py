"""Tokens over plain HTTP: the setting ``TOKENAUTH_ENFORCE_HTTPS`` (RFC 6750 section 5.3)."""

import logging
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from werkzeug.wrappers import Request

from ..core.errors import InsecureTransport

_FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"
_FORWARDED = "HTTP_FORWARDED"  # RFC 7239
_FORWARDING = (  # headers that proxies add
    _FORWARDED_PROTO,
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    _FORWARDED,
    "HTTP_X_REAL_IP",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_SCHEME",
    "HTTP_X_FORWARDED_SSL",
    "HTTP_X_FORWARDED_SERVER",
)

_DIRECT = "a token came over plain HTTP: serve the application over HTTPS, and behind a proxy use werkzeug's ProxyFix"
_FROM_PROXY = (
    "a token came through a proxy over plain HTTP: let the proxy take tokens over HTTPS only, and set "
    "X-Forwarded-Proto; then put werkzeug's ProxyFix around app.wsgi_app, so that the application can see HTTPS"
)
_SEE_HTTPS = "put werkzeug's ProxyFix around app.wsgi_app, with the number of your proxies as x_for and x_proto"
_FROM_HTTPS_PROXY = (
    "a token came through a proxy that says the client used HTTPS, but the application cannot see that: " + _SEE_HTTPS
)
_REFUSED_FROM_HTTPS_PROXY = (
    "a token is refused that came through a proxy that says the client used HTTPS: " + _SEE_HTTPS
)

_log = logging.getLogger("flask_tokenauth")


class HttpsCheck:
    """Warns of a token that came over plain HTTP, or refuses it.

    Args:
        mode: "off", "warn" or "refuse", as ``TOKENAUTH_ENFORCE_HTTPS`` has it.

    Attributes:
        is_active: False if there is nothing to check: the mode is "off", or the one warning was given.
    """

    def __init__(self, mode: str) -> None:
        self._refuses = mode == "refuse"
        self._has_explained = False
        self.is_active = mode != "off"

    def check(self, req: Request) -> None:
        """Check a request that carries a token, in the header or in the body.

        Raises:
            InsecureTransport: the request came over plain HTTP, and the mode is "refuse".
        """
        if not self.is_active or req.is_secure or self.allows_plain(req):
            return
        if self._refuses:
            self._explain_once(req)
            raise InsecureTransport
        self.is_active = False  # one warning is enough
        _log.warning(
            '%s; set TOKENAUTH_ENFORCE_HTTPS to "refuse" to refuse such requests, or to "off" to get no warning',
            _choose_advice(req),
        )

    def _explain_once(self, req: Request) -> None:
        """Log why tokens are refused behind a proxy that the application does not know of: every one is."""
        if not self._has_explained and _choose_advice(req) is _FROM_HTTPS_PROXY:
            self._has_explained = True
            _log.warning(_REFUSED_FROM_HTTPS_PROXY)

    def allows_plain(self, req: Request) -> bool:
        """Return whether a request over plain HTTP is allowed without a warning: it comes from this machine.

        A request that a proxy on this machine forwards does not count. Clients can send the headers of a proxy too, but
        they gain nothing by it.
        """
        if self._refuses or not _is_loopback(req.remote_addr):
            return False
        environ = req.environ
        for name in _FORWARDING:  # noqa: SIM110  # any() would be slower, and every request of a developer comes here
            if name in environ:
                return False
        return True


def _choose_advice(req: Request) -> str:
    """Return the warning for *req*. It quotes nothing of the request."""
    environ = req.environ
    proto, forwarded = (environ.get(name, "").lower() for name in (_FORWARDED_PROTO, _FORWARDED))
    if "https" in proto or "proto=https" in forwarded.replace('"', ""):
        return _FROM_HTTPS_PROXY
    return _FROM_PROXY if any(name in environ for name in _FORWARDING) else _DIRECT


@lru_cache(maxsize=16)
def _is_loopback(address: str | None) -> bool:
    """Return whether a request came from this machine. A Unix socket has no address, or an empty one."""
    try:
        return not address or _without_mapping(address).is_loopback
    except ValueError:
        return False


def _without_mapping(address: str) -> IPv4Address | IPv6Address:
    """Return an address. A socket for both versions of IP shows an IPv4 address as ``::ffff:192.0.2.1``."""
    parsed = ip_address(address)
    return getattr(parsed, "ipv4_mapped", None) or parsed
