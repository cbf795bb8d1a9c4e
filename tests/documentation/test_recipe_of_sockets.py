"""The recipe for Flask-Sock of docs/extensions.rst does what it is for, over real sockets."""

from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from simple_websocket import Client, ConnectionClosed, Server  # type: ignore[import-untyped]  # it ships no types
from werkzeug.serving import make_server

from flask_tokenauth.testing import token_headers

from .conftest import Follow, Names

SOCK = "from flask_sock"


@pytest.fixture
def live(follow: Follow) -> Iterator[SimpleNamespace]:
    """A server of the recipe on this machine: its ``names``, and its ``url``."""
    names = follow(SOCK)
    server = make_server("127.0.0.1", 0, names["app"], threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield SimpleNamespace(names=names, url=f"ws://127.0.0.1:{server.port}")
    server.shutdown()
    thread.join(10)
    server.server_close()


def issue(names: Names, user_id: str) -> str:
    """Return a token."""
    return token_headers(names["app"], user_id)["Authorization"].removeprefix("Bearer ")


def is_closed(client: Any) -> tuple[int, str | None]:
    """Return the code and the message with which the server closes the socket, at once."""
    with pytest.raises(ConnectionClosed) as caught:
        client.receive(timeout=60)
    return caught.value.reason, caught.value.message


def test_a_socket_welcomes_a_good_token_and_answers(live: SimpleNamespace) -> None:
    with closing(Client.connect(f"{live.url}/live")) as client:
        client.send(issue(live.names, "alice"))
        welcome = client.receive(timeout=60)
        client.send("Curiouser and curiouser!")

        assert (welcome, client.receive(timeout=60)) == ("Welcome, alice.", "alice: Curiouser and curiouser!")


@pytest.mark.parametrize("message", ["", "x", "x.y.z", b"x.y.z", b"\xff"])
def test_a_socket_refuses_a_bad_token(live: SimpleNamespace, message: str | bytes) -> None:
    client = Client.connect(f"{live.url}/live")

    client.send(message)

    assert is_closed(client) == (1008, "The access token is not valid.")


def test_a_socket_refuses_who_says_nothing_in_time(live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = Server.receive
    monkeypatch.setattr(Server, "receive", lambda ws, timeout: receive(ws, timeout=timeout / 1000))

    client = Client.connect(f"{live.url}/live")

    assert is_closed(client) == (1008, "The access token is not valid.")


@pytest.mark.parametrize("messages", [["Hello!"], []], ids=["busy", "silent"])
def test_a_socket_ends_with_its_token(
    live: SimpleNamespace, messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = Server.receive
    monkeypatch.setattr(Server, "receive", lambda ws, timeout: receive(ws, timeout=timeout if timeout < 60 else 0.1))
    app = live.names["app"]
    token = issue(live.names, "alice")
    with app.app_context():
        expires_at = live.names["auth"].verify(token).expires_at.timestamp()
    client = Client.connect(f"{live.url}/live")
    client.send(token)
    welcome = client.receive(timeout=60)

    app.extensions["tokenauth"].clock = lambda: expires_at + 60
    for message in messages:
        client.send(message)

    assert welcome == "Welcome, alice."
    assert is_closed(client) == (1008, "The access token is not valid.")


def connect_and_receive(url: str, headers: dict[str, str]) -> tuple[Any, object]:
    """Return a client with the first message to it."""
    for _ in range(20):  # pragma: no branch
        client = Client.connect(url, headers=headers)
        with suppress(ConnectionClosed):  # on a busy machine all may be over before it reads: then it loses the message
            return client, client.receive(timeout=60)
    raise AssertionError("no connection brought a message")  # pragma: no cover


def test_a_program_shows_its_token_at_the_handshake(live: SimpleNamespace) -> None:
    headers = token_headers(live.names["app"], "robot")

    client, message = connect_and_receive(f"{live.url}/programs", headers)

    assert message == "Welcome, robot."
    assert is_closed(client)[0] == 1000


@pytest.fixture
def closed_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_TOKENAUTH_DEFAULT_GUARD", "login_required")


@pytest.mark.usefixtures("closed_by_default")
def test_closed_by_default_browsers_still_open_the_socket(live: SimpleNamespace) -> None:
    with closing(Client.connect(f"{live.url}/live")) as client:
        client.send(issue(live.names, "alice"))

        assert client.receive(timeout=60) == "Welcome, alice."
