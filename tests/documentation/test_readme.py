"""README.rst says what is true: its program runs, its session prints what it shows, its blocks are what they say."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from flask_tokenauth import TokenAuth, create_token, login_required, require_scope, token_response
from flask_tokenauth.application.settings import FIELDS
from flask_tokenauth.testing import logged_in

from ..authentication.test_refusals import KINDS
from ..conftest import ISSUER, SECRET, MakeApp, Mint, bearer
from ..examples.test_quickstart import load
from .readme import README, blocks, python_block
from .test_recipes import RECIPES


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    app: Flask = names["app"]
    return app


def curl(client: FlaskClient, words: list[str]) -> str:
    """Do what ``curl`` does with these arguments, and print what it prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-d", action="append")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("url")
    asked = parser.parse_args(words)
    answer = client.open(
        asked.url,
        method="POST" if asked.d else "GET",
        headers=[header.split(": ", 1) for header in asked.H],
        data=dict(field.split("=", 1) for field in asked.d) if asked.d else None,
    )
    head = f"HTTP/1.1 {answer.status}\n" + "".join(f"{name}: {value}\n" for name, value in answer.headers)
    return (head + "\n" if asked.i else "") + answer.text


def test_the_session_prints_what_it_shows(client: FlaskClient) -> None:
    commands = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", blocks("console")[0], re.MULTILINE)
    token = ""

    for command, shown in commands[2:]:
        line, _, wanted = command.removesuffix("'").partition(" | grep -E '")
        if line.startswith("TOKEN=$("):
            words = shlex.split(line.removeprefix("TOKEN=$(").partition(" | ")[0])
            token = curl(client, words[1:]).split('"')[3]
            continue
        words = shlex.split(line.replace("$TOKEN", token))
        printed = curl(client, words[1:])
        assert [each for each in printed.splitlines() if re.search(wanted, each)] == shown.splitlines()

    assert len(commands) == 6


def test_every_program_is_executed_here_or_among_the_recipes() -> None:
    routes = ['app = Flask("reporting")', "def create_app", "class Project", "def refuse"]
    settings = ['app.config["TOKENAUTH_SCOPES"]', "key = Key"]
    tests = ["def test_admins_only", "def test_reports"]
    sessions = ["@auth.before_refresh", "def new_password", "def forget_this_token", "def post_worker_init"]
    others = ["@auth.user_loader", "policy =", "app.wsgi_app ="]
    starts = [*routes, *settings, *tests, *RECIPES, *sessions, *others]

    assert sorted(map(python_block, starts)) == sorted(blocks("python"))


@pytest.mark.parametrize(("text", "printed"), [(None, "alice frozenset({'a'}) "), ("x", "refused: token_malformed")])
def test_keys_and_tokens_work_without_flask_as_shown(
    capsys: pytest.CaptureFixture[str], text: str | None, printed: str
) -> None:
    names: dict[str, Any] = {"app": Flask("reporting")}

    exec(python_block("key = Key"), names)
    TokenAuth(names["app"])
    with names["app"].app_context():
        names["text"] = text or create_token("alice", ["a"])
    exec(python_block("policy ="), names)

    assert capsys.readouterr().out.startswith(printed)


def test_applications_test_themselves_as_shown(tmp_path: Path) -> None:
    conftest = "import pytest, reporting\n@pytest.fixture\ndef app():\n    return reporting.app\n"
    (tmp_path / "reporting.py").write_text(python_block('app = Flask("reporting")'))
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_one.py").write_text("from reporting import app\n" + python_block("def test_admins_only"))
    (tmp_path / "test_other.py").write_text(python_block("def test_reports"))
    environ = os.environ | {"FLASK_SECRET_KEY": SECRET, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]

    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert "3 passed" in ran.stdout


@pytest.mark.parametrize(("scheme", "status"), [("http", 400), ("https", 200)])
def test_https_is_seen_behind_a_proxy_as_shown(make_app: MakeApp, mint: Mint, scheme: str, status: int) -> None:
    names: dict[str, Any] = {"app": make_app(TOKENAUTH_ENFORCE_HTTPS="refuse")}
    names["app"].add_url_rule("/me", view_func=login_required(lambda: "me"))

    exec(python_block("app.wsgi_app ="), names)

    headers = bearer(mint()) | {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": scheme}
    assert names["app"].test_client().get("/me", headers=headers).status_code == status


def test_users_are_loaded_as_shown(make_app: MakeApp, mint: Mint) -> None:
    auth = TokenAuth()
    names: dict[str, Any] = {"app": make_app(auth=auth), "auth": auth, "login_required": login_required}
    names["USERS"] = {"alice": SimpleNamespace(name="Alice")}

    exec(python_block("@auth.user_loader"), names)

    client = names["app"].test_client()
    assert client.get("/hello", headers=bearer(mint())).json == {"hello": "Alice"}
    assert client.get("/hello", headers=bearer(mint(sub="bob"))).status_code == 401


def test_a_factory_makes_guarded_applications_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    names: dict[str, Any] = {"__name__": "reporting"}

    exec(python_block("def create_app"), names)

    for app in (names["create_app"](), names["create_app"]()):
        assert app.test_client().get("/reports/").status_code == 401
        assert logged_in(app, "alice").get("/reports/").status_code == 403
        assert logged_in(app, "alice", ["reports:read"]).get("/reports/").json == {"reports": [], "of": "alice"}


def test_sessions_work_as_shown(tmp_path: Path) -> None:
    app = Flask("reporting")
    app.config |= {"TESTING": True, "SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": ISSUER}
    names: dict[str, Any] = {"app": app, "TokenAuth": TokenAuth}
    names["USERS"] = {"alice": SimpleNamespace(scopes=("a", "b"))}

    exec(python_block("@auth.before_refresh").replace("/var/lib/reporting", str(tmp_path)), names)

    with closing(app.extensions["tokenauth"].store):
        with app.app_context():
            login = token_response("alice", ["a"], label="Alice's phone").get_json()
        form = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]}
        assert app.test_client().post("/auth/refresh", data=form).get_json()["scope"] == "a b"
        names["USERS"].clear()
        assert app.test_client().post("/auth/refresh", data=form).get_json()["error"] == "invalid_grant"


