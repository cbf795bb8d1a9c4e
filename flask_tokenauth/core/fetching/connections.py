"""Send one GET request over a connection of its own, with urllib3.

This is the only module of the package that imports urllib3, together with the sockets below it. No connection and no
pool outlives a request, so nothing is shared between threads, or with a child after a fork.
"""

import http.client
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from .addresses import Address
from .answers import Reply, too_large
from .failures import FetchFailed
from .limited_sockets import LimitedSocket, LimitedTLS, TooManyBytes, connect_to_first
from .proxies import Proxy
from .urls import Target

_OVERHEAD = 65_536  # bytes: of TLS, the head of the answer, and the sizes of chunks

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "flask-tokenauth",
}


@contextmanager
def open_reply(target: Target, addresses: Sequence[Address], *, proxy: Proxy | None, max_bytes: int) -> Iterator[Reply]:
    """Send a request, and yield the head of the answer. The body can be read within the ``with`` block.

    Args:
        target: the URL.
        addresses: of the host, or of the proxy.
        proxy: None to connect directly.
        max_bytes: how many bytes of a body may be received.

    Raises:
        FetchFailed: no answer came that can be read, also within the block.
    """
    connection = _Connection(target, addresses, proxy=proxy, max_bytes=max_bytes + _OVERHEAD)
    try:
        yield connection.request_reply()
    except TooManyBytes:
        raise too_large(target.host, max_bytes) from None
    except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        raise FetchFailed(_explain(error, connection.peer)) from None  # a traceback would show the words of the server
    finally:
        connection.close_for_good()


class _Connection(HTTPConnection):
    """A connection to addresses that are known, directly or through a proxy."""

    def __init__(self, target: Target, addresses: Sequence[Address], *, proxy: Proxy | None, max_bytes: int) -> None:
        super().__init__(target.host, target.port)
        self._target = target
        self._addresses = addresses
        self._through = proxy
        self._max_bytes = max_bytes
        self._opened: LimitedSocket | None = None
        self.peer = target.host if proxy is None else f"the proxy for {target.host}"  # for messages

    def connect(self) -> None:
        """Open the connection, with TLS for HTTPS. The name in the URL is the one that the certificate must have."""
        proxy, target = self._through, self._target
        port = target.port if proxy is None else proxy.port
        self._opened, self._address = connect_to_first(self._addresses, port, max_bytes=self._max_bytes)
        sock: LimitedSocket | LimitedTLS = self._opened
        if proxy is not None:
            if proxy.scheme == "https":
                sock = _start_tls(sock, proxy.host)
            self.set_tunnel(target.host, target.port, headers=proxy.headers)
            self.sock = sock
            self._tunnel()
            self.peer = target.host
        self.sock = sock if target.scheme == "http" else _start_tls(sock, target.host)

    def request_reply(self) -> Reply:
        self.connect()
        headers = {"Host": self._target.authority} | _HEADERS
        self.request("GET", self._target.path + self._target.query, headers=headers, preload_content=False)
        response = self.getresponse()
        values = {name.lower(): response.headers.getlist(name) for name in response.headers}
        return Reply(response.status, values, self._address, partial(_read, response))

    def close_for_good(self) -> None:
        if self._opened is not None:
            self._opened.close_for_good()


def _read(response: BaseHTTPResponse, size: int) -> bytes:
    """Read until there is nothing more: only a read that finds nothing shows that the body has ended early."""
    body = b""
    while len(body) < size and (data := response.read(size - len(body), decode_content=False)):
        body += data
    return body


def _start_tls(sock: LimitedSocket | LimitedTLS, host: str) -> LimitedTLS:
    # A new context reads SSL_CERT_FILE and the certificates of the system as they are now.
    return LimitedTLS(sock, ssl.create_default_context(), server_hostname=host)  # type: ignore[arg-type]


def _explain(error: BaseException, peer: str) -> str:
    """Return a message for an error, without the words of the server: some errors quote them."""
    while isinstance(error, HTTPError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, TimeoutError):
        return (
            f"{peer} must answer completely within the time limit, but did not: try again later, or check the network"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{peer} must have a certificate that this machine trusts, got another one ({error.verify_message}): check "
            "the host, and if an authority of your own has signed it, name the file of its certificate in SSL_CERT_FILE"
        )
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "without a reason"
        return f"{peer} must speak TLS 1.2 or newer, but TLS failed ({reason}): check the host and the port"
    if isinstance(error, OSError):
        reason = error.strerror or "it closed the connection, or refused it"
        return f"{peer} must answer, but did not ({reason}): check the host, the port and the network"
    if isinstance(error, http.client.IncompleteRead):
        return f"the answer of {peer} must be complete, but ended early: try again later"
    return f"{peer} must answer with valid HTTP/1.1, got another answer: check the host and the port"
