"""``flask tokenauth routes``."""

import gc
import json
from typing import Any
from weakref import WeakSet

import pytest
from click.testing import Result
from flask import Blueprint, Flask
from flask.views import MethodView

from flask_tokenauth import TokenAuth, login_optional, login_required, public, require_scope

from ..conftest import MakeApp
from ..examples.test_quickstart import load
from ..guards.routes_kit import fresh


def run(app: Flask, *options: str) -> Result:
    gc.collect()  # guarded functions of other tests are gone, as they would be in a process of its own
    return app.test_cli_runner().invoke(args=["tokenauth", "routes", *options])


@pytest.fixture
def shown(make_app: MakeApp) -> Flask:
    """An application with a route of every sort. Not called ``app``: pytest-flask would push a request of it."""
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


def test_every_route_is_shown_with_what_it_needs(shown: Flask) -> None:
    assert [line.split(maxsplit=2) for line in reachable(shown)] == [
        ["GET", "/admin", "admin and one of a, b"],
        ["GET", "/maybe", "optional login"],
        ["GET", "/me", "login within 60 s"],
        ["POST", "/me", "login within 60 s"],
        ["GET", "/named", "public"],
        ["GET", "/public", "public"],
        ["GET", "/static/<path:filename>", "static files"],
    ]


def test_open_routes_are_marked(shown: Flask) -> None:
    shown.add_url_rule("/forgotten", view_func=fresh(), endpoint="forgotten")

    assert "GET /forgotten" in run(shown).output
    assert [line.split()[-1] for line in reachable(shown) if "forgotten" in line] == ["OPEN"]


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


def test_the_same_is_told_as_json(shown: Flask) -> None:
    told = json.loads(run(shown, "--json").output)

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
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no guard of another test be seen."""
    monkeypatch.setattr("flask_tokenauth.guards.marks.guarded", WeakSet())


def test_the_check_passes_where_everything_is_said(alone: None, shown: Flask) -> None:
    result = run(shown, "--check")

    assert result.exit_code == 0
    assert result.output == run(shown).output


def test_the_check_fails_for_an_open_route(alone: None, shown: Flask) -> None:
    shown.add_url_rule("/forgotten", view_func=fresh(), endpoint="forgotten")

    assert run(shown, "--check").exit_code == 1
    assert run(shown).exit_code == 0


def test_the_check_fails_for_a_guard_that_reaches_no_route(alone: None, shown: Flask) -> None:
    stray = login_required(fresh())

    result = run(shown, "--check")

    assert result.exit_code == 1
    assert "REACHES NO ROUTE: the guard of" in result.output
    assert f"{stray.__module__}.{stray.__qualname__}" in result.output


def test_the_check_fails_for_a_protected_blueprint_that_nobody_registered(alone: None, shown: Flask) -> None:
    api = Blueprint("api", __name__)
    TokenAuth().protect(api)

    assert "the guard of blueprint api" in run(shown, "--check").output
    shown.register_blueprint(api)
    assert run(shown, "--check").exit_code == 1  # it has no view either


def test_an_application_without_routes_has_none_to_show(alone: None, make_app: MakeApp) -> None:
    app = Flask("bare", static_folder=None)
    app.config |= make_app().config
    TokenAuth(app)

    assert run(app, "--check").exit_code == 0
    assert run(app).output == ""


def test_mistakes_in_guards_are_told_first(alone: None, make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_SCOPES={"a": "A"})
    app.add_url_rule("/x", view_func=require_scope("b")(fresh()), endpoint="x")

    assert "scope b is not declared" in str(run(app, "--check").exception)


def test_our_own_examples_pass_the_check(alone: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SECRET_KEY", "4f1d9a3c7b2e8056d4c1f7a9b3e6082c")

    assert run(load().app, "--check").exit_code == 0


def test_a_guard_meant_for_another_application_is_not_told_of(alone: None, make_app: MakeApp) -> None:
    one, other = make_app("one"), make_app("other")
    for each in (one, other):
        each.add_url_rule("/x", view_func=login_required(fresh()), endpoint="x")

    assert run(one, "--check").exit_code == 0


@pytest.mark.parametrize(
    ("decorate", "lost"),
    [
        (login_optional, True),
        (login_required, False),  # the mark goes down to the view, the optional one does not
    ],
)
def test_an_optional_login_that_reaches_no_route_is_told_of(
    alone: None,
    make_app: MakeApp,
    decorate: Any,
    lost: bool,  # noqa: FBT001
) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["x"])
    view = fresh()
    app.add_url_rule("/x", view_func=view, endpoint="x")
    kept = decorate(view)

    assert (run(app, "--check").exit_code == 1) is lost
    assert kept is not view


def test_a_guard_that_counts_nowhere_is_told_of_though_its_view_is_there(alone: None, make_app: MakeApp) -> None:
    """A bound method carries no mark; closed by default, the route would want a login and no more."""
    app = make_app(TOKENAUTH_DEFAULT_GUARD="login_required")
    method = Service().secret
    kept = require_scope("admin")(app.get("/x")(method))

    result = run(app, "--check")

    assert result.exit_code == 1
    assert "REACHES NO ROUTE: the guard of tests.guards.routes_kit.fresh" in result.output
    assert kept is not method


class Service:
    """Views that are bound methods."""

    secret = fresh()
