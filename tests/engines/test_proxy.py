"""The proxy of the tests passes, holds and cuts, before a server that gives back what it gets."""

import socket
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest

from .proxy import SIZE, Direction, Proxy
from .server import LOCAL, PATIENCE


class Echo:
    """A server for one client: it gives back the bytes that it gets, and ends after ``end``."""

    def __init__(self) -> None:
        self.got = b""
        self.error: OSError | None = None
        self._listening = socket.create_server((LOCAL, 0))
        self.port: int = self._listening.getsockname()[1]
        self.thread = Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        with self._listening, self._listening.accept()[0] as client:
            try:
                while not self.got.endswith(b"end") and (data := client.recv(SIZE)):
                    self.got += data
                    client.sendall(data)
            except OSError as error:
                self.error = error


def connect(port: int) -> socket.socket:
    """Connect to the proxy."""
    return socket.create_connection((LOCAL, port), timeout=PATIENCE)


def read(client: socket.socket, size: int) -> bytes:
    """Return exactly so many bytes, or fewer if the connection ends."""
    with closing(client.makefile("rb")) as file:
        return file.read(size)


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.thread.join(PATIENCE)


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy, echo: Echo) -> Iterator[socket.socket]:
    """A client whose connection has reached the server."""
    with connect(proxy.port) as client:
        client.sendall(b"?")
        assert read(client, 1) == b"?"
        echo.got = b""
        yield client


def test_the_proxy_passes_bytes_in_both_directions(client: socket.socket) -> None:
    client.sendall(b"hello")

    assert read(client, 5) == b"hello"


def test_the_proxy_passes_more_than_one_read(client: socket.socket) -> None:
    data = bytes(range(256)) * 1_000
    sender = Thread(target=client.sendall, args=[data])
    sender.start()

    assert read(client, len(data)) == data
    sender.join(PATIENCE)


def test_the_proxy_passes_the_end_of_the_clients_connection(client: socket.socket, echo: Echo) -> None:
    client.shutdown(socket.SHUT_WR)
    echo.thread.join(PATIENCE)

    assert not echo.thread.is_alive()


def test_the_proxy_passes_the_end_of_the_servers_connection(client: socket.socket) -> None:
    client.sendall(b"end")

    assert read(client, 99) == b"end"


def test_a_stalled_proxy_accepts_a_connection_and_holds_the_request(proxy: Proxy, echo: Echo) -> None:
    proxy.stall()
    with connect(proxy.port) as client:
        client.sendall(b"hello")

        assert proxy.requests.held.wait(PATIENCE)
        assert echo.got == b""


def test_a_held_request_reaches_the_server_when_the_proxy_goes_on(proxy: Proxy, client: socket.socket) -> None:
    proxy.stall()
    client.sendall(b"hello")
    assert proxy.requests.held.wait(PATIENCE)

    proxy.go_on()

    assert read(client, 5) == b"hello"


def test_a_stall_of_the_answers_lets_the_request_reach_the_server(
    proxy: Proxy, client: socket.socket, echo: Echo
) -> None:
    proxy.answers.stall()
    client.sendall(b"hello")

    assert proxy.answers.held.wait(PATIENCE)
    assert echo.got == b"hello"


def test_a_stall_inside_an_answer_passes_its_first_bytes_alone(proxy: Proxy, client: socket.socket) -> None:
    proxy.answers.stall(after=2)
    client.sendall(b"hello")
    assert proxy.answers.held.wait(PATIENCE)

    assert client.recv(SIZE) == b"he"


def test_the_rest_of_an_answer_comes_when_the_proxy_goes_on(proxy: Proxy, client: socket.socket) -> None:
    proxy.answers.stall(after=2)
    client.sendall(b"hello")
    assert proxy.answers.held.wait(PATIENCE)

    proxy.answers.go_on()

    assert read(client, 5) == b"hello"


def test_a_stalled_proxy_holds_a_connection_open_that_the_server_has_ended(
    proxy: Proxy, client: socket.socket, echo: Echo
) -> None:
    proxy.answers.stall(after=3)
    client.sendall(b"end")
    assert read(client, 3) == b"end"
    assert proxy.answers.held.wait(PATIENCE)

    client.settimeout(0)
    with pytest.raises(BlockingIOError):
        client.recv(SIZE)


