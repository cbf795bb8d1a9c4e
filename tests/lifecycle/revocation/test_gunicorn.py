"""Workers of gunicorn: one worker refuses its own revocations at once, and the other within the interval."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from ...conftest import SECRET

ROOT = Path(__file__).parents[3]
INTERVAL = 1.0  # seconds, the default
PATIENCE = 60  # seconds; a test that waits longer fails

CONF = """
def post_worker_init(worker):
    from tests.lifecycle.revocation.served import auth
    auth.warm()
"""


@dataclass
class Answer:
    """The answer of a worker."""

    status: int
    body: Any
    worker: str
    asked_at: float  # monotonic


@dataclass
class Server:
    """Two workers at one address."""

    port: int

    def ask(self, method: str, path: str, bearer: str = "", **form: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        asked_at = time.monotonic()
        connection.request(method, path, urlencode(form), headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return Answer(response.status, json.loads(text or "null"), response.headers["X-Worker"], asked_at)

    def ask_until(self, token: str, enough: Callable[[list[Answer]], bool], path: str = "/me") -> list[Answer]:
        """Ask for a view again and again until ``enough(answers)`` is true."""
        answers: list[Answer] = []
        deadline = time.monotonic() + PATIENCE
        while not enough(answers):
            assert time.monotonic() < deadline
            answers.append(self.ask("GET", path, token))
        return answers


@pytest.fixture(params=["loaded by each worker", "preloaded"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "conf.py").write_text(CONF)
    environ = os.environ | {
        "FLASK_SECRET_KEY": SECRET,
        "FLASK_TOKENAUTH_ISSUER": "https://issuer.example",
        "FLASK_TOKENAUTH_STORE": f"sqlite:///{tmp_path / 'served.db'}",
        "FLASK_TOKENAUTH_REFRESH_RETRY_WINDOW": "0",
        "PYTHONPATH": str(ROOT),
    }
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "gunicorn", "--workers=2", f"--bind=fd://{listening.fileno()}"]
        command += [f"--config={tmp_path / 'conf.py'}", "--worker-tmp-dir", str(tmp_path), "--log-level=warning"]
        command += ["--preload"] if request.param == "preloaded" else []
        process = subprocess.Popen(
            [*command, "tests.lifecycle.revocation.served:create_app()"],
            cwd=tmp_path,
            env=environ,
            pass_fds=[listening.fileno()],
        )
        yield Server(listening.getsockname()[1])
        process.terminate()
        assert process.wait(PATIENCE) == 0


@pytest.mark.dependencies
@pytest.mark.slow
def test_warm_loads_revocations_before_the_first_request_of_each_worker(server: Server) -> None:
    answers = server.ask_until("", lambda answers: len(workers_of(answers)) == 2, "/loaded")

    assert {answer.body for answer in answers} == {True}


def workers_of(answers: list[Answer]) -> set[str]:
    return {answer.worker for answer in answers}


def check_refused(server: Server, token: str, end: Answer) -> None:
    """Check that the worker of *end* refuses a token from then on, and the other worker after the interval."""
    known_at = time.monotonic() + INTERVAL

    def is_known_to_both(answers: list[Answer]) -> bool:
        return len(workers_of([answer for answer in answers if answer.asked_at >= known_at])) == 2

    answers = server.ask_until(token, is_known_to_both)

    assert {answer.status for answer in answers if answer.worker == end.worker} == {401}
    assert {answer.status for answer in answers if answer.asked_at >= known_at} == {401}


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_token_revoked_in_one_worker_is_refused_in_both(server: Server) -> None:
    login = server.ask("POST", "/login", username="alice").body
    other = server.ask("POST", "/login", username="alice").body
    token = login["access_token"]
    before = server.ask_until(token, lambda answers: len(workers_of(answers)) == 2)
    assert {answer.status for answer in before} == {200}

    end = server.ask("POST", "/auth/revoke", token=token)
    assert end.status == 200

    check_refused(server, token, end)
    both = server.ask_until(other["access_token"], lambda answers: len(workers_of(answers)) == 2)
    assert {answer.status for answer in both} == {200}


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_reuse_ends_the_session_and_its_access_tokens_in_both_workers(server: Server) -> None:
    login = server.ask("POST", "/login", username="alice").body
    form = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]}
    second = server.ask("POST", "/auth/refresh", **form)
    assert second.status == 200
    tokens = [login["access_token"], second.body["access_token"]]
    for token in tokens:
        before = server.ask_until(token, lambda answers: len(workers_of(answers)) == 2)
        assert {answer.status for answer in before} == {200}

    end = server.ask("POST", "/auth/refresh", **form)
    assert (end.status, end.body["error"]) == (400, "invalid_grant")

    for token in tokens:
        check_refused(server, token, end)
