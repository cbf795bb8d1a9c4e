"""A server that speaks the protocol of Redis and gives the answers that a test has written."""

import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread
from typing import Any

from ...engines.server import LOCAL, PATIENCE

Answer = Callable[[list[bytes]], Any]

HANG_UP = object()  # an answer that ends the connection
SILENCE = object()  # an answer that never comes


class Raw(bytes):
    """Bytes that are sent as they are."""


class Failure(str):
    """A message of an error, with its code."""

    __slots__ = ()


def encode(value: Any) -> bytes:
    """Return a value as the server sends it."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, Failure):
        return f"-{value}\r\n".encode()
    if isinstance(value, bool) or value is None:
        return b"+OK\r\n" if value else b"$-1\r\n"
    if isinstance(value, int):
        return f":{value}\r\n".encode()
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    return b"*%d\r\n" % len(value) + b"".join(encode(each) for each in value)


class FakeServer:
    """A server on a free port of this machine. It is a context manager.

    Args:
        tls: of the server; None for a server without TLS.
        answers: the answer to each command, by its name; an ``Answer`` is called with the command and its arguments. A
            command of two words, as ``CLUSTER SLOTS``, goes by the first. ROLE says that this is a primary.

    Attributes:
        commands: the names of all commands that have come.
        connections: the number of connections that were opened.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, **answers: Any) -> None:
        self._tls = tls
        self.answers: dict[str, Any] = {"ROLE": [b"master", 0, []]} | answers
        self.commands: list[str] = []
        self.connections = 0
        self._listening = socket.create_server((LOCAL, 0))
        self.port: int = self._listening.getsockname()[1]
        self._clients: list[socket.socket] = []
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def place(self) -> tuple[str, int]:
        """The host and the port."""
        return LOCAL, self.port

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"redis://{LOCAL}:{self.port}"

    def __enter__(self) -> "FakeServer":
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listening, *self._clients):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        for end in (self._listening, *self._clients):
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the end
            while True:
                client, _ = self._listening.accept()
                self.connections += 1
                self._clients.append(client)
                self._threads.append(Thread(target=self._serve, args=[client], daemon=True))
                self._threads[-1].start()

    def _serve(self, raw: socket.socket) -> None:
        with suppress(OSError), self._start_tls(raw) as client, client.makefile("rb") as lines:
            while line := lines.readline():
                command = list(self._read(lines, int(line[1:])))
                answer = self._find(command)
                if answer is HANG_UP:
                    client.shutdown(socket.SHUT_RDWR)
                elif answer is not SILENCE:
                    client.sendall(encode(answer))

    def _start_tls(self, raw: socket.socket) -> socket.socket:
        return raw if self._tls is None else self._tls.wrap_socket(raw, server_side=True)

    def _read(self, lines: Any, number: int) -> Iterable[bytes]:
        for _ in range(number):
            size = int(lines.readline()[1:])
            yield lines.read(size + 2)[:-2]

    def _find(self, command: list[bytes]) -> Any:
        name = command[0].decode()
        self.commands.append(name)
        answer = self.answers.get(name, Failure(f"ERR unknown command '{name}'"))
        return answer(command) if callable(answer) else answer


def in_turn(*answers: Any) -> Answer:
    """Return an ``Answer`` that gives these one after the other, and the last one for ever."""
    left = list(answers)

    def answer(command: list[bytes]) -> Any:
        found = left.pop(0) if len(left) > 1 else left[0]
        return found(command) if callable(found) else found

    return answer


def noted(commands: list[list[bytes]], value: Any) -> Answer:
    """Return an ``Answer`` that gives *value*, and adds each command to a list."""

    def answer(command: list[bytes]) -> Any:
        commands.append(command)
        return value

    return answer
