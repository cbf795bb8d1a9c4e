"""Connections of redis-py that keep the time limit of the running call.

``socket_timeout`` of redis-py bounds a single read or write, and a call can make many.

The name of a host is looked up by the system's resolver, which does not know the limit. If your name server may hang,
use an IP address.
"""

import socket
import ssl
from collections.abc import Sequence
from typing import Any

from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.retry import Retry

from ...core.time_limit import remaining, time_limit
from ..sockets import READ, TIME_IS_OVER, run_when_ready, send_all, wait_until_ready
from .errors import LASTING, NotFound
from .places import Login, Place

_LONGEST = 130.0  # seconds to connect, as the network waits

# redis-py has no types for some of its methods: hence no-untyped-call below.
Command = tuple[bytes | str | int, ...]


class LimitedSocket:
    """A socket that is connected. Each read and each write ends with the time limit.

    It has the methods that redis-py calls. They cannot change its timeout.

    Args:
        sock: the socket, which may be one of TLS.

    Raises:
        TimeoutError: by each method that reads or writes, when the time is over.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self._sock = sock

    def recv(self, size: int) -> bytes:
        """Receive at most *size* bytes; none at the end."""
        return run_when_ready(self._sock.fileno(), lambda: self._sock.recv(size))

    def recv_into(self, buffer: Any) -> int:
        """Receive some bytes, and return their number; 0 at the end."""
        return run_when_ready(self._sock.fileno(), lambda: self._sock.recv_into(buffer))

    def sendall(self, data: bytes) -> None:
        """Send all bytes."""
        send_all(self._sock.fileno(), self._sock.send, data)

    def settimeout(self, _seconds: float | None) -> None:
        """Do nothing: the time limit counts."""

    def fileno(self) -> int:
        """Return the number of the socket."""
        return self._sock.fileno()

    def shutdown(self, how: int) -> None:
        """End the connection."""
        self._sock.shutdown(how)

    def close(self) -> None:
        """Close the socket. It never waits."""
        self._sock.close()


class LimitedConnection(Connection):
    """A connection to one server that keeps the time limit, from the first packet on.

    It uses RESP2, and sends no health checks and no name of the driver. It has no retries of its own.

    Args:
        place: of the server.
        login: how to log in there.
    """

    def __init__(self, place: Place, login: Login, **_: Any) -> None:
        host, port = (place, 0) if isinstance(place, str) else place
        super().__init__(  # type: ignore[no-untyped-call]
            host=host,
            port=port,
            db=login.database,
            username=login.username,
            password=login.password,
            credential_provider=login.credentials,
            client_name=login.client_name,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._place, self._tls = place, login.tls
        # The names of the driver cost two round trips. Some versions warn of these arguments.
        self.lib_name = self.lib_version = self.driver_info = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def connect(self) -> None:
        """Open the connection and log in, unless it is open.

        Raises:
            OSError: the server cannot be reached.
            redis.exceptions.RedisError: it does not let us in.
            NotFound: other code failed, for example that which provides the credentials.
        """
        if self._sock is not None:
            return
        self._sock = self._connect()  # type: ignore[assignment]
        try:
            self.on_connect()  # type: ignore[no-untyped-call]
        except BaseException as error:
            self.close()
            if isinstance(error, RedisError | OSError) or not isinstance(error, Exception):
                raise
            raised = type(error).__name__
        else:
            return
        raise NotFound(  # without the cause, which may have a password in it
            f"the connection must be set up without an error, but {raised} was raised: check the credential provider "
            "of the client, and that the server is one of Redis or Valkey",
            reason=LASTING,
        )

    def close(self) -> None:
        """Close the connection. It never waits."""
        self.disconnect()  # type: ignore[no-untyped-call]

    def can_read(self, timeout: float = 0) -> bool:  # noqa: ARG002  # redis-py passes 0
        """Return whether there is something to read, or the end of the connection. It does not wait."""
        if self._sock is None:
            return False
        try:
            with time_limit(1e-4):
                return bool(wait_until_ready(self._sock.fileno(), READ))
        except TimeoutError:
            return False

    def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands at once, and return their answers. An answer may be a ``ResponseError``.

        Raises:
            redis.exceptions.RedisError: the connection was lost or the time is over. It is closed.
        """
        packed = self.pack_commands(commands)  # type: ignore[no-untyped-call]
        answers: list[Any] = []
        try:
            self.send_packed_command(packed, check_health=False)  # type: ignore[no-untyped-call]
            for _ in commands:
                try:
                    answers.append(self.read_response())
                except ResponseError as error:
                    answers.append(error)
        except BaseException as error:
            self.close()  # the answers may still come
            if isinstance(error, RedisError) or not isinstance(error, Exception):
                raise
            answers = []
        if len(answers) < len(commands):
            raise InvalidResponse
        return answers

    def _connect(self) -> LimitedSocket:
        if isinstance(self._place, str):
            return LimitedSocket(_connect(socket.AF_UNIX, self._place))
        try:
            found = socket.getaddrinfo(*self._place, type=socket.SOCK_STREAM)
        except UnicodeError:  # a part of the name is too long, or has other characters
            raise socket.gaierror from None
        sock = _connect_to_first([(family, address) for family, _, _, _, address in found])
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return LimitedSocket(sock if self._tls is None else _start_tls(sock, self._tls, self._place[0]))
        except BaseException:
            sock.close()
            raise


def _connect_to_first(addresses: Sequence[tuple[int, Any]]) -> socket.socket:
    """Connect to the first address that answers. Each gets an equal share of the time that is left."""
    failure = OSError()
    for tried, (family, address) in enumerate(addresses):
        try:
            with time_limit(remaining() / (len(addresses) - tried)):
                return _connect(family, address)
        except OSError as error:
            failure = error
    raise failure


def _connect(family: int, address: Any) -> socket.socket:
    sock, left = socket.socket(family, socket.SOCK_STREAM), remaining()
    try:
        if not left:  # a timeout of 0 would mean not to wait
            raise TimeoutError(TIME_IS_OVER)
        sock.settimeout(min(left, _LONGEST))
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _start_tls(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    wrapped = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    try:
        wrapped.settimeout(0)
        run_when_ready(wrapped.fileno(), wrapped.do_handshake)
    except BaseException as error:
        wrapped.close()
        if isinstance(error, TimeoutError):
            raise ssl.SSLError(TIME_IS_OVER) from error  # a server without TLS waits for more
        raise
    return wrapped
