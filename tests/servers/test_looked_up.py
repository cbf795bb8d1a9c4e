"""Two workers with API keys and reference tokens, and a database server that is killed."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token

from ..conftest import SECRET
from ..engines.server import Server
from ..lifecycle.kit import store_of
from .clients import PATIENCE
from .starting import serving

COMMAND = [sys.executable, "-m", "gunicorn", "--bind=fd://{socket}", "--worker-tmp-dir=.", "--workers=2"]
ISSUER = "https://issuer.example"
STALENESS, INTERVAL = 4.0, 0.5  # seconds
SCOPES = ["reports:read"]


class Answer(NamedTuple):
    """The answer of a worker."""

    status: int
    worker: str | None
    answered_at: float  # monotonic


class Tokens(NamedTuple):
    """Tokens of one user."""

    reference: str
    api_key: str
    revoked: str
    not_looked_up: str  # no worker looks it up before the server is killed


@pytest.fixture(params=["postgresql_18", "mariadb"])
def engine(request: pytest.FixtureRequest) -> Server:
    engine: Server = request.getfixturevalue(request.param)
    return engine


@pytest.fixture
def url(engine: Server) -> Iterator[str]:
    with engine.new_database() as database:
        yield engine.url(database)


@pytest.fixture
def settings(url: str) -> dict[str, Any]:
    return {
        "TOKENAUTH_STORE": url,
        "TOKENAUTH_API_KEYS": True,
        "TOKENAUTH_REVOCATION_INTERVAL": INTERVAL,
        "TOKENAUTH_REVOCATION_MAX_STALENESS": STALENESS,
        "TOKENAUTH_STORE_TIMEOUT": 10,  # a busy machine is no outage, and a killed server refuses at once
    }


@pytest.fixture
def issuer(settings: dict[str, Any]) -> Iterator[Flask]:
    """An application in this process, which makes tokens."""
    app = Flask("issuer")
    app.config |= {"SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": ISSUER} | settings
    TokenAuth(app)
    with closing(store_of(app)):
        yield app


@pytest.fixture
def port(settings: dict[str, Any], tmp_path: Path) -> Iterator[int]:
    """Two workers at one port."""
    environ = {f"FLASK_{name}": json.dumps(value) for name, value in settings.items() if name != "TOKENAUTH_STORE"}
    environ["FLASK_TOKENAUTH_STORE"] = settings["TOKENAUTH_STORE"]
    with serving([*COMMAND, "tests.servers.looked_up:app"], tmp_path, **environ) as server:
        yield server.port


def make_tokens(app: Flask) -> Tokens:
    auth: TokenAuth[str] = TokenAuth()
    with app.app_context():
        reference = create_token("alice", SCOPES, format="reference")
        keys = [auth.create_api_key("alice", SCOPES, name=name) for name in ("one", "two", "three")]
        assert auth.revoke_api_key(keys[1].id)
        return Tokens(reference, *(key.text for key in keys))


def ask(port: int, token: str) -> Answer:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/reports", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        response.read()
        return Answer(response.status, response.headers["X-Worker"], time.monotonic())


def ask_both(port: int, token: str, *, status: int) -> list[Answer]:
    """Ask until both workers have given an answer with this status, and return all answers."""
    answers: list[Answer] = []
    deadline = time.monotonic() + PATIENCE
    while len({answer.worker for answer in answers if answer.status == status}) != 2:  # workers
        assert time.monotonic() < deadline, [answer.status for answer in answers]
        answers.append(ask(port, token))
    return answers


@pytest.mark.once
@pytest.mark.slow
def test_remembered_tokens_outlive_the_server_until_the_staleness_limit(
    engine: Server, issuer: Flask, port: int
) -> None:
    tokens = make_tokens(issuer)
    for token in (tokens.reference, tokens.api_key):
        assert {answer.status for answer in ask_both(port, token, status=200)} == {200}
    assert {answer.status for answer in ask_both(port, tokens.revoked, status=401)} == {401}

    known_since = time.monotonic()  # the last fetch of each worker began after this less the interval
    engine.kill()
    try:
        refused = [ask(port, tokens.not_looked_up) for _ in range(8)]
        accepted = [ask(port, token) for token in (tokens.reference, tokens.api_key) for _ in range(4)]
        later = [answer for token in tokens[:2] for answer in ask_both(port, token, status=503)]
        unknown = ask_both(port, tokens.revoked, status=503)
    finally:
        engine.start()

    assert {answer.status for answer in refused} == {503}
    in_time = [answer for answer in (*accepted, *later) if answer.answered_at < known_since + STALENESS - 2 * INTERVAL]
    assert {answer.status for answer in in_time} == {200}
    assert {answer.status for answer in (*later, *unknown)} <= {200, 401, 503}

    for token in (tokens.reference, tokens.api_key, tokens.not_looked_up):
        assert {answer.status for answer in ask_both(port, token, status=200)} <= {200, 503}
    assert {answer.status for answer in ask_both(port, tokens.revoked, status=401)} <= {401, 503}
