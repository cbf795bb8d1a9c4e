"""The server of ``examples/spa``, and the command of its docstring; ``tests/browser/test_spa.py`` has the page."""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from examples.spa import accounts, create_app
from examples.spa.pages import POLICY
from examples.spa.secret import load_secret
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing import at
from flask_tokenauth.testing.store_contract.kit import at_once

from ..conftest import SECRET, bearer

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "spa"
BROWSER: dict[str, Any] = {
    "base_url": "https://localhost",
    "buffered": True,
    "headers": {"Sec-Fetch-Site": "same-origin"},
}
NAVIGATION: dict[str, Any] = {"base_url": "https://localhost", "headers": {"Sec-Fetch-Mode": "navigate"}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Flask]:
    """The application. Its name is not ``app``, since pytest-flask would push a request of it."""
    yield from make_site(tmp_path)


def make_site(folder: Path, **config: object) -> Iterator[Flask]:
    site = create_app(
        {
            "TESTING": True,
            "SECRET_KEY": SECRET,
            "NOTES": str(folder / "data" / "notes.db"),
            "TOKENAUTH_STORE": MemoryStore(),
            **config,
        }
    )
    yield site
    site.extensions["tokenauth"].store.close()


def sign_in(site: Flask, username: str = "alice", password: str = "wonderland", **more: str) -> FlaskClient:
    """Return a client with the cookies of a user."""
    client = site.test_client()
    answer = client.post("/sign-in", data={"username": username, "password": password, **more}, **BROWSER)
    assert answer.status_code == 200
    assert answer.get_json() == {"expires_in": 900, "scope": "", "refresh_expires_in": 2592000}
    return client


@pytest.fixture
def alice(site: Flask) -> FlaskClient:
    return sign_in(site)


def test_notes_are_added_listed_and_deleted(alice: FlaskClient) -> None:
    first = alice.post("/notes", data={"content": " one "}, **BROWSER)
    alice.post("/notes", data={"content": "two"}, **BROWSER)

    assert first.status_code == 201
    assert [note["content"] for note in alice.get("/notes", **BROWSER).get_json()] == ["two", "one"]
    assert alice.delete(f"/notes/{first.get_json()['id']}", **BROWSER).status_code == 204
    assert alice.delete(f"/notes/{first.get_json()['id']}", **BROWSER).status_code == 404
    assert [note["content"] for note in alice.get("/notes", **BROWSER).get_json()] == ["two"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "status"), [(None, 400), ("", 400), ("  ", 400), ("x" * 10_000, 201), ("x" * 10_001, 400)]
)
def test_a_note_has_1_to_10000_characters(alice: FlaskClient, content: str | None, status: int) -> None:
    answer = alice.post("/notes", data={} if content is None else {"content": content}, **BROWSER)

    assert answer.status_code == status
    assert ("error_description" in answer.get_json()) == (status == 400)


@pytest.mark.slow
def test_people_see_and_delete_only_their_own_notes(alice: FlaskClient, site: Flask) -> None:
    note = alice.post("/notes", data={"content": "of alice"}, **BROWSER).get_json()["id"]
    bob = sign_in(site, "bob", "builder")

    assert bob.get("/notes", **BROWSER).get_json() == []
    assert bob.delete(f"/notes/{note}", **BROWSER).status_code == 404
    assert len(alice.get("/notes", **BROWSER).get_json()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("username", "password"), [("alice", "builder"), ("nobody", "wonderland"), ("", "")])
def test_a_wrong_password_starts_no_session(site: Flask, username: str, password: str) -> None:
    answer = site.test_client().post("/sign-in", data={"username": username, "password": password}, **BROWSER)

    assert answer.status_code == 401
    assert answer.get_json()["error_description"] == "Wrong user name or password."
    assert "Set-Cookie" not in answer.headers


def test_all_views_but_the_pages_for_everyone_need_a_login(site: Flask) -> None:
    client = site.test_client()
    for path in "/", "/refresh", "/static/session.js":
        assert client.get(path, **BROWSER).status_code == 200
    for path in "/me", "/notes", "/print", "/auth/sessions":
        assert client.get(path, **BROWSER).status_code == 401
    for path in "/notes", "/sign-out-everywhere":
        assert client.post(path, **BROWSER).status_code == 401


def test_programs_use_the_same_views_with_tokens_in_headers(site: Flask) -> None:
    client = site.test_client()
    tokens = client.post("/sign-in", data={"username": "alice", "password": "wonderland"}).get_json()

    assert client.get("/me", headers=bearer(tokens["access_token"])).get_json() == {"user": "alice", "warnings": []}


def test_another_site_changes_nothing(alice: FlaskClient) -> None:
    foreign = {"base_url": "https://localhost", "headers": {"Sec-Fetch-Site": "cross-site"}}

    assert alice.post("/notes", data={"content": "evil"}, **foreign).status_code == 403
    assert alice.post("/sign-out-everywhere", **foreign).status_code == 403
    assert alice.get("/notes", **BROWSER).get_json() == []


@pytest.mark.slow
def test_the_devices_have_names_without_control_characters(site: Flask) -> None:
    sign_in(site, device="phone\n\u202e" + "x" * 200)
    laptop = sign_in(site)

    labels = [session["label"] for session in laptop.get("/auth/sessions", **BROWSER).get_json()["sessions"]]

    assert labels == [None, "phone" + "x" * 95]