def test_a_new_password_ends_what_was_before_as_shown(make_app: MakeApp) -> None:
    auth = TokenAuth()
    names: dict[str, Any] = {
        "app": make_app(auth=auth, TOKENAUTH_STORE="memory://"),
        "auth": auth,
        "g": g,
        "login_required": login_required,
        "token_response": token_response,
    }
    exec(python_block("def new_password"), names)
    with names["app"].app_context():
        old = bearer(token_response("alice", ["a"]).get_json()["access_token"])

    new = bearer(names["app"].test_client().post("/new-password", headers=old).get_json()["access_token"])

    assert names["app"].test_client().post("/new-password", headers=old).status_code == 401
    assert names["app"].test_client().post("/new-password", headers=new).status_code == 200


def test_a_token_is_revoked_as_shown(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://")
    exec(python_block("def forget_this_token"), {"app": app, "auth": auth, "login_required": login_required})
    with app.app_context():
        old, other = bearer(create_token("alice")), bearer(create_token("alice"))

    with caplog.at_level("INFO", logger=app.logger.name):
        answers = [app.test_client().post("/forget-this-token", headers=each) for each in (old, old, other)]

    assert [answer.status_code for answer in answers] == [204, 401, 204]
    told = [each for each in caplog.messages if each.endswith(" of alice was revoked")]
    assert len(set(told)) == len(told) == 2


def test_workers_are_warmed_as_shown(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://")
    monkeypatch.setitem(sys.modules, "reporting", SimpleNamespace(auth=auth))
    names: dict[str, Any] = {}
    exec(python_block("def post_worker_init"), names)

    names["post_worker_init"](None)

    assert app.extensions["tokenauth"].stored.feed.describe().age == 0


def test_classes_and_scopes_work_as_shown(make_app: MakeApp, mint: Mint) -> None:
    names: dict[str, Any] = {"app": make_app(), "login_required": login_required, "require_scope": require_scope}

    exec(python_block("class Project"), names)

    client, path = names["app"].test_client(), "/projects/42"
    assert client.get(path).status_code == 401
    assert client.get(path, headers=bearer(mint())).json == {"project": "42"}
    assert client.put(path, headers=bearer(mint(scope="projects:43:write"))).status_code == 403
    assert client.put(path, headers=bearer(mint(scope="projects:42:write"))).json == {"changed": "42"}


def test_declared_scopes_work_as_shown(make_app: MakeApp, mint: Mint) -> None:
    names: dict[str, Any] = {"app": Flask("reporting")}
    exec(python_block('app.config["TOKENAUTH_SCOPES"]'), names)

    app = make_app(TOKENAUTH_SCOPES=names["app"].config["TOKENAUTH_SCOPES"])
    app.add_url_rule("/reports", view_func=require_scope("reports:read")(lambda: "reports"))

    assert app.test_client().get("/reports", headers=bearer(mint(scope="admin"))).text == "reports"


def test_refusals_can_be_answered_otherwise_as_shown(make_app: MakeApp) -> None:
    names: dict[str, Any] = {"app": make_app()}
    names["app"].add_url_rule("/me", view_func=login_required(lambda: "me"))

    exec(python_block("def refuse"), names)

    answer = names["app"].test_client().get("/me")
    assert answer.status_code == 401
    assert answer.get_json()["problem"] == "Authentication is required."
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")


@pytest.mark.parametrize("command", ["routes", "inspect", "doctor"])
def test_the_command_line_prints_what_is_shown(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    monkeypatch.setattr("flask_tokenauth.guards.marks.guarded", WeakSet())
    [shown] = [each for each in blocks("console") if f"tokenauth {command}" in each]
    line, _, printed = shown.partition("\n")
    _, _, wanted = line.removesuffix("'").partition(" | grep -E '")

    result = load().app.test_cli_runner().invoke(args=["tokenauth", command], input="garbage\n")

    assert [each for each in result.output.splitlines() if re.search(wanted, each)] == printed.splitlines()


def test_the_table_of_settings_is_that_of_the_code() -> None:
    listed = set(re.findall(r"^``TOKENAUTH_([A-Z_]+)``", README, re.MULTILINE))

    assert listed == {each.name.upper() for each in FIELDS}


def test_the_table_of_reasons_is_that_of_the_code() -> None:
    listed = re.findall(r"^``([a-z_]+)`` +(\d{3}) ", README, re.MULTILINE)

    assert sorted(listed) == sorted((kind.reason, str(kind.status)) for kind in KINDS)


def test_two_blocks_are_commands() -> None:
    quickstart, tests = blocks("sh")

    assert quickstart.rstrip().endswith("flask --app examples/quickstart run")
    assert tests.rstrip().endswith("pytest")


def test_nobody_is_told_to_install_the_abandoned_distribution() -> None:
    assert not re.search(r"install[^\n]*flask-tokenauth(?!-jwt)", README, re.IGNORECASE)
