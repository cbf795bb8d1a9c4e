"""``examples/pages_with_sessions.py``: it does all that its docstring asks for, and lacks what the docstring says."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ..conftest import SECRET

EXAMPLE = Path(__file__).parents[2] / "examples" / "pages_with_sessions.py"
ALICE = {"username": "alice", "password": "wonderland"}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The example. It imports the quickstart beside it, as with ``flask --app examples/pages_with_sessions``."""
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))
    yield load()
    sys.modules.pop("quickstart")


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages_with_sessions", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(example: ModuleType) -> Flask:
    site: Flask = example.app
    return site


class Browser:
    """A client that fills the forms of the pages, over HTTPS."""

    def __init__(self, site: Flask) -> None:
        self.client: FlaskClient = site.test_client()
        self.page = self.open()

    def open(self) -> TestResponse:
        self.page = self.client.get("/", base_url="https://localhost")
        return self.page

    @property
    def csrf_token(self) -> str:
        return str(re.findall(r'name="csrf_token" value="(\w+)"', self.page.text)[0])

    @property
    def cookie(self) -> str:
        cookie = self.client.get_cookie("__Host-session", domain="localhost")
        assert cookie is not None
        return cookie.value

    def send(self, path: str, **fields: str) -> TestResponse:
        """Send a form with the token of the page, and open the page that it leads to."""
        form: Any = {"csrf_token": self.csrf_token} | fields
        answer = self.client.post(path, data=form, base_url="https://localhost")
        self.open()
        return answer


@pytest.fixture
def alice(site: Flask) -> Browser:
    browser = Browser(site)
    assert browser.send("/sign-in", **ALICE).status_code == 303
    return browser


def test_notes_are_added_and_deleted(alice: Browser) -> None:
    alice.send("/notes", content="one <b>")
    alice.send("/notes", content="two")
    assert re.findall(r"<li>(.*)", alice.page.text) == ["two", "one &lt;b&gt;"]

    assert alice.send("/notes/1/delete").status_code == 303
    assert alice.send("/notes/1/delete").status_code == 303

    assert re.findall(r"<li>(.*)", alice.page.text) == ["two"]


def test_people_see_and_delete_only_their_own_notes(alice: Browser, site: Flask) -> None:
    alice.send("/notes", content="of alice")
    bob = Browser(site)
    bob.send("/sign-in", username="bob", password="builder")

    bob.send("/notes/1/delete")

    assert "of alice" not in bob.page.text
    assert "of alice" in alice.open().text


@pytest.mark.parametrize(("username", "password"), [("alice", "builder"), ("nobody", "wonderland"), ("", "")])
def test_a_wrong_password_signs_nobody_in(site: Flask, username: str, password: str) -> None:
    browser = Browser(site)

    answer = browser.send("/sign-in", username=username, password=password)

    assert answer.status_code == 401
    assert "Wrong user name or password." in answer.text
    assert "Sign out" not in browser.page.text


@pytest.mark.slow
@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
@pytest.mark.parametrize("path", ["/sign-in", "/notes", "/notes/1/delete", "/sign-out"])
def test_a_form_needs_the_token_of_the_session(alice: Browser, path: str, token: str) -> None:
    answer = alice.send(path, csrf_token=token, content="evil", username="bob", password="builder")

    assert answer.status_code == 400
    assert "Notes of alice" in alice.page.text
    assert "evil" not in alice.page.text


@pytest.mark.parametrize("token", ["", "-", "None"])
def test_a_form_without_a_session_is_refused(site: Flask, token: str) -> None:
    answer = site.test_client().post("/sign-in", data=ALICE | {"csrf_token": token}, base_url="https://localhost")

    assert answer.status_code == 400


def test_views_need_a_login(site: Flask) -> None:
    assert Browser(site).send("/notes", content="x").status_code == 401
    assert Browser(site).send("/notes/1/delete").status_code == 401


def test_a_login_leaves_nothing_of_the_session_before(site: Flask) -> None:
    """Session fixation: the attacker knows the session of before."""
    browser = Browser(site)
    before = browser.csrf_token

    browser.send("/sign-in", **ALICE)

    assert browser.csrf_token != before


def test_the_cookie_has_all_attributes_and_the_pages_have_a_policy(alice: Browser) -> None:
    cookie = alice.page.headers["Set-Cookie"]

    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert alice.page.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in alice.page.headers["Content-Security-Policy"]


def test_a_copied_cookie_is_good_after_the_logout_until_it_expires(alice: Browser, site: Flask) -> None:
    """The docstring says so: this is the difference to sessions in a store."""
    copied = alice.cookie

    alice.send("/sign-out")

    assert "Sign in" in alice.page.text
    thief = site.test_client()
    thief.set_cookie("__Host-session", copied, domain="localhost", secure=True)
    assert "Notes of alice" in thief.get("/", base_url="https://localhost").text
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=8, minutes=1), tick=False):
        late = site.test_client()
        late.set_cookie("__Host-session", copied, domain="localhost", secure=True)
        assert "Notes of alice" not in late.get("/", base_url="https://localhost").text


def test_without_a_secret_in_the_environment_it_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLASK_SECRET_KEY", raising=False)
    monkeypatch.setattr(Flask, "auto_find_instance_path", lambda self: str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE.parent))

    site = load().app

    assert site.config["SECRET_KEY"] == (tmp_path / "secret_key").read_text()
    sys.modules.pop("quickstart")
