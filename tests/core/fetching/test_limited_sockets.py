"""A server can neither keep a caller for ever, nor send it as much as it likes."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from flask_tokenauth.core.fetching.addresses import Reach
from flask_tokenauth.core.fetching.documents import FetchFailed, fetch

from .kit import LOCAL, PATIENCE, Answer, Authority, Server, Talk, ok, stream

HERE = Reach(loopback=True)
SHORT = 0.1  # seconds
NOT_IN_TIME = "must answer completely within the time limit, but did not"


def fail_in_time(server: Server, *, seconds: float = SHORT, max_bytes: int = 2**18) -> str:
    """Fetch in a thread, and return the failure. It must come, however long the server talks."""
    with ThreadPoolExecutor() as pool:
        failure = pool.submit(fetch, server.url(), reach=HERE, seconds=seconds, max_bytes=max_bytes).exception(PATIENCE)
    assert isinstance(failure, FetchFailed)
    return str(failure)


def wait(talk: Talk) -> None:
    talk.over.wait()


def dripping(data: bytes, *, after: bytes = b"") -> Answer:
    """Return the answer of a server that sends some bytes at once, and the others one by one."""

    def answer(talk: Talk) -> None:
        talk.send(after)
        talk.drip(data)

    return answer


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SILENT: dict[str, Answer] = {
    "never answers": wait,
    "stops in the head": dripping(b"", after=HEAD),
    "stops in the body": dripping(b"", after=HEAD + b"Content-Length: 9\r\n\r\n{"),
    "drips the status line": dripping(b"HTTP/1.1 200 " + b"a" * 9999),
    "drips the headers": dripping(b"X: y\r\n" * 90, after=HEAD),
    "drips one header": dripping(b"X: " + b"y" * 9999, after=HEAD),
    "drips the body": dripping(b"a" * 9999, after=HEAD + b"Content-Length: 9999\r\n\r\n"),
    "drips a body without a length": dripping(b"a" * 9999, after=HEAD + b"\r\n"),
    "drips the size of a chunk": dripping(b"0" * 9999, after=CHUNKED),
    "drips a chunk": dripping(b"a" * 9999, after=CHUNKED + b"270f\r\n"),
    "drips trailers": dripping(b"X: y\r\n" * 9999, after=CHUNKED + b"0\r\n"),
    "drips answers to continue": dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
}


@pytest.mark.slow
@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT.keys())
def test_a_server_that_is_too_slow_is_given_up(answer: Answer) -> None:
    with Server(answer) as server:
        assert NOT_IN_TIME in fail_in_time(server)


@pytest.mark.slow
@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT.keys())
def test_a_server_that_is_too_slow_is_given_up_with_tls(answer: Answer, trusted: Authority) -> None:
    with Server(answer, tls=trusted.serve(LOCAL)) as server:
        assert NOT_IN_TIME in fail_in_time(server, seconds=2 * SHORT)


RECORD = b"\x16\x03\x03\x40\x00" + b"\x02" * 9999  # the handshake of TLS


@pytest.mark.parametrize("start", [wait, dripping(RECORD)], ids=["silent", "dripping"])
def test_a_handshake_that_is_too_slow_is_given_up(start: Answer, authority: Authority) -> None:
    with Server(start=start, tls=authority.serve(LOCAL)) as server:
        assert NOT_IN_TIME in fail_in_time(server)


ENDLESS: dict[str, Answer] = {
    "status line": stream(b"a" * 65_536, after=b"HTTP/1.1 200 "),
    "header": stream(b"a" * 65_536, after=HEAD + b"X: "),
    "headers": stream(b"X: y\r\n" * 999, after=HEAD),
    "answers to continue": stream(b"HTTP/1.1 100 Continue\r\n\r\n" * 999, after=b""),
    "body": stream(b"a" * 65_536, after=HEAD + b"\r\n"),
    "chunk": stream(b"a" * 65_536, after=CHUNKED + b"fffffff\r\n"),
    "chunk with a negative size": stream(b"a" * 65_536, after=CHUNKED + b"-1\r\n"),
    "chunks": stream(b"1\r\na\r\n" * 999, after=CHUNKED),
    "size of a chunk": stream(b"0" * 65_536, after=CHUNKED),
    "extension of a chunk": stream(b"a" * 65_536, after=CHUNKED + b"1;"),
    "trailers": stream(b"X: y\r\n" * 999, after=CHUNKED + b"0\r\n"),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS.keys())
def test_an_endless_answer_is_given_up_after_its_most_bytes(answer: Answer) -> None:
    with Server(answer) as server:
        failure = fail_in_time(server, seconds=PATIENCE)

    assert "must have at most 262144 bytes" in failure or "must answer with valid HTTP/1.1" in failure


def test_an_endless_handshake_is_given_up_too(authority: Authority) -> None:
    with Server(
        start=stream(b"\x16\x03\x03\x40\x00" + b"\x02" * 16384, after=b""), tls=authority.serve(LOCAL)
    ) as server:
        failure = fail_in_time(server, seconds=PATIENCE)

    assert "TLS failed" in failure or "at most" in failure


class Counted:
    """An answer of 50 MB. It counts the bytes that could be sent."""

    def __init__(self) -> None:
        self.sent = 0

    def __call__(self, talk: Talk) -> None:
        talk.send(HEAD + b"\r\n")
        for _ in range(800):
            with suppress(OSError):  # the client has gone
                talk.send(b"a" * 65_536)
                self.sent += 65_536


def test_most_of_50_mb_are_never_received() -> None:
    answer = Counted()

    with Server(answer) as server:
        failure = fail_in_time(server, seconds=PATIENCE)

    assert "at most 262144 bytes" in failure
    assert answer.sent < 50_000_000 / 2  # the rest waited in buffers


def test_a_gzip_bomb_stays_small() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    with Server(ok(bomb, "Content-Encoding: gzip")) as server:
        assert "must not be compressed" in fail_in_time(server, seconds=PATIENCE)


def test_many_threads_fetch_at_once(trusted: Authority) -> None:
    def answer(talk: Talk) -> None:
        talk.send(ok(b"{}"))

    with Server(answer, tls=trusted.serve(LOCAL)) as server, ThreadPoolExecutor(8) as pool:
        fetched = list(pool.map(lambda _: fetch(server.url(), reach=HERE, seconds=PATIENCE).body, range(16)))

    assert fetched == [b"{}"] * 16