@pytest.mark.slow
def test_signing_out_everywhere_ends_all_sessions(site: Flask) -> None:
    phone, laptop = sign_in(site), sign_in(site)

    assert laptop.post("/sign-out-everywhere", **BROWSER).status_code == 204
    assert laptop.post("/auth/logout", **BROWSER).status_code == 204

    assert phone.get("/me", **BROWSER).status_code == 401
    assert phone.post("/auth/refresh", **BROWSER).status_code == 400


def test_the_session_of_a_deleted_user_ends_at_the_next_refresh(
    alice: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alice.post("/auth/refresh", **BROWSER).status_code == 200
    monkeypatch.delitem(accounts.USERS, "alice")

    assert alice.post("/auth/refresh", **BROWSER).status_code == 400


@pytest.mark.slow
def test_a_refresh_token_that_is_used_twice_leaves_a_warning_for_its_user_alone(tmp_path: Path) -> None:
    for site in make_site(tmp_path, TOKENAUTH_REFRESH_RETRY_WINDOW=0):
        alice, thief = sign_in(site), site.test_client()
        for cookie in (alice._cookies or {}).values():  # werkzeug has no other list of them
            thief.set_cookie(cookie.key, cookie.value, domain="localhost", secure=True)
        assert alice.post("/auth/refresh", **BROWSER).status_code == 200

        assert thief.post("/auth/refresh", **BROWSER).status_code == 400

        assert alice.get("/me", **BROWSER).status_code == 401
        assert sign_in(site, "bob", "builder").get("/me", **BROWSER).get_json()["warnings"] == []
        alice = sign_in(site)
        assert len(alice.get("/me", **BROWSER).get_json()["warnings"]) == 1
        assert alice.delete("/warnings", **BROWSER).status_code == 204
        assert alice.get("/me", **BROWSER).get_json()["warnings"] == []


def test_a_link_with_an_expired_access_token_goes_to_the_refresh_and_back(site: Flask, alice: FlaskClient) -> None:
    with at(site, timedelta(minutes=16)):
        sent = alice.get("/print?a=1&b=%2F", **NAVIGATION)
        assert (sent.status_code, sent.location) == (302, "/refresh?next=/print?a%3D1%26b%3D%252F")
        assert alice.post("/auth/refresh", **BROWSER).status_code == 200
        assert alice.get("/print?a=1", **NAVIGATION).status_code == 200


def test_a_refresh_that_did_not_help_leads_to_the_login_and_not_in_a_circle(site: Flask) -> None:
    """As with ``TOKENAUTH_COOKIES = "refresh"``: a link cannot send the access token."""
    headers = {"Sec-Fetch-Mode": "navigate", "Referer": "https://localhost/refresh?next=/print"}

    sent = site.test_client().get("/print", base_url="https://localhost", headers=headers)

    assert sent.location == "/?next=/print"


def test_scripts_and_programs_are_answered_with_401(site: Flask) -> None:
    client = site.test_client()

    assert client.get("/print", **BROWSER).status_code == 401
    assert client.get("/print", base_url="https://localhost", headers={"Sec-Fetch-Mode": "cors"}).status_code == 401
    assert client.post("/notes", **NAVIGATION).status_code == 401


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/print", "/refresh", "/notes", "/none", "/static/main.js", "/auth/sessions"])
def test_all_answers_have_the_policy(alice: FlaskClient, path: str) -> None:
    answer = alice.get(path, **BROWSER)

    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_printed_page_is_not_kept_and_shows_notes_as_text(alice: FlaskClient) -> None:
    alice.post("/notes", data={"content": "<b>bold</b>"}, **BROWSER)

    answer = alice.get("/print", **NAVIGATION)

    assert "&lt;b&gt;bold" in answer.text
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", sorted(EXAMPLE.glob("templates/*.html")), ids=lambda path: path.name)
def test_no_page_has_a_script_or_a_style_of_its_own(path: Path) -> None:
    page = path.read_text()

    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)|<script[^>]*>[^<]", page) == []


@pytest.mark.parametrize("path", sorted(EXAMPLE.glob("static/*.js")), ids=lambda path: path.name)
def test_no_script_writes_html(path: Path) -> None:
    code = re.sub(r"//.*", "", path.read_text())

    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(", code) == []
    assert len(path.read_text().splitlines()) < 150


def test_workers_that_start_together_have_one_secret(tmp_path: Path) -> None:
    [secret] = set(at_once(8, lambda _: load_secret(tmp_path / "instance")))

    [path] = (tmp_path / "instance").iterdir()
    assert path.read_text() == secret == load_secret(tmp_path / "instance")
    assert len(secret) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_secret_is_made_at_the_first_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flask, "auto_find_instance_path", lambda self: str(tmp_path))

    for site in make_site(tmp_path, SECRET_KEY=None):
        assert site.config["SECRET_KEY"] == (tmp_path / "secret_key").read_text()


@pytest.mark.once
@pytest.mark.slow
def test_the_command_of_the_docstring_works(tmp_path: Path) -> None:
    """From the root of a copy of the repository."""
    shutil.copytree(EXAMPLE, tmp_path / "examples" / "spa", ignore=shutil.ignore_patterns("instance", "__pycache__"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FLASK_")}
    environ["PYTHONPATH"] = str(ROOT)
    [start] = set(re.findall(r"\bflask --app \S+(?= run)", (EXAMPLE / "__init__.py").read_text()))
    command = [sys.executable, "-m", *start.split(), "tokenauth", "routes", "--check"]

    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert "/sign-out-everywhere" in ran.stdout
    assert {path.name for path in (tmp_path / "examples" / "instance").iterdir()} == {"secret_key", "spa_notes.db"}
