"""Connections go to the addresses of a name in turn, and TLS must prove that the server is that of the name."""

import socket
import ssl

import pytest

from flask_tokenauth.core.fetching.addresses import Reach
from flask_tokenauth.core.fetching.documents import Fetched, FetchFailed, fetch

from .kit import GLOBAL, LOCAL, NAME, Authority, Names, Server, Talk, Wire, ok

HERE = Reach(loopback=True)
INTERNET = Reach()
pytestmark = pytest.mark.usefixtures("trusted")


def fetch_from(tls: ssl.SSLContext, *, host: str = NAME) -> Fetched:
    with Server(ok(), tls=tls) as server:
        return fetch(server.url(host=host), reach=INTERNET, getaddrinfo=Names([GLOBAL]), seconds=60)


@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize("names", [[NAME], ["other.example", NAME], [NAME.upper()]])
def test_a_certificate_for_the_name_is_accepted(authority: Authority, names: list[str]) -> None:
    assert fetch_from(authority.serve(*names)).body == b"{}"


@pytest.mark.usefixtures("wire")
def test_a_certificate_for_all_names_of_a_domain_is_accepted(authority: Authority) -> None:
    assert fetch_from(authority.serve(f"*.{NAME}"), host=f"keys.{NAME}").body == b"{}"


@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize(
    "names", [["other.example"], ["*.issuer.example"], [GLOBAL], [LOCAL], ["example"], ["*.example"], ["*"]]
)
def test_a_certificate_for_another_name_is_refused(authority: Authority, names: list[str]) -> None:
    with pytest.raises(FetchFailed, match=r"issuer.example must have a certificate that this machine trusts"):
        fetch_from(authority.serve(*names))


def test_a_certificate_for_an_address_is_accepted(authority: Authority) -> None:
    with Server(ok(), tls=authority.serve(LOCAL)) as server:
        assert fetch(server.url(), reach=HERE).body == b"{}"


def test_a_certificate_for_another_address_is_refused(authority: Authority) -> None:
    with (
        Server(ok(), tls=authority.serve("127.0.0.2", "localhost")) as server,
        pytest.raises(FetchFailed, match="must have a certificate"),
    ):
        fetch(server.url(), reach=HERE)

    assert server.requests == []


@pytest.mark.usefixtures("wire")
def test_a_certificate_that_has_expired_is_refused(authority: Authority) -> None:
    with pytest.raises(FetchFailed, match=r"got another one \(certificate has expired\): check the host"):
        fetch_from(authority.serve(NAME, days=-1))


