"""Waiting for sockets within the time limit."""

import select
import socket
import ssl
from collections.abc import Iterator
from typing import NoReturn

import pytest

from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.sockets import READ, WRITE, run_when_ready, send_all, wait_until_ready

from .conftest import Limited


@pytest.fixture(params=["poll", "select"])
def wait(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait with ``poll``, or as on Windows."""
    if request.param == "select":
        monkeypatch.delattr(select, "poll")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets that are connected and do not block."""
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(0)
        other.settimeout(0)
        yield one, other


Pair = tuple[socket.socket, socket.socket]


@pytest.mark.slow
@pytest.mark.usefixtures("wait")
def test_a_socket_without_data_ends_the_wait_with_the_limit(limited: Limited, pair: Pair) -> None:
    with pytest.raises(TimeoutError, match="within the time limit"):
        limited(lambda: wait_until_ready(pair[0].fileno(), READ))


@pytest.mark.usefixtures("wait")
def test_a_socket_with_data_is_ready_to_be_read(pair: Pair) -> None:
    pair[1].send(b"data")

    assert wait_until_ready(pair[0].fileno(), READ) == READ


@pytest.mark.usefixtures("wait")
def test_an_empty_socket_is_ready_to_be_written(pair: Pair) -> None:
    assert wait_until_ready(pair[0].fileno(), READ | WRITE) == WRITE


@pytest.mark.usefixtures("wait")
def test_a_closed_connection_is_ready_to_be_read(pair: Pair) -> None:
    pair[1].close()

    assert wait_until_ready(pair[0].fileno(), READ) == READ


def test_a_broken_socket_is_ready_for_all_so_that_the_driver_gets_the_error(pair: Pair) -> None:
    number = pair[0].fileno()
    pair[0].close()

    assert wait_until_ready(number, READ | WRITE) == READ | WRITE


def test_urgent_data_counts_as_ready_where_there_is_no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """``select`` reports them, and on Windows a refused connection, as exceptions."""
    monkeypatch.delattr(select, "poll")
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as one:
        other, _ = listening.accept()
        with other:
            other.send(b"!", socket.MSG_OOB)

            assert wait_until_ready(one.fileno(), READ | WRITE) == READ | WRITE


def test_a_limit_that_is_over_does_not_ask_the_socket(pair: Pair) -> None:
    pair[1].send(b"data")

    with time_limit(0), pytest.raises(TimeoutError):
        wait_until_ready(pair[0].fileno(), READ)


def test_a_limit_that_is_over_reads_nothing(pair: Pair) -> None:
    pair[1].send(b"data")

    with time_limit(0), pytest.raises(TimeoutError):
        run_when_ready(pair[0].fileno(), lambda: pair[0].recv(9))


def test_a_read_waits_for_data(limited: Limited, pair: Pair) -> None:
    def read() -> bytes:
        try:
            return pair[0].recv(9)
        except BlockingIOError:
            pair[1].send(b"data")
            raise

    assert limited(lambda: run_when_ready(pair[0].fileno(), read), seconds=60) == b"data"


@pytest.mark.parametrize("wanted", [ssl.SSLWantReadError, ssl.SSLWantWriteError])
def test_a_read_of_tls_waits_for_the_side_that_it_needs(limited: Limited, pair: Pair, wanted: type[OSError]) -> None:
    answers = [wanted, None]
    pair[1].send(b"data")

    def read() -> str:
        if error := answers.pop(0):
            raise error
        return "read"

    assert limited(lambda: run_when_ready(pair[0].fileno(), read), seconds=60) == "read"


def test_a_read_of_tls_that_must_write_first_does_not_wait_for_data(limited: Limited, pair: Pair) -> None:
    answers = [ssl.SSLWantWriteError, None]

    def read() -> str:
        if error := answers.pop(0):
            raise error
        return "read"

    assert limited(lambda: run_when_ready(pair[0].fileno(), read), seconds=60) == "read"


def test_data_that_the_other_side_does_not_take_end_with_the_limit(limited: Limited, pair: Pair) -> None:
    with pytest.raises(TimeoutError):
        limited(lambda: send_all(pair[0].fileno(), pair[0].send, bytes(2**24)))


def test_data_are_sent_in_parts(limited: Limited, pair: Pair) -> None:
    limited(lambda: send_all(pair[0].fileno(), lambda rest: pair[0].send(rest[:2]), b"hello"), seconds=60)

    assert pair[1].recv(9) == b"hello"


def test_a_send_that_would_block_is_repeated(limited: Limited, pair: Pair) -> None:
    """gevent returns 0 in its place."""
    answers = [0, None, 5]

    def send(_: memoryview) -> int:
        answer = answers.pop(0)
        if answer is None:
            raise ssl.SSLWantWriteError
        return answer

    limited(lambda: send_all(pair[0].fileno(), send, b"hello"), seconds=60)

    assert answers == []


def test_an_error_of_the_socket_is_raised(pair: Pair) -> None:
    def read() -> NoReturn:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        run_when_ready(pair[0].fileno(), read)
