"""The proxy of the environment is used where it is asked for, and never otherwise."""

import base64
import select
import socket
from collections.abc import Callable

import pytest

from flask_tokenauth.core.fetching.addresses import Reach
from flask_tokenauth.core.fetching.documents import Fetched, FetchFailed, fetch
from flask_tokenauth.core.fetching.proxies import Proxy, find_proxy
from flask_tokenauth.core.fetching.urls import parse_url

from .kit import LOCAL, NAME, Answer, Authority, Names, Server, Talk, Wire, ok, stream

HERE = Reach(loopback=True)
INTERNET = Reach()
SetEnv = Callable[[str, str], None]


@pytest.fixture
def setenv(monkeypatch: pytest.MonkeyPatch) -> SetEnv:
    return monkeypatch.setenv


def find(url: str = f"https://{NAME}/") -> Proxy | None:
    return find_proxy(parse_url(url, reach=HERE))


def tunnel_to(server: Server) -> Answer:
    """Return the answer of a proxy, which connects to *server* and does not read the request."""

    def answer(talk: Talk) -> None:
        talk.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        with socket.create_connection((LOCAL, server.port)) as upstream:
            others = {talk.sock: upstream, upstream: talk.sock}
            while True:
                for one in select.select(list(others), [], [])[0]:
                    data = one.recv(65_536)
                    if not data:
                        return
                    others[one].sendall(data)

    return answer


def fetch_through(url: str, **options: bool) -> Fetched:
    return fetch(url, reach=INTERNET, seconds=60, getaddrinfo=Names([LOCAL], [LOCAL]), **options)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_the_environment_names_the_proxy(setenv: SetEnv, name: str) -> None:
    setenv(name, "http://proxy.example:3128")

    assert find() == Proxy("http", "proxy.example", 3128, {})


def test_without_a_proxy_the_connection_is_direct() -> None:
    assert find() is None


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "FTP_PROXY"])
def test_proxies_for_other_schemes_do_not_count(setenv: SetEnv, name: str) -> None:
    setenv(name, "http://proxy.example:3128")

    assert find() is None


@pytest.mark.parametrize("hosts", [NAME, f"a.example,{NAME}", "example", ".example", "*", f"{NAME}:443"])
def test_hosts_can_be_left_out(setenv: SetEnv, hosts: str) -> None:
    setenv("HTTPS_PROXY", "http://proxy.example:3128")
    setenv("NO_PROXY", hosts)

    assert find() is None


@pytest.mark.parametrize("hosts", ["", "other.example", "xexample", "ssuer.example"])
def test_other_hosts_are_not_left_out(setenv: SetEnv, hosts: str) -> None:
    setenv("HTTPS_PROXY", "http://proxy.example:3128")
    setenv("NO_PROXY", hosts)

    assert find() is not None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_this_machine_never_has_a_proxy(setenv: SetEnv, host: str, scheme: str) -> None:
    setenv("HTTPS_PROXY", "http://proxy.example:3128")
    setenv("HTTP_PROXY", "http://proxy.example:3128")

    assert find(f"{scheme}://{host}/") is None


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("proxy.example:3128", Proxy("http", "proxy.example", 3128, {})),
        ("http://proxy.example", Proxy("http", "proxy.example", 80, {})),
        ("https://proxy.example", Proxy("https", "proxy.example", 443, {})),
        ("HTTP://Proxy.Example:1/", Proxy("http", "proxy.example", 1, {})),
        ("http://[::1]:3128", Proxy("http", "::1", 3128, {})),
    ],
)
def test_a_proxy_has_a_port(setenv: SetEnv, url: str, proxy: Proxy) -> None:
    setenv("HTTPS_PROXY", url)

    assert find() == proxy


@pytest.mark.parametrize(
    ("credentials", "plain"),
    [("alice:hunter2", "alice:hunter2"), ("alice", "alice:"), ("a%40b:%C3%BC%3A", "a@b:ü:"), (":", ":")],
)
def test_a_proxy_may_have_a_user_and_a_password(setenv: SetEnv, credentials: str, plain: str) -> None:
    setenv("HTTPS_PROXY", f"http://{credentials}@proxy.example:3128")

    proxy = find()

    assert proxy is not None
    scheme, _, encoded = proxy.headers["Proxy-Authorization"].partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", plain)


@pytest.mark.parametrize(
    "url",
    [
        "socks5://alice:hunter2@proxy.example:1080",
        "http://alice:hunter2@:3128",
        "http://",
        "http://proxy.example:0",
        "http://proxy.example:65536",
        "http://proxy.example:hunter2",
        "http://[::1",
    ],
)
def test_a_proxy_that_cannot_be_used_is_a_failure_and_is_not_repeated(setenv: SetEnv, url: str) -> None:
    setenv("HTTPS_PROXY", url)

    with pytest.raises(FetchFailed, match="HTTPS_PROXY must be http://HOST:PORT") as caught:
        fetch_through(f"https://{NAME}/", use_proxy=True)

    assert "hunter2" not in str(caught.value)
    assert "proxy.example" not in str(caught.value)


def test_a_proxy_is_not_used_unless_it_is_asked_for(setenv: SetEnv, trusted: Authority, wire: Wire) -> None:
    with Server(ok()) as proxy, Server(ok(), tls=trusted.serve(NAME)) as server:
        setenv("HTTPS_PROXY", f"http://{LOCAL}:{proxy.port}")
        fetch(server.url(host=NAME), reach=INTERNET, getaddrinfo=Names(["8.8.8.8"]), seconds=60)

    assert wire.connected == ["8.8.8.8"]
    assert proxy.requests == []


