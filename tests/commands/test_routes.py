"""``flask tokenauth routes``."""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Blueprint, Flask
from flask.views import MethodView

from flask_tokenauth import TokenAuth, login_optional, login_required, public, require_scope

from ..conftest import MakeApp
from ..examples.test_quickstart import load
from ..guards.routes_kit import make_view


def run(app: Flask, *options: str) -> Result:
    gc.collect()  # removes guarded functions of other tests
    return app.test_cli_runner().invoke(args=["tokenauth", "routes", *options])


@pytest.fixture
def app_with_routes(make_app: MakeApp) -> Flask:
    """An application with all kinds of routes. Its name is not ``app``, since pytest-flask would push a request of
    it.
    """
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["named"])
    app.add_url_rule("/admin", view_func=require_scope("admin", any_of=["a", "b"])(make_view()), endpoint="admin")
    app.add_url_rule("/me", view_func=login_required(max_age=60)(make_view()), endpoint="me", methods=["GET", "POST"])
    app.add_url_rule("/maybe", view_func=login_optional(make_view()), endpoint="maybe")
    app.add_url_rule("/named", view_func=make_view(), endpoint="named")
    app.add_url_rule("/public", view_func=public(make_view()), endpoint="public")
    return app


def list_routes(app: Flask) -> list[str]:
    """Return the lines of the command, without guards that other tests keep alive."""
    return [line for line in run(app).output.splitlines() if "REACHES NO ROUTE" not in line]


def test_the_report_shows_the_needs_of_every_route(app_with_routes: Flask) -> None:
    assert [line.split(maxsplit=2) for line in list_routes(app_with_routes)] == [
        ["GET", "/admin", "admin and one of a, b"],
        ["GET", "/maybe", "optional login"],
        ["GET", "/me", "login within 60 s"],
        ["POST", "/me", "login within 60 s"],
        ["GET", "/named", "public"],
        ["GET", "/public", "public"],
        ["GET", "/static/<path:filename>", "static files"],
    ]


def test_the_report_marks_open_routes(app_with_routes: Flask) -> None:
    app_with_routes.add_url_rule("/forgotten", view_func=make_view(), endpoint="forgotten")

    assert "GET /forgotten" in run(app_with_routes).output
    assert [line.split()[-1] for line in list_routes(app_with_routes) if "forgotten" in line] == ["OPEN"]


def test_the_report_distinguishes_the_default_guard(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_DEFAULT_GUARD="login_required")
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")

    assert "login (by default)" in run(app).output


def test_the_report_shows_each_method_of_a_class(make_app: MakeApp) -> None:
    app = make_app()

    class Views(MethodView):
        get = login_required(lambda self: "get")
        head = public(lambda self: "head")
        post = public(lambda self: "post")
        options = public(lambda self: "options")

    app.add_url_rule("/x", view_func=Views.as_view("x"), provide_automatic_options=False)

    assert [tuple(line.split()) for line in list_routes(app) if "/x" in line] == [
        ("GET", "/x", "login"),
        ("HEAD", "/x", "public"),
        ("OPTIONS", "/x", "public"),
        ("POST", "/x", "public"),
    ]


def test_the_report_can_be_json(app_with_routes: Flask) -> None:
    report = json.loads(run(app_with_routes, "--json").output)

    assert report["routes"][0] == {
        "rule": "/admin",
        "method": "GET",
        "endpoint": "admin",
        "requires": ["admin and one of a, b"],
        "accepts": ["jwt"],
        "access": "guarded",
        "open": False,
        "public": False,
    }
    accesses = [route["access"] for route in report["routes"]]
    assert accesses == ["guarded", "optional", "guarded", "guarded", "public", "public", "static"]


def test_the_check_passes_if_each_route_is_guarded_or_public(no_other_guards: None, app_with_routes: Flask) -> None:
    result = run(app_with_routes, "--check")

    assert result.exit_code == 0
    assert result.output == run(app_with_routes).output


def test_the_check_fails_for_an_open_route(no_other_guards: None, app_with_routes: Flask) -> None:
    app_with_routes.add_url_rule("/forgotten", view_func=make_view(), endpoint="forgotten")

    assert run(app_with_routes, "--check").exit_code == 1
    assert run(app_with_routes).exit_code == 0