@pytest.mark.usefixtures("wire")
def test_a_certificate_of_an_authority_that_is_not_trusted_is_refused(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Authority(tmp_path_factory.mktemp("other"))
    monkeypatch.setenv("SSL_CERT_FILE", str(other.path))

    with pytest.raises(FetchFailed, match="name the file of its certificate in SSL_CERT_FILE"):
        fetch_from(authority.serve(NAME))


@pytest.mark.usefixtures("wire")
def test_a_certificate_that_signs_itself_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Authority(tmp_path_factory.mktemp("other"))

    with pytest.raises(FetchFailed, match=r"got another one \(self-signed certificate\)"):
        fetch_from(other.serve_itself())


@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_of_today_is_spoken(authority: Authority, version: ssl.TLSVersion) -> None:
    tls = authority.serve(NAME)
    tls.minimum_version = tls.maximum_version = version

    assert fetch_from(tls).body == b"{}"


def test_a_server_without_tls_is_refused() -> None:
    with (
        Server(start=lambda talk: talk.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server,
        pytest.raises(FetchFailed, match=r"must speak TLS 1.2 or newer, but TLS failed"),
    ):
        fetch(server.url().replace("http:", "https:"), reach=HERE)


def test_a_server_that_closes_during_the_handshake_is_refused() -> None:
    with (
        Server(start=lambda talk: talk.sock.shutdown(socket.SHUT_WR)) as server,
        pytest.raises(FetchFailed, match=r"must speak TLS|must answer, but did not"),
    ):
        fetch(server.url().replace("http:", "https:"), reach=HERE)


def test_a_body_that_ends_without_the_end_of_tls_ends_early(authority: Authority) -> None:
    def answer(talk: Talk) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")

    with (
        Server(answer, tls=authority.serve(LOCAL)) as server,
        pytest.raises(FetchFailed, match="must be complete, but ended early"),
    ):
        fetch(server.url(), reach=HERE)


def test_bytes_that_are_not_tls_break_the_answer(authority: Authority) -> None:
    def answer(talk: Talk) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
        with socket.socket(fileno=talk.sock.detach()) as plain:
            plain.sendall(b"hunter2 hunter2 hunter2")

    with Server(answer, tls=authority.serve(LOCAL)) as server, pytest.raises(FetchFailed, match="TLS failed") as caught:
        fetch(server.url(), reach=HERE)

    assert "hunter2" not in str(caught.value)


def test_a_port_on_which_no_server_is_refuses(authority: Authority) -> None:
    with socket.create_server((LOCAL, 0)) as listening:
        port = listening.getsockname()[1]

    with pytest.raises(FetchFailed, match=r"127.0.0.1 must answer, but did not \(Connection refused\)"):
        fetch(f"https://{LOCAL}:{port}/", reach=HERE)


def test_the_next_address_is_tried_if_one_refuses(authority: Authority, wire: Wire) -> None:
    wire.broken = {"8.8.8.8", "2606:4700::1111"}
    names = Names(["8.8.8.8", "2606:4700::1111", GLOBAL, "9.9.9.9"])

    with Server(ok(), tls=authority.serve(NAME)) as server:
        fetch(server.url(host=NAME), reach=INTERNET, getaddrinfo=names, seconds=60)

    assert wire.connected == ["8.8.8.8", "2606:4700::1111", GLOBAL]


def test_the_address_that_answered_says_which_zone_it_is_in(authority: Authority, wire: Wire) -> None:
    wire.broken = {GLOBAL}
    names = Names([GLOBAL, "10.0.0.1"])

    with Server(ok(), tls=authority.serve(NAME)) as server:
        fetched = fetch(server.url(host=NAME), reach=Reach(private=True), getaddrinfo=names, seconds=60)

    assert fetched.is_private


def test_the_last_address_that_refuses_is_the_failure(wire: Wire) -> None:
    wire.broken = {"8.8.8.8", "9.9.9.9"}

    with pytest.raises(FetchFailed, match=r"issuer.example must answer, but did not"):
        fetch(f"https://{NAME}/", reach=INTERNET, getaddrinfo=Names(["8.8.8.8", "9.9.9.9"]))

    assert wire.connected == ["8.8.8.8", "9.9.9.9"]


@pytest.mark.dependencies
@pytest.mark.slow
def test_an_address_that_does_not_answer_leaves_time_for_the_next(authority: Authority) -> None:
    """The queue of a socket that does not accept is full after two connections, and the next one waits."""
    with (
        Server(ok(), tls=authority.serve(NAME), host="127.0.0.1") as server,
        socket.create_server(("127.0.0.2", server.port), backlog=0) as full,
        socket.create_connection(full.getsockname()),
    ):
        fetched = fetch(server.url(host=NAME), reach=HERE, seconds=4, getaddrinfo=Names(["127.0.0.2", "127.0.0.1"]))

    assert fetched.body == b"{}"


def test_a_certificate_that_is_refused_does_not_lead_to_the_next_address(authority: Authority, wire: Wire) -> None:
    with Server(ok(), tls=authority.serve("other.example")) as server, pytest.raises(FetchFailed):
        fetch(server.url(host=NAME), reach=INTERNET, getaddrinfo=Names(["8.8.8.8", "9.9.9.9"]))

    assert wire.connected == ["8.8.8.8"]


def test_thousands_of_addresses_that_refuse_are_one_failure(wire: Wire) -> None:
    """An attacker may fill the answer of a name server."""
    ips = [f"8.8.{number // 256}.{number % 256}" for number in range(4000)]
    wire.broken = set(ips)

    with pytest.raises(FetchFailed, match=f"{NAME} must answer"):
        fetch(f"https://{NAME}/", reach=INTERNET, getaddrinfo=Names(ips), seconds=60)

    assert wire.connected == ips


def test_an_address_that_no_socket_can_have_is_a_failure() -> None:
    """A family that this machine does not have."""

    def find(host: str, port: int, *, type: int) -> list[tuple[object, ...]]:  # noqa: A002
        return [(socket.AF_INET6, type, 6, "", ("127.0.0.1", port))]

    with pytest.raises(FetchFailed, match=r"127.0.0.1 must"):
        fetch("https://127.0.0.1/", reach=HERE, getaddrinfo=find)
