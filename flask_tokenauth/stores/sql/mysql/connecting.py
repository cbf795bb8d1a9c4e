"""Connections of PyMySQL that keep the time limit of the running call.

``read_timeout`` and ``write_timeout`` of PyMySQL bound a single read or write, and a call can make many.

The name of the host is looked up by the system's resolver, which does not know the limit. If your name server may
hang, use an IP address.
"""

import io
import math
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

from pymysql.connections import Connection
from pymysql.constants import CR, SERVER_STATUS
from pymysql.err import OperationalError

from ....core.errors import SettingsError
from ....core.time_limit import remaining, time_limit
from ...sockets import TIME_IS_OVER, run_when_ready, send_all

_NO_ANSWER = (CR.CR_CONN_HOST_ERROR, CR.CR_SERVER_LOST)  # after these errors, the next address is tried
_LONGEST = 130.0  # seconds to connect, as the network waits


class _LimitedFile(io.RawIOBase):
    """Reads from a socket. Each read ends with the time limit."""

    def __init__(self, sock: socket.socket, longest: float) -> None:
        self._sock, self._longest = sock, longest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(0)
        with time_limit(self._longest):
            return run_when_ready(self._sock.fileno(), lambda: self._sock.recv_into(buffer))


class _LimitedTLS:
    """Does the TLS handshakes of a context. Each ends with the time limit."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_socket(self, sock: socket.socket, server_hostname: str) -> ssl.SSLSocket:
        wrapped = self._context.wrap_socket(sock, server_hostname=server_hostname, do_handshake_on_connect=False)
        try:
            wrapped.settimeout(0)
            run_when_ready(wrapped.fileno(), wrapped.do_handshake)
        except BaseException:
            wrapped.close()
            raise
        return wrapped


class LimitedConnection(Connection):
    """A connection that keeps the time limit, as :func:`keep_limit` says."""

    ctx: ssl.SSLContext | _LimitedTLS  # if ssl is true
    server_status: int
    _closed: bool
    _force_close: Callable[[], None]  # without a message to the server
    _sock: socket.socket
    _rfile: io.BufferedReader
    _read_timeout: float | None
    _write_timeout: float | None
    _tls_without_options: ClassVar[ssl.SSLContext | None] = None

    def connect(self, sock: socket.socket | None = None) -> None:
        """Open the connection within the time limit.

        Args:
            sock: a connected socket; None to open one.

        Raises:
            pymysql.err.OperationalError: no server has let us in.
        """
        if self.ssl and isinstance(self.ctx, ssl.SSLContext):
            self.ctx = _LimitedTLS(self.ctx)
        if sock is None:
            self._connect_first(self._find_addresses())
        else:
            super().connect(sock)

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        """Return a context for TLS.

        Without options all connections share one: to make it, PyMySQL reads the certificates of the system, which takes
        50 to 100 ms, although it checks none with it.
        """
        if sslp:
            return super()._create_ssl_ctx(sslp)  # type: ignore[misc,no-any-return]  # not in the stubs
        if LimitedConnection._tls_without_options is None:
            LimitedConnection._tls_without_options = super()._create_ssl_ctx(sslp)  # type: ignore[misc]
        return LimitedConnection._tls_without_options

    def close(self) -> None:
        """Close the connection, unless it is closed: SQLAlchemy would log the error, with all errors before it."""
        if not self._closed:
            super().close()

    def rollback(self) -> None:
        """Roll back the transaction. Without one, nothing is sent: SQLAlchemy calls this after each use.

        If autocommit is off, this is always sent: the server does not say that a SELECT has begun a transaction.
        """
        in_transaction = SERVER_STATUS.SERVER_STATUS_IN_TRANS
        if not self.open or not self.get_autocommit() or self.server_status & in_transaction:
            super().rollback()

    def _find_addresses(self) -> list[tuple[int, Any]]:
        """Return the address families and the addresses where the server can be."""
        if self.unix_socket:
            return [(socket.AF_UNIX, self.unix_socket)]
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise _unreachable(error) from error
        return [(family, address) for family, _, _, _, address in found]

    def _connect_first(self, addresses: Sequence[tuple[int, Any]]) -> None:
        """Connect to the first address where a server answers. Each gets an equal share of the time that is left."""
        first, *others = addresses
        try:
            with time_limit(remaining() / len(addresses)):
                super().connect(self._open_socket(*first))
            return
        except OperationalError as error:
            if not others or error.args[0] not in _NO_ANSWER:
                raise
        self._connect_first(others)

    def _open_socket(self, family: int, address: Any) -> socket.socket:
        """Open a socket to a server, with the options that PyMySQL sets."""
        sock, left = socket.socket(family, socket.SOCK_STREAM), remaining()
        try:
            if not left:  # a timeout of 0 would mean not to wait
                raise TimeoutError(TIME_IS_OVER)
            sock.settimeout(min(left, self.connect_timeout or _LONGEST))
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                if self.bind_address:
                    sock.bind((self.bind_address, 0))
            sock.connect(address)
        except BaseException as error:
            sock.close()
            if isinstance(error, OSError):
                raise _unreachable(error) from error
            raise
        self._secure = bool(self.unix_socket)
        self.host_info = f"socket {self.unix_socket or self.host}"
        return sock

    def _read_bytes(self, num_bytes: int) -> bytes:
        try:
            if not isinstance(self._rfile.raw, _LimitedFile):  # PyMySQL has made it, also for TLS
                self._rfile.close()
                self._rfile = io.BufferedReader(_LimitedFile(self._sock, self._read_timeout or math.inf))
            data = self._rfile.read(num_bytes)
            if len(data) < num_bytes:
                raise ConnectionResetError("the server has closed the connection")
        except BaseException as error:
            self._fail(error)
            raise
        return data

    def _write_bytes(self, data: bytes) -> None:
        try:
            self._sock.settimeout(0)
            if self._closed:  # this is the last message, which only says goodbye: do not wait
                self._sock.send(data)
                return
            with time_limit(self._write_timeout or math.inf):
                send_all(self._sock.fileno(), self._sock.send, data)
        except BaseException as error:
            self._fail(error)
            raise

    def _fail(self, error: BaseException) -> None:
        """Close the connection, and raise an error of PyMySQL for one of the socket."""
        self._force_close()
        if isinstance(error, OSError):
            raise OperationalError(CR.CR_SERVER_LOST, f"Lost connection to MySQL server ({error})") from error


def connect(**parameters: Any) -> LimitedConnection:
    """Open a connection that keeps the time limit, as :func:`keep_limit` says, within the limit.

    The arguments are those of ``pymysql.connect``. Its timeouts can only shorten the time. If the host has several
    addresses, each gets an equal share of the time that is left.

    Raises:
        pymysql.err.OperationalError: no server has let us in.
    """
    return LimitedConnection(**parameters | {"defer_connect": False})


def keep_limit(connection: object) -> None:
    """Make a connection keep the time limit, for all that it sends and receives.

    When the time is over, the connection is closed and ``OperationalError`` with the code 2013 is raised. ``close``
    never waits. ``rollback`` sends nothing if there is no transaction.

    Args:
        connection: of PyMySQL.

    Raises:
        SettingsError: it is another object.
    """
    if not isinstance(connection, Connection):
        raise SettingsError(
            "the creator of the application's engine must return a connection of PyMySQL, got an object of type "
            f"{type(connection).__name__}"
        )
    kind: Any = type(connection)
    connection.__class__ = _limited(kind)


@cache
def _limited(kind: Any) -> Any:
    """Return a class of connections that keep the time limit. It is a subclass of *kind*."""
    return kind if issubclass(kind, LimitedConnection) else type(kind.__name__, (LimitedConnection, kind), {})


def _unreachable(error: OSError) -> OperationalError:
    return OperationalError(CR.CR_CONN_HOST_ERROR, f"Can't connect to MySQL server ({error})")