def test_the_check_fails_for_a_guard_that_reaches_no_route(no_other_guards: None, app_with_routes: Flask) -> None:
    stray = login_required(make_view())

    result = run(app_with_routes, "--check")

    assert result.exit_code == 1
    assert "REACHES NO ROUTE: the guard of" in result.output
    assert f"{stray.__module__}.{stray.__qualname__}" in result.output


def test_the_check_fails_for_a_protected_blueprint_that_is_not_registered(
    no_other_guards: None, app_with_routes: Flask
) -> None:
    api = Blueprint("api", __name__)
    TokenAuth().protect(api)

    assert "the guard of blueprint api" in run(app_with_routes, "--check").output
    app_with_routes.register_blueprint(api)
    assert run(app_with_routes, "--check").exit_code == 1  # the blueprint has no view


def test_the_report_of_an_application_without_routes_is_empty(no_other_guards: None, make_app: MakeApp) -> None:
    app = Flask("bare", static_folder=None)
    app.config |= make_app().config
    TokenAuth(app)

    assert run(app, "--check").exit_code == 0
    assert run(app).output == ""


def test_a_mistake_in_a_guard_is_printed_without_a_traceback(no_other_guards: None, make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_SCOPES={"a": "A"})
    app.add_url_rule("/x", view_func=require_scope("b")(make_view()), endpoint="x")

    for options in ([], ["--check"], ["--json"]):
        result = run(app, *options)
        assert result.exit_code == 1
        assert result.output.startswith("Error: /x: scope b is not declared")


def test_the_quickstart_passes_the_check(no_other_guards: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SECRET_KEY", "4f1d9a3c7b2e8056d4c1f7a9b3e6082c")

    assert run(load().app, "--check").exit_code == 0


def test_the_report_ignores_guards_of_other_applications(no_other_guards: None, make_app: MakeApp) -> None:
    one, other = make_app("one"), make_app("other")
    for app in (one, other):
        app.add_url_rule("/x", view_func=login_required(make_view()), endpoint="x")

    assert run(one, "--check").exit_code == 0


@pytest.mark.parametrize(
    ("decorate", "lost"),
    [
        (login_optional, True),
        (login_required, False),  # the mark is on the view itself
    ],
)
def test_the_check_fails_for_an_optional_login_that_reaches_no_route(
    no_other_guards: None,
    make_app: MakeApp,
    decorate: Any,
    lost: bool,  # noqa: FBT001
) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["x"])
    view = make_view()
    app.add_url_rule("/x", view_func=view, endpoint="x")
    kept = decorate(view)

    assert (run(app, "--check").exit_code == 1) is lost
    assert kept is not view


def test_the_check_fails_for_a_guard_that_cannot_mark_its_view(no_other_guards: None, make_app: MakeApp) -> None:
    """A bound method cannot carry a mark. Closed by default, the route would need only a login, and no scope."""
    app = make_app(TOKENAUTH_DEFAULT_GUARD="login_required")
    method = Service().secret
    kept = require_scope("admin")(app.get("/x")(method))

    result = run(app, "--check")

    assert result.exit_code == 1
    assert "REACHES NO ROUTE: the guard of tests.guards.routes_kit.make_view" in result.output
    assert kept is not method


class Service:
    """Views that are bound methods."""

    secret = make_view()


PROGRAM = """
from flask import Flask
from flask_tokenauth import TokenAuth, require_scope

def careless(view):
    return lambda: view()

def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "4f1d9a3c7b2e8056d4c1f7a9b3e6082c"
    app.config["TOKENAUTH_DEFAULT_GUARD"] = "login_required"
    TokenAuth(app)

    @require_scope("admin")
    @careless
    @app.get("/x")
    def x():
        return "open"

    return app
"""


@pytest.mark.slow
def test_a_guard_whose_view_no_longer_exists_is_reported(tmp_path: Path) -> None:
    """The command runs in a process of its own: a guard that is gone there never reached a route."""
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "flask", "--app", "program", "tokenauth", "routes", "--check"]
    environ = os.environ | {"PYTHONPATH": f"{Path(__file__).parents[2]}"}

    result = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert "REACHES NO ROUTE: the guard of program.careless.<locals>.<lambda>" in result.stdout
