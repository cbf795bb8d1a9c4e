"""Real servers on loopback that note each request as it came, and answer as a test says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request that a server got."""

    method: str
    path: str
    headers: dict[str, str]  # their names in lower case
    body: bytes

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization")


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def redirect(url: str, status: int = 302) -> Answer:
    return Answer(status, {"Location": url})


REFUSAL = Answer(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, b"refused")


class Service:
    """One server.

    Attributes:
        seen: the requests that it got, in order.
        answers: gets a request, and returns the answer. Tests set it.
    """

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: Callable[[Seen], Answer] = lambda seen: Answer()
        self.url = ""

    def reset(self) -> None:
        self.seen.clear()
        self.answers = lambda seen: Answer()

    def answer_in_turn(self, *answers: Answer) -> None:
        """Give each request the next answer. The last one repeats."""
        self.answers = lambda seen: answers[min(len(self.seen), len(answers)) - 1]

    @property
    def tokens(self) -> list[str | None]:
        return [seen.token for seen in self.seen]

    @property
    def bodies(self) -> list[bytes]:
        return [seen.body for seen in self.seen]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Note a request, and answer it."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        seen = Seen(handler.command, handler.path, headers, _read_body(handler, headers))
        self.seen.append(seen)
        answer = self.answers(seen)
        handler.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer.body)


def _read_body(handler: BaseHTTPRequestHandler, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return handler.rfile.read(int(headers.get("content-length", "0")))
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


@contextmanager
def run_service() -> Iterator[Service]:
    """Start a server, and end it."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            service.serve(self)

        do_POST = do_PUT = do_GET  # noqa: N815  # names of the standard library

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        block_on_close = False  # a thread may wait for the next request of a connection
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:  # pragma: no cover  # a client may leave before it has its answer
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield service
        server.shutdown()
        thread.join()
