"""A document is fetched with one plain GET request."""

import os
import subprocess
import sys

import pytest

from flask_tokenauth.core.errors import SettingsError
from flask_tokenauth.core.fetching.addresses import Reach
from flask_tokenauth.core.fetching.documents import Fetched, FetchFailed, fetch
from flask_tokenauth.core.time_limit import time_limit

from .kit import GLOBAL, NAME, Authority, Names, Server, Talk, Wire, ok

HERE = Reach(loopback=True)
INTERNET = Reach()


def test_a_document_is_fetched_from_this_machine_with_plain_http() -> None:
    with Server(ok(b'{"keys": []}')) as server:
        fetched = fetch(server.url(), reach=HERE)

    assert fetched == Fetched(b'{"keys": []}', lifetime=None, is_private=False, is_loopback=True)


@pytest.mark.usefixtures("wire")
def test_a_document_is_fetched_with_https(trusted: Authority) -> None:
    with Server(ok(b'{"keys": []}'), tls=trusted.serve(NAME)) as server:
        fetched = fetch(server.url(host=NAME), reach=INTERNET, getaddrinfo=Names([GLOBAL]))

    assert fetched == Fetched(b'{"keys": []}', lifetime=None, is_private=False, is_loopback=False)


@pytest.mark.usefixtures("wire")
def test_a_document_says_that_it_came_from_a_private_network(trusted: Authority) -> None:
    with Server(ok(), tls=trusted.serve(NAME)) as server:
        fetched = fetch(server.url(host=NAME), reach=Reach(private=True), getaddrinfo=Names(["10.0.0.1"]))

    assert (fetched.is_private, fetched.is_loopback) == (True, False)


def test_the_lifetime_comes_from_the_headers() -> None:
    answer = ok(b"{}", "Cache-Control: public", "cache-control: max-age=600", "Age: 60")

    with Server(answer) as server:
        assert fetch(server.url(), reach=HERE).lifetime == 540.0


def test_the_request_is_plain() -> None:
    with Server(ok()) as server:
        fetch(server.url("/a%20b?c=d&e"), reach=HERE)

    [request] = server.requests
    line, *headers = request.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == "GET /a%20b?c=d&e HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Accept: application/json",
        "Connection: close",
        f"Host: 127.0.0.1:{server.port}",
        "User-Agent: flask-tokenauth",
    ]


def test_a_url_without_a_path_asks_for_the_root() -> None:
    with Server(ok()) as server:
        fetch(server.url("?a=b"), reach=HERE)

    assert server.requests[0].startswith(b"GET /?a=b HTTP/1.1\r\n")


