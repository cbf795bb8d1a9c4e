"""Sockets that keep the time limit of the running call, and a limit of bytes, for all that they receive.

The timeouts of http.client and urllib3 do not bound a call: each single read has its own one, so a server that sends
one byte now and then keeps a caller for ever. So each read here waits for the time that is left. TLS runs in memory
above such a socket: a TLS socket can read many times in one call, and with gevent each of them has its own timeout.
"""

import io
import socket
from collections.abc import Callable, Sequence
from typing import Any

from urllib3.util.ssltransport import SSLTransport

from ..time_limit import remaining, time_limit
from .addresses import Address


class TooManyBytes(Exception):
    """The server has sent more bytes than the limit."""


class LimitedSocket:
    """A socket that is connected. Each read and each write ends with the time limit.

    It has the methods that http.client and urllib3 call. They cannot change its timeout or close it.

    Args:
        sock: the socket.
        max_bytes: how many bytes may be received, of TLS, the head and the body together.

    Raises:
        TimeoutError: by each method that reads or writes, when the time is over.
        TooManyBytes: by each method that reads, after *max_bytes*.
    """

    def __init__(self, sock: socket.socket, *, max_bytes: int) -> None:
        self._sock = sock
        self._bytes_left = max_bytes

    def recv_into(self, buffer: memoryview | bytearray) -> int:
        """Receive some bytes, and return their number; 0 at the end."""
        if self._bytes_left <= 0:
            raise TooManyBytes
        self._limit_wait()
        received = self._sock.recv_into(buffer)
        self._bytes_left -= received
        return received

    def recv(self, size: int) -> bytes:
        """Receive at most *size* bytes; none at the end."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def sendall(self, data: bytes) -> None:
        """Send all bytes."""
        self._limit_wait()
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a file that reads from the socket."""
        return io.BufferedReader(_File(self.recv_into))

    def settimeout(self, _seconds: float | None) -> None:
        """Do nothing: the time limit counts."""

    def close(self) -> None:
        """Do nothing: http.client closes a socket while its file is still read. See :meth:`close_for_good`."""

    def close_for_good(self) -> None:
        """Close the socket."""
        self._sock.close()

    def _limit_wait(self) -> None:
        self._sock.settimeout(_remaining())


class LimitedTLS(SSLTransport):
    """TLS above a :class:`LimitedSocket`, or above another TLS to a proxy."""

    def makefile(self, _mode: str, *_: Any, **__: Any) -> io.BufferedReader:  # type: ignore[override]  # it only reads
        """Return a file that reads what was decrypted."""
        return io.BufferedReader(_File(self.recv_into))


class _File(io.RawIOBase):
    def __init__(self, recv_into: Callable[[Any], Any]) -> None:
        self._recv_into = recv_into

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        return self._recv_into(buffer)


def connect_to_first(addresses: Sequence[Address], port: int, *, max_bytes: int) -> tuple[LimitedSocket, Address]:
    """Connect to the first address that answers. Each gets an equal share of the time that is left.

    Args:
        addresses: at least one. Names are not looked up.
        port: of the server.
        max_bytes: how many bytes may be received.

    Returns:
        The socket, and the address that it is connected to.

    Raises:
        OSError: none of them answers; the error is that of the last one.
    """
    failure = OSError()
    for tried, address in enumerate(addresses):
        try:
            with time_limit(_remaining() / (len(addresses) - tried)):
                return LimitedSocket(_connect(address, port), max_bytes=max_bytes), address
        except OSError as error:
            failure = error
    raise failure


def _connect(address: Address, port: int) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(_remaining())
        sock.connect((address.ip, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _remaining() -> float:
    """Return the seconds that are left: never 0, which would mean not to wait at all."""
    if seconds := remaining():
        return seconds
    raise TimeoutError
