"""Connections end with the time limit, and check the certificate of a server."""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import exceptions

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.time_limit import time_limit
from flask_tokenauth.stores.redis.connecting import LimitedConnection, LimitedSocket
from flask_tokenauth.stores.redis.places import Login

from ...engines.certificate import make_certificate
from ...engines.proxy import STALLS, Proxy
from ...engines.redis import RedisServer
from ...engines.server import LOCAL
from ...waiting import wait_until
from ..conftest import Limited
from .conftest import ADD, PASSWORD, READ, Fake, Open
from .fake_server import SILENCE

OVER = "not answered within the time limit"


@pytest.fixture
def proxy(limited: Limited, server: RedisServer) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


def url_through(proxy: Proxy, server: RedisServer) -> str:
    return server.url().replace(f":{server.port}", f":{proxy.port}")


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS.keys())
@pytest.mark.parametrize("is_open", [False, True], ids=["first call", "later call"])
def test_a_call_through_a_stalled_proxy_ends_in_time_and_the_next_one_succeeds(
    limited: Limited,
    server: RedisServer,
    proxy: Proxy,
    open_servers: Open,
    stall: Callable[[Proxy], None],
    *,
    is_open: bool,
) -> None:
    servers = open_servers(url_through(proxy, server))
    if is_open:
        servers.run(ADD, [b"a"], [1])

    stall(proxy)
    with pytest.raises(StoreUnavailable, match=OVER):
        limited(lambda: servers.run(ADD, [b"a"], [1]), seconds=0.05)
    proxy.go_on()

    assert servers.run(ADD, [b"b"], [1]) == 1


@pytest.mark.parametrize("url", ["redis://:pw@127.0.0.1:{}", "redis://127.0.0.1:{}", "redis://127.0.0.1:{}/1"])
def test_a_server_that_accepts_and_never_answers_ends_with_the_limit(
    limited: Limited, silent_port: int, open_servers: Open, url: str
) -> None:
    servers = open_servers(url.format(silent_port))

    with pytest.raises(StoreUnavailable, match=OVER):
        limited(lambda: servers.run(READ, [b"a"]), seconds=0.03)


def test_a_server_that_sends_a_byte_now_and_then_ends_with_the_limit(
    limited: Limited, server: RedisServer, proxy: Proxy, open_servers: Open
) -> None:
    """Each byte comes within any timeout of a single read."""
    server.client().set("a", bytes(2**22))
    servers = open_servers(url_through(proxy, server))
    servers.run(READ, [b"b"])

    proxy.answers.trickle()
    with pytest.raises(StoreUnavailable, match=OVER):
        limited(lambda: servers.run(READ, [b"a"]), seconds=0.05)


def test_a_server_that_takes_no_data_ends_with_the_limit(
    limited: Limited, silent_port: int, open_servers: Open
) -> None:
    servers = open_servers(f"redis://127.0.0.1:{silent_port}")

    with pytest.raises(StoreUnavailable, match=OVER):
        limited(lambda: servers.run(ADD, [b"a"], [bytes(2**25)]), seconds=0.05)


def test_nothing_is_opened_when_the_time_is_over(fake: Fake) -> None:
    server = fake()

    with time_limit(0), pytest.raises(TimeoutError):
        LimitedConnection(server.place, Login()).connect()

    assert server.connections == 0


def test_each_address_of_a_host_gets_a_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch, fake: Fake, limited: Limited
) -> None:
    server = fake(PING=b"PONG")
    full = socket.create_server((LOCAL, 0), backlog=0)
    waiting = [socket.socket() for _ in range(3)]
    for each in waiting:  # the queue of the server is full: the next connection is not answered
        each.settimeout(0)
        each.connect_ex(full.getsockname())
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", place) for place in (full.getsockname(), server.place)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    connection = LimitedConnection(("server.test", 1), Login())

    limited(connection.connect, seconds=0.4)

    assert connection.exchange([("PING",)]) == [b"PONG"]
    connection.close()
    for each in (full, *waiting):
        each.close()


def test_a_connection_that_cannot_be_set_up_is_closed(monkeypatch: pytest.MonkeyPatch, fake: Fake) -> None:
    server, closed = fake(), []

    def fail(_: object, sock: socket.socket) -> None:
        closed.append(sock)
        raise ZeroDivisionError

    monkeypatch.setattr(LimitedSocket, "__init__", fail)
    with pytest.raises(ZeroDivisionError):
        LimitedConnection(server.place, Login()).connect()

    assert closed[0].fileno() == -1


