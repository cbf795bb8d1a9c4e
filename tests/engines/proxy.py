"""A TCP proxy before a server: it passes all bytes, holds them, stops inside an answer, and cuts connections."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Event, Thread

from .server import LOCAL, PATIENCE, find_port

AT_ONCE = struct.pack("ii", 1, 0)  # a value of SO_LINGER: the end is a reset, and what was not sent is lost
SIZE = 65_536  # bytes, of one read


def is_reset(end: socket.socket) -> bool:
    """Return whether the end of a socket is a reset."""
    return end.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(AT_ONCE)) == AT_ONCE


def reset_ends(*ends: socket.socket) -> None:
    """Close both sockets of a connection with a reset. Threads that wait for bytes are woken, to let go of them."""
    with suppress(OSError):  # they are closed
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    for end in ends:
        with suppress(OSError):  # it has ended
            end.shutdown(socket.SHUT_RD)  # this sends nothing
        end.close()


def shut_ends(*ends: socket.socket) -> None:
    """End both sockets of a connection in good order."""
    for end in ends:
        with suppress(OSError):  # it has ended
            end.shutdown(socket.SHUT_RDWR)


class Direction:
    """The bytes of all connections to the server, or those of all connections to the clients.

    Attributes:
        held: is set when bytes, or the end of a connection, wait here.
    """

    def __init__(self) -> None:
        self.held = Event()
        self._changed = Condition()
        self._left: int | None = None  # the number of bytes that may still pass; None for all
        self._most = SIZE  # bytes that pass at once

    def stall(self, *, after: int = 0) -> None:
        """Hold all bytes after the next *after* ones. Connections stay open, even if the other side has ended them."""
        with self._changed:
            self.held.clear()
            self._left = after

    def trickle(self) -> None:
        """Pass all bytes, but one at a time."""
        self._most = 1

    def go_on(self) -> None:
        """Pass the bytes that wait, and all later ones."""
        with self._changed:
            self._left, self._most = None, SIZE
            self._changed.notify_all()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        """Pass the bytes of one connection until its end."""
        with suppress(OSError):  # the connection was cut, or its sockets are closed
            while data := source.recv(SIZE):
                while data:
                    size = self._take(len(data))
                    target.sendall(data[:size])
                    data = data[size:]
            self._take(0)
            if not is_reset(target):
                target.shutdown(socket.SHUT_WR)

    def _take(self, size: int) -> int:
        """Wait until bytes may pass. Return how many of *size* may, and count them."""
        with self._changed:
            while self._left == 0:
                self.held.set()
                self._changed.wait()
            taken = min(size, self._most)
            if self._left is None:
                return taken
            taken = min(taken, self._left)
            self._left -= taken
            return taken


class Proxy:
    """A proxy on a free port of this machine. It is a context manager, whose end cuts all connections.

    Args:
        upstream: the port of the server. It can be changed, and counts for later connections.

    Attributes:
        port: of the proxy.
        requests: the bytes from the clients to the server.
        answers: the bytes from the server to the clients.
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.requests, self.answers = Direction(), Direction()
        self.port = find_port()  # no client can take it while the proxy refuses connections
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[Thread] = []
        self.accept()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self.cut()
        self.requests.go_on()
        self.answers.go_on()
        for thread in self._threads:
            thread.join(PATIENCE)
        for pair in self._pairs:
            for end in pair:
                end.close()

    def stall(self) -> None:
        """Hold all bytes in both directions. New connections are accepted, and get no answer."""
        self.requests.stall()
        self.answers.stall()

    def go_on(self) -> None:
        """Pass all bytes again."""
        self.requests.go_on()
        self.answers.go_on()

    def accept(self) -> None:
        """Accept connections again, on the same port."""
        self._listening = socket.create_server((LOCAL, self.port), backlog=128)
        self._accepting = Thread(target=self._accept, args=[self._listening], daemon=True)
        self._accepting.start()

    def refuse(self) -> None:
        """Refuse new connections, as if the server were not running. Those go on that have passed a byte."""
        with suppress(OSError):  # it refuses already
            self._listening.shutdown(socket.SHUT_RDWR)  # ends the wait for a client
        self._accepting.join(PATIENCE)
        self._listening.close()

    def cut(self, *, reset: bool = False) -> None:
        """End all connections, on both sides. New ones are accepted.

        Args:
            reset: end them as a system does that does not know the connection. Bytes that wait for a slow reader delay
                that. Otherwise the end is in good order, as if the other program had closed the connection.
        """
        for pair in list(self._pairs):
            if reset:
                reset_ends(*pair)
            else:
                shut_ends(*pair)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:  # connections are refused
                return
            try:
                server = socket.create_connection((LOCAL, self.upstream), timeout=PATIENCE)
            except OSError:
                client.close()  # as if the server had refused it
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.append((client, server))
            for direction, source, target in [(self.requests, client, server), (self.answers, server, client)]:
                thread = Thread(target=direction.pump, args=[source, target], daemon=True)
                self._threads.append(thread)
                thread.start()


STALLS: dict[str, Callable[[Proxy], None]] = {  # moments at which a server stops to answer
    "before a request": lambda proxy: proxy.stall(),
    "before an answer": lambda proxy: proxy.answers.stall(),
    "in the middle of an answer": lambda proxy: proxy.answers.stall(after=3),
}