def test_a_proxy_looks_up_the_name_and_tls_reaches_the_server(setenv: SetEnv, trusted: Authority) -> None:
    names = Names([LOCAL])

    with Server(ok(b"[]"), tls=trusted.serve(NAME)) as server, Server(tunnel_to(server)) as proxy:
        setenv("HTTPS_PROXY", f"http://alice:hunter2@proxy.example:{proxy.port}")
        url = server.url(host=NAME)
        fetched = fetch(url, reach=INTERNET, seconds=60, use_proxy=True, getaddrinfo=names)

    assert fetched == Fetched(b"[]", lifetime=None, is_private=False, is_loopback=False)
    assert names.asked == ["proxy.example"]
    assert proxy.requests[0].startswith(f"CONNECT {NAME}:{server.port} HTTP/1.".encode())
    assert b"\r\nProxy-Authorization: Basic YWxpY2U6aHVudGVyMg==\r\n" in proxy.requests[0]
    assert b"proxy-authorization" not in server.requests[0].lower()
    assert f"\r\nHost: {NAME}:{server.port}\r\n".encode() in server.requests[0]


def test_a_proxy_may_speak_tls_itself(setenv: SetEnv, trusted: Authority) -> None:
    tls, other = trusted.serve(NAME), trusted.serve("proxy.example")

    with Server(ok(b"[]"), tls=tls) as server, Server(tunnel_to(server), tls=other) as proxy:
        setenv("HTTPS_PROXY", f"https://proxy.example:{proxy.port}")

        assert fetch_through(server.url(host=NAME), use_proxy=True).body == b"[]"


def test_the_certificate_of_a_proxy_must_be_for_its_name(setenv: SetEnv, trusted: Authority) -> None:
    with Server(b"", tls=trusted.serve(NAME)) as proxy:
        setenv("HTTPS_PROXY", f"https://proxy.example:{proxy.port}")
        with pytest.raises(FetchFailed, match=f"the proxy for {NAME} must have a certificate"):
            fetch_through(f"https://{NAME}/", use_proxy=True)

    assert proxy.requests == []


def test_the_certificate_of_the_server_is_not_that_of_the_proxy(setenv: SetEnv, trusted: Authority) -> None:
    tls = trusted.serve("proxy.example")

    with Server(ok(), tls=tls) as server, Server(tunnel_to(server), tls=tls) as proxy:
        setenv("HTTPS_PROXY", f"https://proxy.example:{proxy.port}")
        with pytest.raises(FetchFailed, match=f"^{NAME} must have a certificate that this machine trusts"):
            fetch_through(server.url(host=NAME), use_proxy=True)

    assert server.requests == []


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 hunter2\r\n\r\n", b"HTTP/1.1 302 hunter2\r\n\r\n", b"hunter2\r\n", b""]
)
def test_a_proxy_that_refuses_is_a_failure(setenv: SetEnv, answer: bytes) -> None:
    with Server(answer) as proxy:
        setenv("HTTPS_PROXY", f"http://proxy.example:{proxy.port}")
        with pytest.raises(FetchFailed, match=f"the proxy for {NAME} must answer") as caught:
            fetch_through(f"https://{NAME}/", use_proxy=True)

    assert "hunter2" not in str(caught.value)


def test_an_endless_answer_of_a_proxy_is_given_up(setenv: SetEnv) -> None:
    with Server(stream(b"X: y\r\n" * 999, after=b"HTTP/1.1 200 OK\r\n")) as proxy:
        setenv("HTTPS_PROXY", f"http://proxy.example:{proxy.port}")
        with pytest.raises(
            FetchFailed, match=r"at most 262144 bytes|must answer with valid HTTP"
        ):  # Python 3.13 counts headers
            fetch_through(f"https://{NAME}/", use_proxy=True)


def test_a_proxy_that_is_too_slow_is_given_up(setenv: SetEnv) -> None:
    with Server(lambda talk: talk.drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 999)) as proxy:
        setenv("HTTPS_PROXY", f"http://proxy.example:{proxy.port}")
        with pytest.raises(FetchFailed, match="within the time limit"):
            fetch(f"https://{NAME}/", reach=INTERNET, seconds=0.2, use_proxy=True, getaddrinfo=Names([LOCAL]))


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"])
def test_an_address_in_the_url_is_judged_for_a_proxy_too(setenv: SetEnv, wire: Wire, host: str) -> None:
    setenv("HTTPS_PROXY", "http://proxy.example:3128")

    with pytest.raises(FetchFailed, match="must have only addresses on the internet"):
        fetch(f"https://{host}/", reach=INTERNET, use_proxy=True)

    assert wire.connected == []


def test_an_address_on_the_internet_is_reached_through_a_proxy(setenv: SetEnv, trusted: Authority) -> None:
    with Server(ok(b"[]"), tls=trusted.serve("8.8.8.8")) as server, Server(tunnel_to(server)) as proxy:
        setenv("HTTPS_PROXY", f"http://{LOCAL}:{proxy.port}")

        assert fetch(server.url(host="8.8.8.8"), reach=INTERNET, seconds=60, use_proxy=True).body == b"[]"
