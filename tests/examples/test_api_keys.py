"""``examples/api_keys.py``: all that its docstring promises."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ..conftest import SECRET, bearer

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "api_keys.py"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "api_keys.db"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, path: Path) -> Iterator[ModuleType]:
    """The example. It imports the quickstart beside it, as with ``flask --app examples/api_keys``."""
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    monkeypatch.setattr(Flask, "auto_find_instance_path", lambda self: str(path.parent))
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    spec = importlib.util.spec_from_file_location("api_keys_example", EXAMPLE)
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


def log_in(client: FlaskClient, username: str = "alice", password: str = "wonderland") -> dict[str, str]:
    """Log in, and return the header for further requests."""
    answer = client.post("/login", data={"username": username, "password": password})
    assert answer.status_code == 200
    return bearer(answer.get_json()["access_token"])


def make_key(client: FlaskClient, headers: dict[str, str], **fields: str) -> dict[str, Any]:
    answer = client.post("/auth/api-keys", headers=headers, data={"name": "backup", **fields})
    assert answer.status_code == 201
    return answer.get_json()  # type: ignore[no-any-return]  # JSON may be any type


def commands() -> list[str]:
    """Return the lines with ``curl`` of the docstring; two lines with a backslash between are one."""
    docstring = EXAMPLE.read_text().split('"""')[1].replace("\\\n", " ")
    return [line for line in docstring.splitlines() if "curl" in line]


def run(client: FlaskClient, command: str, names: dict[str, str]) -> Any:
    """Send the request of a curl line of the docstring."""
    for name, value in names.items():
        command = command.replace(f"${name}", value)
    words = shlex.split(command)
    after = [(word, words[at + 1]) for at, word in enumerate(words[:-1])]
    headers = dict(value.split(": ", 1) for word, value in after if word == "-H")
    form = dict(value.split("=", 1) for word, value in after if word == "-d")
    url = next(word for word in words if word.startswith("http://"))
    return client.open(url, method="POST" if form else "GET", headers=headers, data=form)


def assign(client: FlaskClient, command: str, names: dict[str, str]) -> None:
    """Do what a line ``NAME=$(curl … | cut -d '"' -f NUMBER)`` does."""
    name, _, rest = command.partition("=$(")
    request, _, field = rest.partition(" | cut -d '\"' -f ")
    names[name] = run(client, request, names).text.split('"')[int(field.removesuffix(")")) - 1]


def test_each_command_of_the_docstring_works(client: FlaskClient) -> None:
    names: dict[str, str] = {}
    log, make, *others = commands()
    assign(client, log, names)
    assign(client, make, names)
    assert names["KEY"].startswith("ta_")

    answers = [run(client, command, names) for command in others]

    assert [answer.status_code for answer in answers] == [200, 200, 403, 200, 401]
    assert [answer.get_json()["kind"] for answer in answers[:2]] == ["api_key", "api_key"]


def test_only_the_public_views_are_open(client: FlaskClient) -> None:
    assert client.get("/keys").status_code == 200
    assert [client.get(path).status_code for path in ("/me", "/reports", "/auth/api-keys")] == [401, 401, 401]


@pytest.mark.parametrize(("username", "password"), [("alice", "builder"), ("nobody", "wonderland"), ("", "")])
def test_a_wrong_password_starts_no_session(client: FlaskClient, username: str, password: str, path: Path) -> None:
    answer = client.post("/login", data={"username": username, "password": password})

    assert answer.status_code == 401
    assert not path.exists()


def test_a_user_sees_and_ends_only_own_keys(client: FlaskClient) -> None:
    alice, bob = log_in(client), log_in(client, "bob", "builder")
    key = make_key(client, alice, scope="reports:read")

    assert [each["name"] for each in client.get("/auth/api-keys", headers=alice).get_json()["api_keys"]] == ["backup"]
    assert client.get("/auth/api-keys", headers=bob).get_json() == {"api_keys": []}
    assert client.delete(f"/auth/api-keys/{key['id']}", headers=bob).status_code == 404
    assert client.get("/reports", headers=bearer(key["api_key"])).status_code == 200
    assert client.delete(f"/auth/api-keys/{key['id']}", headers=alice).status_code == 204
    assert client.get("/reports", headers=bearer(key["api_key"])).status_code == 401


def test_a_key_loses_the_scopes_that_its_user_loses(example: ModuleType, client: FlaskClient) -> None:
    """Each key is new: the application is asked about a key once a minute."""
    headers = log_in(client)
    first, second, third = (bearer(make_key(client, headers, scope="reports:read")["api_key"]) for _ in range(3))
    assert client.get("/reports", headers=first).status_code == 200

    example.USERS["alice"]["scopes"].remove("reports:read")
    assert client.get("/reports", headers=second).status_code == 403

    del example.USERS["alice"]
    assert client.get("/reports", headers=third).status_code == 401


def test_the_user_is_told_of_a_new_key(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    key = make_key(client, log_in(client), name="backup <1>")

    assert f"to alice: a new API key was made for you, 'backup <1>' with the ID {key['id']}" in caplog.messages
    assert key["api_key"] not in caplog.text


def test_the_page_of_keys_allows_only_its_own_script(client: FlaskClient) -> None:
    answer = client.get("/keys")

    assert answer.mimetype == "text/html"
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert [directive for directive in policy if re.fullmatch(r"script-src 'sha256-[\w+/]{43}='", directive)]
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(policy)
    assert "innerHTML =" not in answer.text


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("secret", [SECRET, None])
def test_the_flask_commands_of_the_docstring_work(tmp_path: Path, secret: str | None) -> None:
    """From the root of a copy of the repository, with a secret in the environment or a secret of the example."""
    shutil.copytree(EXAMPLE.parent, tmp_path / "examples", ignore=shutil.ignore_patterns("instance", "__pycache__"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
    environ["PYTHONPATH"] = str(ROOT)
    if secret:
        environ["FLASK_SECRET_KEY"] = secret
    [start] = re.findall(r"\bflask --app \S+(?= run)", EXAMPLE.read_text())
    [listing] = re.findall(r"^flask --app \S+ (tokenauth .*)$", EXAMPLE.read_text(), re.MULTILINE)

    for command, expected in ("tokenauth routes", "/auth/api-keys"), (listing, ""):
        ran = subprocess.run(
            [sys.executable, "-m", *start.split(), *command.split()],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert expected in ran.stdout
