"""``examples/quickstart.py``: all that its docstring and the documentation promise."""

import importlib.util
import json
import stat
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_tokenauth.core import Key
from flask_tokenauth.testing.store_contract.kit import at_once

from ..conftest import SECRET, bearer
from .broken_body import post_malformed_chunk

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart.py"


def load(name: str = "quickstart") -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def quickstart(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    return load()


@pytest.fixture
def app(quickstart: ModuleType) -> Flask:
    app: Flask = quickstart.app
    return app


def log_in(client: FlaskClient, username: str, password: str) -> dict[str, str]:
    return bearer(client.post("/login", data={"username": username, "password": password}).get_json()["access_token"])


@pytest.mark.parametrize("kind", ["data", "json"])
def test_a_login_takes_a_form_or_json(client: FlaskClient, kind: str) -> None:
    fields: Any = {kind: {"username": "alice", "password": "wonderland"}}

    answer = client.post("/login", **fields)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() | {"access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "reports:read profile",
    }


def test_alice_may_read_the_reports(client: FlaskClient) -> None:
    headers = log_in(client, "alice", "wonderland")

    assert client.get("/me", headers=headers).json == {"user_id": "alice", "scopes": ["profile", "reports:read"]}
    assert client.get("/reports", headers=headers).status_code == 200


def test_bob_may_not_read_the_reports(client: FlaskClient) -> None:
    headers = log_in(client, "bob", "builder")

    assert client.get("/me", headers=headers).json == {"user_id": "bob", "scopes": ["profile"]}
    assert client.get("/reports", headers=headers).status_code == 403


def test_only_the_public_view_is_open_without_a_token(client: FlaskClient) -> None:
    assert client.get("/public").status_code == 200
    assert client.get("/me").status_code == 401
    assert client.get("/reports").status_code == 401


@pytest.mark.parametrize(
    ("username", "password"), [("alice", "builder"), ("nobody", "wonderland"), ("", ""), ("alice", "")]
)
def test_a_wrong_password_is_a_bare_challenge(client: FlaskClient, username: str, password: str) -> None:
    answer = client.post("/login", json={"username": username, "password": password})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="quickstart"'
    assert answer.json == {"error": "unauthorized", "error_description": "Wrong user name or password."}


@pytest.mark.parametrize("username", ["alice", "nobody"])
def test_the_password_check_of_an_unknown_user_takes_as_long(
    quickstart: ModuleType, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, username: str
) -> None:
    checked: list[str] = []
    real = quickstart.check_password_hash

    def check(hashed: str, given: str) -> bool:
        checked.append(hashed)
        return bool(real(hashed, given))

    monkeypatch.setattr(quickstart, "check_password_hash", check)

    client.post("/login", json={"username": username, "password": "x"})

    assert [hashed.split("$")[0] for hashed in checked] == [quickstart.USERS["alice"]["password"].split("$")[0]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "alice"},
        {"username": "alice", "password": None},
        {"username": 1, "password": "x"},
        {"username": "alice", "password": ["wonderland"]},
        {"username": {}, "password": "x"},
        {"username": "\ud800", "password": "x"},
        {"username": "alice", "password": "\udfff"},
        [],
        "text",
        None,
    ],
)
def test_a_field_that_is_not_a_string_is_answered_with_400(client: FlaskClient, body: object) -> None:
    assert client.post("/login", json=body).status_code == 400


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[" * 10000, b'{"a":' * 3000, b"\xff", b'{"username": 1e999}', b"1" * 5000]
)
def test_an_invalid_json_body_is_answered_with_400(client: FlaskClient, data: bytes) -> None:
    assert client.post("/login", data=data, content_type="application/json").status_code == 400


def test_a_form_without_the_fields_is_answered_with_400(client: FlaskClient) -> None:
    assert client.post("/login", data={"username": "alice"}).status_code == 400
    assert client.post("/login").status_code == 400


def test_a_body_over_the_limit_is_refused(client: FlaskClient) -> None:
    assert client.post("/login", data={"username": "alice", "password": "x" * 20000}).status_code == 413


def test_the_first_page_shows_commands_and_ignores_the_host_header(client: FlaskClient) -> None:
    page = client.get("/", headers={"Host": "evil.example"})

    assert page.mimetype == "text/plain"
    assert "curl http://127.0.0.1:80/public" in page.text
    assert "evil" not in page.text


def test_without_a_secret_the_example_makes_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FLASK_SECRET_KEY", raising=False)
    monkeypatch.setattr(Flask, "auto_find_instance_path", lambda self: str(tmp_path / "instance"))

    secrets = {load().app.config["SECRET_KEY"] for _ in range(2)}

    [path] = (tmp_path / "instance").iterdir()
    assert secrets == {path.read_text()}
    assert len(path.read_text()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_with_keys_the_example_makes_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FLASK_SECRET_KEY", raising=False)
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [Key.generate("EdDSA").to_jwk(private=True)]}))
    monkeypatch.setenv("FLASK_TOKENAUTH_KEYS", str(keys))
    monkeypatch.setattr(Flask, "auto_find_instance_path", lambda self: str(tmp_path / "instance"))

    client = load().app.test_client()

    assert client.get("/me", headers=log_in(client, "bob", "builder")).status_code == 200
    assert not (tmp_path / "instance").exists()


def test_workers_that_start_together_agree_on_the_secret(quickstart: ModuleType, tmp_path: Path) -> None:
    secrets = set(at_once(8, lambda _: str(quickstart.load_secret(tmp_path / "instance"))))

    assert len(secrets) == 1
    assert [path.name for path in (tmp_path / "instance").iterdir()] == ["secret_key"]


def test_a_second_worker_uses_the_secret_of_the_first(
    quickstart: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret_key").write_text("first")
    monkeypatch.setattr(Path, "exists", lambda self: False)  # the other worker wrote it a moment later

    assert quickstart.load_secret(tmp_path) == "first"


def test_the_token_expires(client: FlaskClient, app: Flask) -> None:
    headers = log_in(client, "alice", "wonderland")

    app.extensions["tokenauth"].clock = lambda: time.time() + 911

    assert client.get("/me", headers=headers).status_code == 401


def test_an_empty_secret_file_raises(quickstart: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()

    with pytest.raises(RuntimeError, match="secret_key must hold a secret, but it is empty"):
        quickstart.load_secret(tmp_path)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_the_server_cannot_read_is_answered_with_400(client: FlaskClient, content_type: str) -> None:
    """gunicorn raises an error of its own for a malformed chunk."""
    answer = post_malformed_chunk(client, "/login", content_type)

    assert answer.status_code == 400
