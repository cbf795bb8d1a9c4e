"""Closed by default: documentation, static files and Flask's own answers, with Flask and with the extensions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import View

from flask_tokenauth import login_required, public, require_scope

from ..conftest import Mint, bearer
from .apps import (
    SERVERS,
    Serve,
    apiflask,
    flask,
    method_view,
    openapi3,
    restx,
    restx_before_tokenauth,
    restx_on_a_blueprint,
    smorest,
)
from .kit import CLOSED, Built, Decorator, leave, make_view, open_app, report_routes, write_style


def list_rules(state: str, app: Flask) -> list[str]:
    """Return the rules that ``flask tokenauth routes`` calls "open" or "public"."""
    return [route["rule"] for route in report_routes(app)["routes"] if route[state]]


# Documentation, and endpoints that are public by name

_SMOREST_DOCS = {
    "OPENAPI_URL_PREFIX": "/docs",
    "OPENAPI_SWAGGER_UI_PATH": "/swagger",
    "OPENAPI_SWAGGER_UI_URL": "https://cdn.example/",
}
DOCUMENTED: list[tuple[Any, list[str], dict[str, Any], list[str]]] = [
    (restx, ["specs", "doc"], {}, ["/swagger.json", "/"]),
    (restx_before_tokenauth, ["specs", "doc"], {}, ["/swagger.json", "/"]),
    (restx_on_a_blueprint, ["api.specs", "api.doc"], {}, ["/swagger.json", "/docs"]),
    (smorest, ["api-docs.*"], _SMOREST_DOCS, ["/docs/openapi.json", "/docs/swagger"]),
    (apiflask, ["openapi.*"], {}, ["/openapi.json", "/docs"]),
    (openapi3, ["openapi.*"], {}, ["/openapi/openapi.json", "/openapi/"]),
]


documented = pytest.mark.parametrize(
    ("serve", "endpoints", "config", "page"),
    [
        pytest.param(serve, endpoints, config, page, id=f"{serve.__name__} {page}")
        for serve, endpoints, config, pages in DOCUMENTED
        for page in pages
    ],
)


@documented
def test_the_default_guard_closes_documentation(
    serve: Serve, endpoints: list[str], config: dict[str, Any], page: str, mint: Mint
) -> None:
    client = serve(make_view(), **CLOSED, **config).test_client()

    assert client.get(page).status_code == 401
    assert client.get(page, headers=bearer(mint())).status_code == 200


@pytest.mark.slow
@documented
def test_public_endpoints_opens_only_the_documentation(
    serve: Serve, endpoints: list[str], config: dict[str, Any], page: str
) -> None:
    app = serve(make_view(), **CLOSED, **config, TOKENAUTH_PUBLIC_ENDPOINTS=endpoints)
    client = app.test_client()

    assert client.get(page).status_code == 200
    assert client.get("/x").status_code == 401
    assert (page in list_rules("public", app), "/x" in list_rules("public", app)) == (True, False)
    assert list_rules("open", app) == []


def test_the_default_guard_leaves_the_files_of_the_swagger_ui_open() -> None:
    client = restx(make_view(), **CLOSED).test_client()

    assert client.get("/swaggerui/swagger-ui.css", buffered=True).status_code == 200


def test_a_guard_guards_an_endpoint_that_is_public_by_name(mint: Mint) -> None:
    """The setting lifts the default guard, but no guard on a view."""
    app = flask(require_scope("admin")(make_view()), **CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=["x"])
    marked = flask(make_view(), **CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=["x"])
    require_scope("admin")(marked.view_functions["x"])

    assert Built(app, "/x", "").get(bearer(mint())) == 403
    assert Built(marked, "/x", "").get(bearer(mint())) == 403


@pytest.mark.parametrize("name", ["x", "b.x", "b.*", "bp", "p.x", "bp.xx", "BP.x", "BP.*"])
def test_public_endpoints_matches_only_exact_names_and_whole_blueprints(name: str) -> None:
    app = open_app(Flask("tests"), **CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=[name])
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/x", "x", make_view())
    app.register_blueprint(blueprint)
    app.add_url_rule("/named", name.replace("*", "y"), make_view())

    client = app.test_client()

    assert client.get("/x").status_code == 401
    assert client.get("/named").status_code == 200


@pytest.mark.parametrize("name", ["bp.x", "bp.*"])
def test_public_endpoints_names_an_endpoint_with_its_blueprint(name: str) -> None:
    app = open_app(Flask("tests"), **CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=[name])
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/x", "x", make_view())
    app.register_blueprint(blueprint)

    assert app.test_client().get("/x").status_code == 200


# Flask's own answers


def test_the_default_guard_leaves_static_files_open(tmp_path: Path) -> None:
    app = open_app(Flask("tests", static_folder=write_style(tmp_path), static_url_path="/static"), **CLOSED)
    client = app.test_client()

    assert client.get("/static/style.css", buffered=True).text == "served"
    assert client.get("/static/nothing.css").status_code == 404
    assert list_rules("open", app) == []


@pytest.mark.parametrize("names", [{}, {"name": "assets"}], ids=["its own name", "another name"])
def test_the_default_guard_leaves_static_files_of_a_blueprint_open(tmp_path: Path, names: dict[str, str]) -> None:
    app = open_app(Flask("tests"), **CLOSED)
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    blueprint = Blueprint("bp", __name__, static_folder=write_style(tmp_path), static_url_path="/files")
    outer.register_blueprint(blueprint, **names)
    app.register_blueprint(outer)

    assert app.test_client().get("/outer/files/style.css", buffered=True).text == "served"
    assert list_rules("open", app) == []


def static(*args: object, **kwargs: object) -> str:
    """Stand for a view that a user has named ``static``."""
    return "served"


def _on_the_app(app: Any) -> None:
    app.add_url_rule("/own", view_func=static)


def _on_a_blueprint(app: Any) -> None:
    blueprint = Blueprint("bp", __name__)
    _on_the_app(blueprint)
    app.register_blueprint(blueprint)


def _on_the_usual_url_too(app: Any) -> None:
    app.add_url_rule("/static/<path:filename>", view_func=static)
    _on_the_app(app)


@pytest.mark.parametrize("add", [_on_the_app, _on_a_blueprint, _on_the_usual_url_too])
def test_the_default_guard_closes_a_users_view_named_static(add: Callable[[Any], None], mint: Mint) -> None:
    app = open_app(Flask("tests", static_folder=None), **CLOSED)
    add(app)
    built = Built(app, "/own", "")

    assert (built.get({}), built.get(bearer(mint()))) == (401, 200)


def test_the_default_guard_closes_a_view_that_replaces_flasks_static(tmp_path: Path) -> None:
    app = open_app(Flask("tests", static_folder=write_style(tmp_path), static_url_path="/static"), **CLOSED)
    app.view_functions["static"] = static

    assert Built(app, "/static/style.css", "").get({}) == 401


def test_a_guard_guards_flasks_static(tmp_path: Path, mint: Mint) -> None:
    app = open_app(Flask("tests", static_folder=write_style(tmp_path), static_url_path="/static"))
    guarded: Any = login_required(app.view_functions["static"])
    app.view_functions["static"] = guarded
    client = app.test_client()

    assert client.get("/static/style.css").status_code == 401
    assert client.get("/static/style.css", headers=bearer(mint()), buffered=True).text == "served"


@pytest.mark.slow
@pytest.mark.parametrize("guard", [leave, login_required], ids=["by default", "by a guard"])
@pytest.mark.parametrize(
    ("method", "url", "status"), [("GET", "/nowhere", 404), ("POST", "/x", 405), ("OPTIONS", "/x", 200)]
)
@pytest.mark.parametrize("serve", [flask, method_view, *SERVERS])
def test_the_default_guard_does_not_change_a_404_or_405(
    serve: Serve, method: str, url: str, status: int, guard: Decorator
) -> None:
    assert serve(guard(make_view()), **CLOSED).test_client().open(url, method=method).status_code == status


def test_the_default_guard_leaves_a_public_view_open() -> None:
    app = flask(public(make_view()), **CLOSED)

    assert Built(app, "/x", "").get({}) == 200
    assert Built(app, "/x", "").get(bearer("x.y.z")) == 200


def test_a_public_method_that_the_class_never_calls_opens_nothing() -> None:
    class Page(View):
        get = staticmethod(public(make_view()))

        def dispatch_request(self) -> str:
            return "served"

    open_by_default, closed = open_app(Flask("tests")), open_app(Flask("tests"), **CLOSED)
    for app in open_by_default, closed:
        app.add_url_rule("/x", view_func=Page.as_view("x"))

    assert open_by_default.test_client().get("/x").text == "served"
    assert closed.test_client().get("/x").status_code == 401
