"""The example of microservices: an issuer, and two services that fetch its keys."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from examples.microservices.services import create_service
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.tokens.unverified import parse_unverified

from ..waiting import wait_until

ROOT = Path(__file__).parents[2]
SECONDS = 60


def find_port() -> int:
    """Return the first of three ports in a row that are free."""
    return next(port for port in range(20_000, 32_000, 3) if all(is_free(port + number) for number in range(3)))


def is_free(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


@dataclass(frozen=True)
class Running:
    """The three programs, started with one command."""

    port: int
    keys: Path

    def log_in(self, name: str = "alice", password: str = "wonderland") -> str:
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/login", data={"username": name, "password": password}, timeout=SECONDS
        )
        return str(answer.json()["access_token"])

    def ask(self, token: str) -> list[int]:
        """Return the statuses of both services."""
        headers = {"Authorization": f"Bearer {token}"}
        urls = (f"http://127.0.0.1:{self.port + 1}/reports", f"http://127.0.0.1:{self.port + 2}/orders")
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
        assert "All three are ready.\n" in lines
        yield Running(port, keys)
        process.terminate()


@pytest.mark.slow
@pytest.mark.once
def test_one_command_starts_all_three_and_a_rotation_refuses_nobody(running: Running) -> None:
    old = running.log_in()
    assert running.ask(old) == [200, 200]
    assert running.ask(running.log_in("bob", "builder")) == [401, 200]
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

    assert running.ask(running.log_in()) == [200, 200]
    assert running.ask(old) == [200, 200]


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
