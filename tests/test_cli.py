"""``flask tokenauth routes``."""

import gc
import json
from typing import Any

import pytest
from click.testing import Result
from flask import Blueprint, Flask
from flask.views import MethodView

from flask_tokenauth import TokenAuth, login_optional, login_required, public, require_scope

from .conftest import MakeApp
from .test_quickstart import load
from .test_routes import fresh


def run(app: Flask, *options: str) -> Result:
    gc.collect()  # guarded functions of other tests are gone, as they would be in a process of its own
    return app.test_cli_runner().invoke(args=["tokenauth", "routes", *options])


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["named"])
    app.add_url_rule("/admin", view_func=require_scope("admin", any_of=["a", "b"])(fresh()), endpoint="admin")
    app.add_url_rule("/me", view_func=login_required(max_age=60)(fresh()), endpoint="me", methods=["GET", "POST"])
    app.add_url_rule("/maybe", view_func=login_optional(fresh()), endpoint="maybe")
    app.add_url_rule("/named", view_func=fresh(), endpoint="named")
    app.add_url_rule("/public", view_func=public(fresh()), endpoint="public")
    return app


def reachable(app: Flask) -> list[str]:
    """Return what the command prints of this app, without guards that other tests keep alive."""
    return [line for line in run(app).output.splitlines() if "REACHES NO ROUTE" not in line]


def test_every_route_is_shown_with_what_it_needs(app: Flask) -> None:
    assert [line.split(maxsplit=2) for line in reachable(app)] == [
        ["GET", "/admin", "admin and one of a, b"],
        ["GET", "/maybe", "optional login"],
        ["GET", "/me", "login within 60 s"],
        ["POST", "/me", "login within 60 s"],
        ["GET", "/named", "public"],
        ["GET", "/public", "public"],
        ["GET", "/static/<path:filename>", "static files"],
    ]


def test_open_routes_are_marked(app: Flask) -> None:
    app.add_url_rule("/forgotten", view_func=fresh(), endpoint="forgotten")

    assert "GET /forgotten" in run(app).output
    assert [line.split()[-1] for line in reachable(app) if "forgotten" in line] == ["OPEN"]


def test_the_default_guard_is_told_apart(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_DEFAULT_GUARD="login_required")
    app.add_url_rule("/x", view_func=fresh(), endpoint="x")

    assert "login (by default)" in run(app).output


def test_methods_of_a_class_are_told_apart(make_app: MakeApp) -> None:
    app = make_app()

    class Views(MethodView):
        get = login_required(lambda self: "get")
        head = public(lambda self: "head")
        post = public(lambda self: "post")
        options = public(lambda self: "options")

    app.add_url_rule("/x", view_func=Views.as_view("x"), provide_automatic_options=False)

    assert [tuple(line.split()) for line in reachable(app) if "/x" in line] == [
        ("GET", "/x", "login"),
        ("HEAD", "/x", "public"),
        ("OPTIONS", "/x", "public"),
        ("POST", "/x", "public"),
    ]


def test_the_same_is_told_as_json(app: Flask) -> None:
    told = json.loads(run(app, "--json").output)

    assert told["routes"][0] == {
        "rule": "/admin",
        "method": "GET",
        "endpoint": "admin",
        "requires": ["admin and one of a, b"],
        "access": "guarded",
        "open": False,
        "public": False,
    }
    accesses = [route["access"] for route in told["routes"]]
    assert accesses == ["guarded", "optional", "guarded", "guarded", "public", "public", "static"]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """Let no guard of another test be seen."""
    guarded: dict[Any, Any] = {}
    for module in ("marks", "guards", "extension", "routes"):
        monkeypatch.setattr(f"flask_tokenauth.{module}.guarded", guarded)
    return guarded


def test_the_check_passes_where_everything_is_said(alone: dict[Any, Any], app: Flask) -> None:
    result = run(app, "--check")

    assert result.exit_code == 0
    assert result.output == run(app).output


def test_the_check_fails_for_an_open_route(alone: dict[Any, Any], app: Flask) -> None:
    app.add_url_rule("/forgotten", view_func=fresh(), endpoint="forgotten")

    assert run(app, "--check").exit_code == 1
    assert run(app).exit_code == 0


def test_the_check_fails_for_a_guard_that_reaches_no_route(alone: dict[Any, Any], app: Flask) -> None:
    stray = login_required(fresh())

    result = run(app, "--check")

    assert result.exit_code == 1
    assert "REACHES NO ROUTE: the guard of" in result.output
    assert f"{stray.__module__}.{stray.__qualname__}" in result.output


def test_the_check_fails_for_a_protected_blueprint_that_nobody_registered(alone: dict[Any, Any], app: Flask) -> None:
    api = Blueprint("api", __name__)
    TokenAuth().protect(api)

    assert "the guard of blueprint api" in run(app, "--check").output
    app.register_blueprint(api)
    assert run(app, "--check").exit_code == 1  # it has no view either


def test_an_application_without_routes_has_none_to_show(alone: dict[Any, Any], make_app: MakeApp) -> None:
    app = Flask("bare", static_folder=None)
    app.config |= make_app().config
    TokenAuth(app)

    assert run(app, "--check").exit_code == 0
    assert run(app).output == ""


def test_mistakes_in_guards_are_told_first(alone: dict[Any, Any], make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_SCOPES={"a": "A"})
    app.add_url_rule("/x", view_func=require_scope("b")(fresh()), endpoint="x")

    assert "scope b is not declared" in str(run(app, "--check").exception)


def test_our_own_examples_pass_the_check(alone: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SECRET_KEY", "4f1d9a3c7b2e8056d4c1f7a9b3e6082c")

    assert run(load().app, "--check").exit_code == 0