def test_a_trickle_passes_one_byte_at_a_time() -> None:
    direction = Direction()
    direction.trickle()

    assert direction._take(SIZE) == 1


def test_a_trickle_passes_all_bytes(proxy: Proxy, client: socket.socket) -> None:
    proxy.answers.trickle()
    client.sendall(b"hello")

    assert read(client, 5) == b"hello"


def test_a_new_stall_forgets_that_bytes_were_held(proxy: Proxy, client: socket.socket) -> None:
    proxy.answers.stall()
    client.sendall(b"hello")
    assert proxy.answers.held.wait(PATIENCE)
    proxy.answers.go_on()
    assert read(client, 5) == b"hello"

    proxy.answers.stall()

    assert not proxy.answers.held.is_set()


def test_a_cut_ends_the_connection_of_the_client(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut()

    assert client.recv(SIZE) == b""


def test_a_cut_ends_the_connection_of_the_server(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    proxy.cut()
    echo.thread.join(PATIENCE)

    assert not echo.thread.is_alive()


def test_a_cut_ends_a_connection_whose_answer_is_held(proxy: Proxy, client: socket.socket) -> None:
    proxy.answers.stall(after=2)
    client.sendall(b"hello")
    assert proxy.answers.held.wait(PATIENCE)

    proxy.cut()

    assert read(client, 99) == b"he"


def test_a_cut_with_a_reset_is_an_error_for_the_client(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut(reset=True)

    with pytest.raises(ConnectionResetError):
        client.recv(SIZE)


def test_a_cut_with_a_reset_is_an_error_for_the_server(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    proxy.cut(reset=True)
    echo.thread.join(PATIENCE)

    assert isinstance(echo.error, ConnectionResetError)


def test_a_cut_with_a_reset_loses_what_is_held(proxy: Proxy, client: socket.socket) -> None:
    proxy.answers.stall(after=2)
    client.sendall(b"hello")
    assert proxy.answers.held.wait(PATIENCE)
    assert read(client, 2) == b"he"

    proxy.cut(reset=True)

    with pytest.raises(ConnectionResetError):
        client.recv(SIZE)


def test_connections_that_were_reset_can_be_cut_again(proxy: Proxy, client: socket.socket) -> None:
    for _ in range(2):
        proxy.cut(reset=True)

    with pytest.raises(ConnectionResetError):
        client.recv(SIZE)


def test_a_proxy_that_refuses_takes_no_new_connection(proxy: Proxy, client: socket.socket) -> None:
    proxy.refuse()

    with pytest.raises(ConnectionRefusedError):
        connect(proxy.port)


def test_a_proxy_that_refuses_keeps_its_connections(proxy: Proxy, client: socket.socket) -> None:
    proxy.refuse()
    client.sendall(b"again")

    assert read(client, 5) == b"again"


def test_a_proxy_accepts_again_on_the_same_port(proxy: Proxy) -> None:
    proxy.refuse()
    proxy.accept()

    with connect(proxy.port) as client:
        client.sendall(b"end")

        assert read(client, 99) == b"end"


def test_the_proxy_takes_new_connections_to_another_server(proxy: Proxy, client: socket.socket) -> None:
    other = Echo()
    proxy.upstream = other.port
    with connect(proxy.port) as second:
        second.sendall(b"end")

        assert read(second, 99) == b"end"
    assert other.got == b"end"


def test_the_proxy_ends_a_connection_if_there_is_no_server() -> None:
    with socket.create_server((LOCAL, 0)) as listening:
        port = listening.getsockname()[1]
    with Proxy(port) as proxy, connect(proxy.port) as client:
        assert client.recv(SIZE) == b""


def test_a_closed_proxy_leaves_no_thread_even_if_bytes_were_held() -> None:
    echo = Echo()
    with Proxy(echo.port) as proxy, connect(proxy.port) as client:
        proxy.stall()
        client.sendall(b"hello")
        assert proxy.requests.held.wait(PATIENCE)
    echo.thread.join(PATIENCE)

    assert not any(thread.is_alive() for thread in proxy._threads)
