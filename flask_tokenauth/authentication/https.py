"""Tokens over plain HTTP: the setting ``TOKENAUTH_ENFORCE_HTTPS`` (RFC 6750 section 5.3)."""

import logging
from ipaddress import ip_address

from werkzeug.wrappers import Request

from ..core.errors import InsecureTransport

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
        self.is_active = mode != "off"

    def check(self, req: Request) -> None:
        """Check a request that carries a token, in the header or in the body.

        Raises:
            InsecureTransport: the request came over plain HTTP, and the mode is "refuse".
        """
        if not self.is_active or req.is_secure:
            return
        if self._refuses:
            raise InsecureTransport
        if not _is_loopback(req.remote_addr):
            self.is_active = False  # one warning is enough
            _log.warning(
                "a token came over plain HTTP: serve the application over HTTPS, and behind a proxy use werkzeug's "
                'ProxyFix; set TOKENAUTH_ENFORCE_HTTPS to "refuse" to refuse such requests, or to "off" to get no '
                "warning"
            )


def _is_loopback(address: str | None) -> bool:
    """Return whether a request came from this machine. A Unix socket has no address, or an empty one."""
    try:
        return not address or ip_address(address).is_loopback
    except ValueError:
        return False