def test_a_connection_is_opened_once(fake: Fake) -> None:
    server = fake()
    connection = LimitedConnection(server.place, Login())

    connection.connect()
    connection.connect()
    connection.exchange([("ROLE",)])

    assert server.connections == 1
    connection.close()


def test_a_connection_tells_whether_there_is_something_to_read(fake: Fake) -> None:
    connection = LimitedConnection(fake().place, Login())
    assert not connection.can_read()

    connection.connect()
    assert not connection.can_read()

    connection.send_command("ROLE")  # type: ignore[no-untyped-call]
    wait_until(connection.can_read)
    connection.close()


def test_a_connection_that_was_lost_among_answers_is_an_error(fake: Fake) -> None:
    connection = LimitedConnection(fake(ONE=b"1", TWO=SILENCE).place, Login())
    connection.connect()

    with time_limit(0.02), pytest.raises(exceptions.TimeoutError):
        connection.exchange([("ONE",), ("TWO",)])

    assert not connection.can_read()


def test_answers_are_read_by_a_buffer_too(fake: Fake) -> None:
    """As hiredis does."""
    one, other = socket.socketpair()
    with one, other:
        other.send(b"data")
        buffer = bytearray(9)

        assert LimitedSocket(one).recv_into(buffer) == 4

    assert buffer[:4] == b"data"


def test_a_socket_has_no_timeout_of_its_own() -> None:
    one, other = socket.socketpair()
    with one, other:
        limited = LimitedSocket(one)

        limited.settimeout(5)

        assert one.gettimeout() == 0
        assert limited.fileno() == one.fileno()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """The TLS of a server, and the path of its certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    for path, data in zip((key, certificate), make_certificate(), strict=True):
        path.write_bytes(data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


Certificate = tuple[ssl.SSLContext, Path]


def test_a_server_with_a_certificate_of_the_named_authority_is_accepted(
    fake: Fake, open_servers: Open, certificate: Certificate
) -> None:
    context, path = certificate
    server = fake(tls=context, EVALSHA=bytes(100_000))

    servers = open_servers(f"rediss://{LOCAL}:{server.port}?ssl_ca_certs={path}")

    assert servers.run(READ, [b"a"]) == bytes(100_000)


def test_a_server_with_another_certificate_is_refused(fake: Fake, open_servers: Open, certificate: Certificate) -> None:
    server = fake(tls=certificate[0], EVALSHA=1)

    with pytest.raises(StoreUnavailable, match="certificate of the server is not valid"):
        open_servers(f"rediss://{LOCAL}:{server.port}").run(READ, [b"a"])


def test_a_certificate_for_another_name_is_accepted_only_if_the_url_says_so(
    fake: Fake, open_servers: Open, certificate: Certificate
) -> None:
    context, path = certificate
    server = fake(tls=context, EVALSHA=1)
    url = f"rediss://localhost:{server.port}?ssl_ca_certs={path}"

    with pytest.raises(StoreUnavailable, match="connect to a name that is in the certificate"):
        open_servers(url).run(READ, [b"a"])

    assert open_servers(f"{url}&ssl_check_hostname=false").run(READ, [b"a"]) == 1


def test_tls_to_a_server_without_it_ends_with_the_limit(limited: Limited, silent_port: int, open_servers: Open) -> None:
    servers = open_servers(f"rediss://{LOCAL}:{silent_port}")

    with pytest.raises(StoreUnavailable, match="check that the server offers TLS on this port"):
        limited(lambda: servers.run(READ, [b"a"]))


def test_nothing_shows_a_password(fake: Fake, open_servers: Open) -> None:
    server = fake(AUTH=True, EVALSHA=1)
    servers: Any = open_servers(f"redis://user:{PASSWORD}@{LOCAL}:{server.port}")
    servers.run(READ, [b"a"])
    connections = servers._connections.get()
    [pool] = connections._pools.values()

    for shown in (
        servers,
        servers.source,
        servers.source.login,
        connections,
        pool,
        pool._idle[0],
        connections.topology,
    ):
        assert not any(secret in repr(shown) for secret in (PASSWORD, LOCAL, "user"))
