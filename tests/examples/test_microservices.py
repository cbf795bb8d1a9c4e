"""The example of microservices: an issuer, and two services that fetch its keys."""

import importlib
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from flask_tokenauth import TokenAuth
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.tokens.unverified import parse_unverified

from ..conftest import MakeApp
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


@pytest.fixture
def fetched_keys() -> Any:
    return importlib.import_module("examples.microservices.fetched_keys")


KEYS = [Key.generate("EdDSA", kid=kid) for kid in "ab"]


@pytest.fixture
def issuer(make_app: MakeApp) -> Iterator[tuple[str, Flask]]:
    """The URL of an issuer that publishes its keys, and its application."""
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_ISSUER="https://issuer.example", TOKENAUTH_KEYS=KeySet(KEYS[:1]))
    app.register_blueprint(auth.well_known)
    server = make_server("127.0.0.1", 0, app)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", app
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_keys_are_fetched_with_the_time_for_which_they_may_be_kept(
    fetched_keys: Any, issuer: tuple[str, Flask]
) -> None:
    keys, pause = fetched_keys.fetch_keys(issuer[0])

    assert ([key.kid for key in keys], pause) == (["a"], 600)


class Enough(Exception):
    """Ends the loop of the thread."""


def test_the_keys_are_exchanged_when_that_time_is_over(
    fetched_keys: Any, issuer: tuple[str, Flask], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url, app = issuer
    keys, pause = fetched_keys.fetch_keys(url)
    seen: list[tuple[float, list[str]]] = []

    def sleep(seconds: float) -> None:
        seen.append((seconds, [key.kid for key in keys]))
        if len(seen) == 3:
            raise Enough
        state_of(app).settings.keys.exchange(KEYS)
        if len(seen) == 2:
            monkeypatch.setattr(fetched_keys, "urlopen", fail)

    def fail(*_: object, **__: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(fetched_keys.time, "sleep", sleep)
    with pytest.raises(Enough):
        fetched_keys.keep_fetching(url, keys, pause)

    assert seen == [(600, ["a"]), (600, ["a", "b"]), (600, ["a", "b"])]
    assert [record.levelno for record in caplog.records if "cannot be fetched" in record.getMessage()] == [
        logging.WARNING
    ]
