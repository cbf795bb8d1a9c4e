"""``examples/sessions.py``: all that its docstring promises."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ..conftest import SECRET, bearer
from ..lifecycle.kit import session_id_of
from ..stores.sqlite_kit import ager
from .broken_body import post_malformed_chunk

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "sessions.py"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "sessions.db"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, path: Path) -> Iterator[ModuleType]:
    """The example. It imports the quickstart beside it, as with ``flask --app examples/sessions``."""
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    monkeypatch.setattr(Flask, "auto_find_instance_path", lambda self: str(path.parent))
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    spec = importlib.util.spec_from_file_location("sessions_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module.app.extensions["tokenauth"].store.close()
    sys.modules.pop("quickstart")


@pytest.fixture
def app(example: ModuleType) -> Flask:
    app: Flask = example.app
    return app


def log_in(client: FlaskClient, username: str = "alice", password: str = "wonderland", **more: str) -> dict[str, Any]:
    answer = client.post("/login", data={"username": username, "password": password, **more})
    assert answer.status_code == 200
    return answer.get_json()  # type: ignore[no-any-return]  # JSON may be any type


def commands() -> list[str]:
    return [line for line in (EXAMPLE.read_text().split('"""')[1]).splitlines() if "curl" in line]


def run(client: FlaskClient, command: str, names: dict[str, str]) -> Any:
    """Send the request of a curl line of the docstring."""
    words = shlex.split(command)
    fields = [words[at + 1] for at, word in enumerate(words) if word == "-d"]
    form = dict(field.replace("$REFRESH", names.get("REFRESH", "")).split("=", 1) for field in fields)
    return client.post(next(word for word in words if word.startswith("http://")), data=form)


def test_each_command_of_the_docstring_works(client: FlaskClient, path: Path) -> None:
    first, second, third = commands()
    names: dict[str, str] = {}
    assign, _, field = first.partition(" | cut -d '\"' -f ")
    answer = run(client, assign.removeprefix("REFRESH=$("), names)
    names["REFRESH"] = answer.text.split('"')[int(field.removesuffix(")")) - 1]
    assert names["REFRESH"] == answer.get_json()["refresh_token"]

    refreshed = run(client, second, names)
    assert refreshed.status_code == 200
    assert client.get("/me", headers=bearer(refreshed.get_json()["access_token"])).status_code == 200

    slept = re.match(r"sleep (\d+); ", third)
    assert slept is not None
    ager(path)(session_id_of(names["REFRESH"]), timedelta(seconds=int(slept[1])))
    assert run(client, third[slept.end() :], names).get_json()["error"] == "invalid_grant"
    assert client.get("/me", headers=bearer(refreshed.get_json()["access_token"])).status_code == 401


def test_only_the_public_view_is_open(client: FlaskClient) -> None:
    assert client.get("/public").status_code == 200
    assert client.get("/me").status_code == 401


@pytest.mark.slow
@pytest.mark.parametrize(("username", "password"), [("alice", "builder"), ("nobody", "wonderland"), ("", "")])
def test_a_wrong_password_starts_no_session(client: FlaskClient, username: str, password: str, path: Path) -> None:
    answer = client.post("/login", data={"username": username, "password": password})

    assert answer.status_code == 401
    assert not path.exists()


def test_each_refresh_reads_the_scopes_of_the_user(example: ModuleType, client: FlaskClient) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": log_in(client, "bob", "builder")["refresh_token"]}
    example.USERS["bob"]["scopes"].append("reports:read")

    refreshed = client.post("/auth/refresh", data=form).get_json()

    assert refreshed["scope"] == "profile reports:read"
    assert client.get("/reports", headers=bearer(refreshed["access_token"])).status_code == 200
    del example.USERS["bob"]
    assert client.post("/auth/refresh", data=form).get_json()["error"] == "invalid_grant"


def test_a_user_sees_all_sessions_and_ends_them_all(client: FlaskClient) -> None:
    phone, laptop = log_in(client, device="phone\n"), log_in(client)
    headers = bearer(laptop["access_token"])

    assert client.get("/me", headers=headers).get_json()["sessions"] == 2
    assert {session["label"] for session in client.get("/auth/sessions", headers=headers).get_json()["sessions"]} == {
        "phone",
        None,
    }
    assert client.post("/everywhere", headers=headers).status_code == 204
    assert client.get("/me", headers=bearer(phone["access_token"])).status_code == 401


def test_the_page_of_devices_allows_only_its_own_script(client: FlaskClient) -> None:
    answer = client.get("/devices")

    assert answer.mimetype == "text/html"
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert [directive for directive in policy if re.fullmatch(r"script-src 'sha256-[\w+/]{43}='", directive)]
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(policy)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("secret", [SECRET, None])
def test_the_flask_command_of_the_docstring_works(tmp_path: Path, secret: str | None) -> None:
    """From the root of a copy of the repository, with a secret in the environment or a secret of the example."""
    shutil.copytree(EXAMPLE.parent, tmp_path / "examples", ignore=shutil.ignore_patterns("instance", "__pycache__"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
    environ["PYTHONPATH"] = str(ROOT)
    if secret:
        environ["FLASK_SECRET_KEY"] = secret
    [start] = re.findall(r"\bflask --app \S+(?= run)", EXAMPLE.read_text())
    command = [sys.executable, "-m", *start.split(), "tokenauth", "routes"]

    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert "/auth/refresh" in ran.stdout
    kept = {path.name for path in (tmp_path / "examples" / "instance").iterdir()}
    assert kept == (set() if secret else {"secret_key"})


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_the_server_cannot_read_is_answered_with_400(client: FlaskClient, content_type: str) -> None:
    """gunicorn raises an error of its own for a malformed chunk."""
    answer = post_malformed_chunk(client, "/login", content_type)

    assert answer.status_code == 400
