"""The example of microservices: an issuer, and three services that fetch its keys."""

import importlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
import requests
from click.testing import CliRunner
from flask import Flask
from werkzeug.serving import make_server

from examples.microservices.__main__ import SERVICES, main
from examples.microservices.services import create_service
from flask_tokenauth import AuthError, TokenAuth, get_token_text
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core import Key
from flask_tokenauth.core.tokens.unverified import parse_unverified

from ..conftest import bearer
from ..waiting import wait_until

ROOT = Path(__file__).parents[2]
SECONDS = 60
MUST_BE_FREE = "Error: port {} must be free, but another program has it: choose four free ports in a row with --port\n"


def find_port() -> int:
    """Return the first of four ports in a row that are free."""
    return next(port for port in range(20_000, 32_000, 4) if all(is_free(port + number) for number in range(4)))


def is_free(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


@dataclass(frozen=True)
class Running:
    """The four programs, started with one command."""

    port: int
    keys: Path

    def log_in(self, name: str = "alice", password: str = "wonderland") -> str:
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/login", data={"username": name, "password": password}, timeout=SECONDS
        )
        return str(answer.json()["access_token"])

    def ask(self, token: str) -> list[int]:
        """Return the statuses of the services that are for users, and of the application of the issuer."""
        headers = {"Authorization": f"Bearer {token}"}
        places = ((1, "reports"), (2, "orders"), (0, "overview"))
        urls = [f"http://127.0.0.1:{self.port + number}/{path}" for number, path in places]
        return [requests.get(url, headers=headers, timeout=SECONDS).status_code for url in urls]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    port, keys = find_port(), tmp_path / "instance" / "keys.json"
    command = [sys.executable, "-m", "examples.microservices", "--port", str(port), "--keys", str(keys)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    environ["PYTHONPATH"] = str(ROOT)
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert "All four are ready.\n" in lines
        yield Running(port, keys)
        process.terminate()


@pytest.mark.slow
@pytest.mark.once
def test_one_command_starts_all_four_and_a_rotation_refuses_nobody(running: Running) -> None:
    old = running.log_in()
    assert running.ask(old) == [200, 200, 200]
    assert running.ask(running.log_in("bob", "builder")) == [401, 200, 403]
    command = [
        sys.executable,
        "-m",
        "flask_tokenauth",
        "keys",
        "--file",
        str(running.keys),
        "rotate",
        "--older-than",
        "0s",
    ]

    subprocess.run([*command, "--force"], check=True, capture_output=True)
    wait_until(lambda: kid_of(running.log_in()) != kid_of(old))

    assert running.ask(running.log_in()) == [200, 200, 200]
    assert running.ask(old) == [200, 200, 200]


@pytest.mark.parametrize("number", [0, 3])
def test_another_program_at_one_of_the_ports_stops_the_start(tmp_path: Path, number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["--port", str(port - number), "--keys", str(tmp_path / "new" / "keys.json")])

    assert (result.exit_code, result.output) == (1, MUST_BE_FREE.format(port))
    assert not (tmp_path / "new").exists()


def kid_of(token: str) -> str:
    header = parse_unverified(token).header
    assert header is not None
    return str(header["kid"])


def test_the_services_trust_the_issuer_and_have_no_keys_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_TOKENAUTH_ISSUER", "http://127.0.0.1:5000")

    settings = state_of(create_service("orders")).settings

    assert [(issuer.name, issuer.audience) for issuer in settings.trusted_issuers] == [
        ("http://127.0.0.1:5000", frozenset({"orders"}))
    ]
    assert settings.keys.signing_key is None


@dataclass(frozen=True)
class Network:
    """The issuer and its services, as threads of this process."""

    issuer: Flask
    urls: dict[str, str]  # of all four, by their names

    def log_in(self, name: str, password: str) -> str:
        answer = self.issuer.test_client().post("/login", data={"username": name, "password": password})
        return str(answer.get_json()["access_token"])

    def ask(self, name: str, token: str) -> requests.Response:
        path = "overview" if name == "issuer" else name
        return requests.get(f"{self.urls[name]}/{path}", headers=bearer(token), timeout=SECONDS)

    def exchange(self, token: str) -> str:
        """Return the token that the issuer sends to the shipping."""
        with self.issuer.test_request_context(headers=bearer(token)):
            return TokenAuth[str]().exchange(audience="shipping", scopes=[])


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    with ExitStack() as stack:
        names = ("issuer", *SERVICES)
        sockets = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in names}
        urls = {name: f"http://127.0.0.1:{listener.getsockname()[1]}" for name, listener in sockets.items()}
        monkeypatch.setenv("FLASK_TOKENAUTH_ISSUER", urls["issuer"])
        monkeypatch.setenv("FLASK_TOKENAUTH_KEYS", json.dumps({"keys": [Key.generate("ES256").to_jwk(private=True)]}))
        monkeypatch.setenv("FLASK_SERVICES", json.dumps(urls))
        monkeypatch.delitem(sys.modules, "examples.microservices.issuer", raising=False)
        issuer: Flask = importlib.import_module("examples.microservices.issuer").app
        for name, listener in sockets.items():
            stack.enter_context(serve(issuer if name == "issuer" else create_service(name), listener))
        yield Network(issuer, urls)


@contextmanager
def serve(app: Flask, listener: socket.socket) -> Iterator[None]:
    server = make_server("127.0.0.1", 0, app, threaded=True, fd=listener.fileno())
    server.log = lambda *_: None  # type: ignore[method-assign]  # it would write each request to the console
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_same_token_opens_two_services_and_an_exchanged_one_the_third(network: Network) -> None:
    token = network.log_in("alice", "wonderland")
    exchanged = network.exchange(token)

    statuses = {name: [network.ask(name, each).status_code for each in (token, exchanged)] for name in network.urls}

    assert statuses == {"issuer": [200, 401], "reports": [200, 401], "orders": [200, 401], "shipping": [401, 200]}


def test_the_application_asks_all_services_for_the_user(network: Network) -> None:
    answer = network.ask("issuer", network.log_in("alice", "wonderland"))

    assert answer.json() == {
        "reports": "Those of alice.",
        "orders": "Those of alice.",
        "shipping": f"Those of alice, asked for by {network.urls['issuer']}.",
    }


def test_a_token_that_is_not_for_a_service_is_not_handed_on_to_it(network: Network) -> None:
    token = network.log_in("bob", "builder")

    assert [network.ask(name, token).status_code for name in network.urls] == [403, 401, 200, 401]


def test_the_application_takes_no_token_that_it_made_for_another(network: Network) -> None:
    token = network.exchange(network.log_in("alice", "wonderland"))

    with pytest.raises(AuthError), network.issuer.test_request_context(headers=bearer(token)):
        get_token_text()
    with pytest.raises(AuthError):
        network.exchange(token)


def test_a_wrong_password_gets_no_token(network: Network) -> None:
    answer = network.issuer.test_client().post("/login", data={"username": "alice", "password": "wrong"})

    assert answer.status_code == 401