def test_no_password_of_a_file_is_sent(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", f"{tmp_path}/.netrc")
    with open(f"{tmp_path}/.netrc", "w", encoding="ascii") as file:  # noqa: PTH123  # as short as it can be
        file.write("default login alice password hunter2\n")

    with Server(ok()) as server:
        fetch(server.url(), reach=HERE)

    assert b"authorization" not in server.requests[0].lower()


def test_no_cookie_and_no_connection_is_kept() -> None:
    with Server(ok(b"{}", "Set-Cookie: a=b", "Connection: keep-alive")) as server:
        fetch(server.url(), reach=HERE)
        fetch(server.url(), reach=HERE)

    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize("host", ["::1"])
def test_ipv6_is_fetched_from(host: str) -> None:
    with Server(ok(), host=host) as server:
        fetched = fetch(server.url(host=f"[{host}]"), reach=HERE)

    assert fetched.is_loopback
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


def test_this_machine_needs_leave() -> None:
    with Server(ok()) as server, pytest.raises(FetchFailed):
        fetch(server.url(), reach=INTERNET)

    assert server.requests == []


@pytest.mark.parametrize("ips", [["8.8.8.8"], ["10.0.0.1"], ["127.0.0.1", "8.8.8.8"]])
def test_plain_http_never_leaves_this_machine(wire: Wire, ips: list[str]) -> None:
    """The name localhost may have other addresses, by mistake or by an attack."""
    with pytest.raises(FetchFailed, match="localhost must be an address of this machine for plain HTTP"):
        fetch("http://localhost/", reach=Reach(loopback=True, private=True), getaddrinfo=Names(ips))

    assert wire.connected == []


@pytest.mark.parametrize(
    "ips",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["64:ff9b::7f00:1"],
        ["::ffff:127.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["8.8.8.8", "fd00:ec2::254"],
    ],
)
def test_nothing_is_sent_to_a_name_with_a_bad_address(wire: Wire, ips: list[str]) -> None:
    with pytest.raises(FetchFailed, match="must have only addresses on the internet"):
        fetch(f"https://{NAME}/", reach=INTERNET, getaddrinfo=Names(ips))

    assert wire.connected == []


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(trusted: Authority, wire: Wire) -> None:
    """A name may have another address at the next look-up (DNS rebinding)."""
    names = Names([GLOBAL], ["169.254.169.254"], ["10.0.0.1"])

    with Server(ok(), tls=trusted.serve(NAME)) as server:
        fetch(server.url(host=NAME), reach=INTERNET, getaddrinfo=names)

    assert names.asked == [NAME]
    assert wire.connected == [GLOBAL]


def test_the_host_in_the_url_is_sent_though_the_address_is_connected_to(trusted: Authority, wire: Wire) -> None:
    tls = trusted.serve(NAME)
    asked: list[object] = []
    tls.sni_callback = lambda _sock, name, _context: asked.append(name)

    with Server(ok(), tls=tls) as server:
        fetch(server.url(host="ISSUER.example"), reach=INTERNET, getaddrinfo=Names([GLOBAL]))

    assert asked == [NAME]
    assert f"\r\nHost: {NAME}:{server.port}\r\n".encode() in server.requests[0]
    assert wire.connected == [GLOBAL]


def test_a_url_that_is_not_plain_is_not_looked_up() -> None:
    names = Names()

    with pytest.raises(FetchFailed, match="the URL must be https://HOST:PORT/PATH"):
        fetch("https://good.example:443@bad.example/", reach=HERE, getaddrinfo=names)

    assert names.asked == []


def test_a_failure_may_have_a_status() -> None:
    with Server(ok(status="404 Not Found")) as server, pytest.raises(FetchFailed) as caught:
        fetch(server.url(), reach=HERE)

    assert caught.value.status == 404


def test_other_failures_have_none() -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch("https://", reach=HERE)

    assert caught.value.status is None


def test_a_failure_repeats_no_word_of_the_server_and_no_query() -> None:
    answer = ok(b"hunter2", "Location: https://hunter2.example/", "X: hunter2", status="500 hunter2")

    with Server(answer) as server, pytest.raises(FetchFailed) as caught:
        fetch(server.url("/hunter2?hunter2"), reach=HERE)

    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_time_limit_around_the_fetch_counts_too() -> None:
    with Server(lambda talk: talk.over.wait()) as server, pytest.raises(FetchFailed), time_limit(0.1):
        fetch(server.url(), reach=HERE, seconds=60)


def test_no_time_at_all_fails_like_too_little() -> None:
    with Server(ok()) as server, pytest.raises(FetchFailed, match="must answer completely within the time limit"):
        fetch(server.url(), reach=HERE, seconds=0)

    assert server.requests == []


def test_urllib3_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    monkeypatch.setattr("flask_tokenauth.core.fetching.documents.find_spec", names.append)

    with pytest.raises(SettingsError, match=r"pip install 'flask-tokenauth-jwt\[jwks\]'"):
        fetch("https://a.example/", reach=HERE)
    assert names == ["urllib3"]


def test_a_urllib3_that_is_broken_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "flask_tokenauth.core.fetching.connections", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoModule("urllib3.connection"), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "urllib3.connection", raising=False)

    with pytest.raises(ModuleNotFoundError, match=r"urllib3\.connection"):
        fetch("https://a.example/", reach=HERE)


class NoModule:
    """A finder of modules that does not find one."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, *_: object) -> None:
        if name == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.slow
def test_the_import_of_the_package_does_not_import_urllib3() -> None:
    program = "import sys, flask_tokenauth.core.trusted_issuers.discovery; print('urllib3' in sys.modules)"

    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout

    assert output == "False\n"


@pytest.mark.dependencies
@pytest.mark.slow
def test_gevent_lets_others_run_and_keeps_the_time_limit() -> None:
    """With gevent, each wait of a TLS socket has its own timeout, so that one would not be enough."""
    program = """
from gevent import monkey
from flask_tokenauth.core.fetching.documents import FetchFailed, fetch  # before the patch, as --preload does
monkey.patch_all()
import gevent, socket
from flask_tokenauth.core.fetching.addresses import Reach

listening = socket.create_server(("127.0.0.1", 0))
sent = []

def drip():
    sock, _ = listening.accept()
    record = b"\\x16\\x03\\x03\\x40\\x00"
    while True:
        sock.sendall(record[len(sent):len(sent) + 1] or b"\\x02")
        sent.append(1)
        gevent.sleep(0.01)

gevent.spawn(drip)
try:
    fetch(f"https://127.0.0.1:{listening.getsockname()[1]}/", reach=Reach(loopback=True), seconds=0.5)
except FetchFailed as failure:
    print(len(sent) > 5, "time limit" in str(failure))
"""

    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout

    assert output == "True True\n"


def test_a_server_that_talks_first_is_heard_after_the_request() -> None:
    def greet(talk: Talk) -> None:
        talk.send(ok(b"[]"))

    with Server(start=greet) as server:
        assert fetch(server.url(), reach=HERE).body == b"[]"
