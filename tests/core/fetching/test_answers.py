"""Answers are read if they are small, complete, and have the status 200."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_tokenauth.core.fetching.addresses import Reach
from flask_tokenauth.core.fetching.documents import Fetched, FetchFailed, fetch

from .kit import Server, Talk, ok

HERE = Reach(loopback=True)
REFUSED = b"this must not be read"


def fetch_answer(answer: bytes, *, max_bytes: int = 1000, seconds: float = 60.0) -> Fetched:
    """Fetch an answer from a server that closes the connection after it."""
    with Server(answer) as server:
        return fetch(server.url(), reach=HERE, max_bytes=max_bytes, seconds=seconds)


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return ok(body + end, "Transfer-Encoding: chunked", length=False)


@pytest.mark.parametrize(
    "status", ["201 Created", "202 Accepted", "203 Transformed", "204 No Content", "206 Partial Content", "299 OK"]
)
def test_another_success_is_none(status: str) -> None:
    with pytest.raises(FetchFailed, match=f"must have the status 200, got {status[:3]}: check") as caught:
        fetch_answer(ok(status=status))

    assert caught.value.status == int(status[:3])


@pytest.mark.parametrize("status", [101, 103, 400, 401, 403, 404, 410, 429, 500, 502, 503, 599, 999])
def test_a_status_of_trouble_is_named(status: int) -> None:
    with pytest.raises(FetchFailed, match=f"must have the status 200, got {status}: check") as caught:
        fetch_answer(ok(status=f"{status} Trouble"))

    assert caught.value.status == status


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "https://hunter2.example/", "/keys", "//a", ""],
)
def test_a_redirect_is_not_followed_and_its_target_is_not_shown(status: int, target: str) -> None:
    with (
        Server(ok(b"", f"Location: {target}", status=f"{status} Moved")) as server,
        pytest.raises(FetchFailed, match=f"got {status}, a redirect, which is not followed") as caught,
    ):
        fetch(server.url(), reach=HERE)

    assert len(server.requests) == 1
    assert caught.value.status == status
    assert not target or target not in str(caught.value)


def test_an_answer_to_continue_is_skipped() -> None:
    assert fetch_answer(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"[]")).body == b"[]"


@pytest.mark.parametrize("body", [b"", b"{}", b"\x00\xff"])
def test_the_body_is_returned_as_it_came(body: bytes) -> None:
    assert fetch_answer(ok(body)).body == body


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_a_body_without_a_length_ends_with_the_connection(version: bytes) -> None:
    assert fetch_answer(version + b" 200 OK\r\n\r\n{}").body == b"{}"


def test_a_body_with_a_length_ends_there() -> None:
    assert fetch_answer(ok(b"{}") + REFUSED).body == b"{}"


def test_a_connection_that_stays_open_after_the_body_is_not_waited_for() -> None:
    def answer(talk: Talk) -> None:
        talk.send(ok(b"{}"))
        talk.over.wait()

    with Server(answer) as server:
        assert fetch(server.url(), reach=HERE, seconds=60).body == b"{}"


@pytest.mark.parametrize("size", [999, 1000])
@pytest.mark.parametrize("length", [True, False])
def test_a_body_may_have_the_most_bytes(size: int, length: bool) -> None:  # noqa: FBT001
    assert len(fetch_answer(ok(b"a" * size, length=length)).body) == size


@pytest.mark.parametrize("length", [True, False])
def test_a_body_must_not_have_more(length: bool) -> None:  # noqa: FBT001
    with pytest.raises(FetchFailed, match="must have at most 1000 bytes, got more"):
        fetch_answer(ok(b"a" * 1001, length=length))


@pytest.mark.parametrize("length", ["1001", "9" * 19])
def test_a_length_that_is_too_large_is_refused_before_the_body(length: str) -> None:
    def answer(talk: Talk) -> None:
        talk.send(ok(b"", f"Content-Length: {length}", length=False))
        talk.over.wait()

    with Server(answer) as server, pytest.raises(FetchFailed, match="at most 1000 bytes"):
        fetch(server.url(), reach=HERE, max_bytes=1000, seconds=60)


def test_chunks_are_joined() -> None:
    assert fetch_answer(chunked(b'{"a"', b": 1", b"}")).body == b'{"a": 1}'


def test_chunks_may_have_extensions_and_trailers() -> None:
    answer = ok(b"2;a=b\r\n{}\r\n0;c\r\nX: y\r\n\r\n", "Transfer-Encoding: Chunked", length=False)

    assert fetch_answer(answer).body == b"{}"


@pytest.mark.parametrize("sizes", [[999], [1000], [500, 500], [1] * 1000])
def test_chunks_may_have_the_most_bytes_together(sizes: list[int]) -> None:
    assert len(fetch_answer(chunked(*(b"a" * size for size in sizes))).body) == sum(sizes)


@pytest.mark.parametrize("sizes", [[1001], [500, 501], [1] * 1001])
def test_chunks_must_not_have_more(sizes: list[int]) -> None:
    with pytest.raises(FetchFailed, match="at most 1000 bytes"):
        fetch_answer(chunked(*(b"a" * size for size in sizes)))


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"{}", "Content-Length: 3", length=False),
        ok(b"", "Content-Length: 1000", length=False),
        ok(b"5\r\n{}", "Transfer-Encoding: chunked", length=False),
        ok(b"2\r\n{}\r\n", "Transfer-Encoding: chunked", length=False),
        ok(b"2\r\n{}", "Transfer-Encoding: chunked", length=False),
        ok(b"", "Transfer-Encoding: chunked", length=False),
    ],
)
def test_a_body_that_ends_early_is_refused(answer: bytes) -> None:
    with pytest.raises(FetchFailed, match="must be complete, but ended early"):
        fetch_answer(answer)


@pytest.mark.parametrize(
    "size", [b"zz", b"", b"-2", b"-5", b"0x2", b"2 2", b" ", b"\xff", b"f" * 100, b"1" * 70_000, b";"]
)
def test_a_chunk_whose_size_is_not_a_valid_one_is_refused(size: bytes) -> None:
    with pytest.raises(FetchFailed):
        fetch_answer(ok(size + b"\r\n\x00\x00", "Transfer-Encoding: chunked", length=False))


@pytest.mark.parametrize(
    "lengths",
    [
        ["-1"],
        ["-2"],
        ["+2"],
        ["2.0"],
        ["0x2"],
        ["two"],
        [""],
        ["2, 2"],
        ["2_0"],
        ["²"],
        ["9" * 20],
        ["9" * 5000],
        ["2", "2"],
        ["2", "3"],
        ["3", "2"],
        ["2", "-1"],
        ["2", "2", "2"],
    ],
)
def test_a_length_must_be_one_number(lengths: list[str]) -> None:
    answer = ok(b"{}", *(f"Content-Length: {length}" for length in lengths), length=False)

    with pytest.raises(FetchFailed, match=r"must have one Content-Length with a number|must answer with valid HTTP"):
        fetch_answer(answer)


@pytest.mark.parametrize("length", [" 2", "2 ", "\t2\t ", "002"])
def test_a_length_may_have_spaces_and_zeros(length: str) -> None:
    assert fetch_answer(ok(b"{}" + REFUSED, f"Content-Length:{length}", length=False)).body == b"{}"


def test_a_chunked_body_must_not_have_a_length_too() -> None:
    """RFC 9112 section 6.2; readers differ in which of them counts."""
    with pytest.raises(FetchFailed, match="or none if it is chunked"):
        fetch_answer(ok(b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "identity, gzip", "hunter2"])
@pytest.mark.parametrize("header", ["Content-Encoding", "content-encoding"])
def test_a_compressed_body_is_refused_and_not_decoded(encoding: str, header: str) -> None:
    with pytest.raises(FetchFailed, match="must not be compressed") as caught:
        fetch_answer(ok(REFUSED, f"{header}: {encoding}"))

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["gzip", "gzip, chunked", "chunked, chunked", "identity", "chunked, gzip", ""])
def test_another_transfer_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(FetchFailed, match="must not be compressed"):
        fetch_answer(ok(b"0\r\n\r\n", f"Transfer-Encoding: {encoding}", length=False))


def test_the_encoding_identity_says_nothing() -> None:
    assert fetch_answer(ok(b"{}", "Content-Encoding: Identity")).body == b"{}"


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n\r\n",
        b"hunter2\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 1000 OK\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 200 " + b"a" * 70_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n{}",
        b"\x15\x03\x01\x00\x02\x02\x16",
    ],
)
def test_an_answer_that_is_not_http_is_refused(answer: bytes) -> None:
    with pytest.raises(
        FetchFailed, match=r"must answer with valid HTTP/1.1, got another answer|at most 200000"
    ) as caught:
        fetch_answer(answer, max_bytes=200_000)

    assert "hunter2" not in str(caught.value)


def test_a_server_that_closes_the_connection_is_named() -> None:
    with pytest.raises(FetchFailed, match=r"127.0.0.1 must answer, but did not"):
        fetch_answer(b"")


@pytest.mark.slow
def test_nothing_escapes_but_a_failure(rewritten: Server) -> None:
    """Each answer is good up to a random change."""
    good = [ok(b"{}"), chunked(b"{", b"}"), ok(b"{}", "Cache-Control: max-age=6", "Age: 1", length=False)]

    @settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def run(data: st.DataObject) -> None:
        answer = bytearray(data.draw(st.sampled_from(good)))
        at = data.draw(st.integers(0, len(answer)))
        answer[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"\r\n", b"-1", b"\n", b":", b" ", b"ffffffffffff"]))
        )
        ANSWERS[:] = [bytes(answer)]
        with suppress(FetchFailed):
            assert isinstance(fetch(rewritten.url(), reach=HERE, seconds=60).body, bytes)

    run()


ANSWERS: list[bytes] = []


@pytest.fixture
def rewritten() -> Iterator[Server]:
    """A server that sends the answer of the moment."""
    with Server(lambda talk: talk.send(ANSWERS[0])) as server:
        yield server
