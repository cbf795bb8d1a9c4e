"""Guards under the extensions that bring views, errors, documentation and CORS of their own; closed by default."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask_restx  # type: ignore[import-untyped]  # it ships no types
import flask_smorest  # type: ignore[import-untyped]  # it ships no types
import pytest
from apiflask import APIBlueprint, APIFlask, Schema, fields
from flask import Blueprint, Flask
from flask.views import MethodView
from flask_cors import CORS, cross_origin
from flask_openapi3.blueprint import APIBlueprint as OpenAPIBlueprint
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.view import APIView
from pydantic import create_model

from flask_tokenauth import SettingsError, TokenAuth, login_optional, login_required, public, require_scope

from .challenges import Challenge, parse_challenge
from .conftest import CONFIG, ISSUER, NOW, Mint, bearer
from .guard_kit import Built, Decorator, class_of, hide, leave, make_view, open_app, report_routes

SMOREST = {"API_TITLE": "tests", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}
CLOSED = {"TOKENAUTH_DEFAULT_GUARD": "login_required"}
REALM = {"realm": ISSUER}


# Applications with one view on /x


def flask(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **config)
    app.add_url_rule("/x", "x", view)
    return app


def method_view(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **config)
    app.add_url_rule("/x", view_func=class_of(MethodView, view).as_view("x"))
    return app


def restx(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **config)
    flask_restx.Api(app).add_resource(class_of(flask_restx.Resource, view), "/x")
    return app


def restx_before_us(view: Any, **config: object) -> Flask:
    app = Flask("tests")
    flask_restx.Api(app).add_resource(class_of(flask_restx.Resource, view), "/x")
    return open_app(app, **config)


def restx_on_a_blueprint(view: Any, **config: object) -> Flask:
    app, blueprint = open_app(Flask("tests"), **config), Blueprint("api", __name__)
    flask_restx.Api(blueprint, doc="/docs").add_resource(class_of(flask_restx.Resource, view), "/x")
    app.register_blueprint(blueprint)
    return app


def smorest(view: Any, **config: object) -> Flask:
    app = open_app(Flask("tests"), **SMOREST, **config)
    blueprint = flask_smorest.Blueprint("bp", __name__)
    blueprint.route("/x")(class_of(MethodView, view))
    flask_smorest.Api(app).register_blueprint(blueprint)
    return app


def smorest_before_us(view: Any, **config: object) -> Flask:
    app = Flask("tests")
    app.config |= SMOREST
    blueprint = flask_smorest.Blueprint("bp", __name__)
    blueprint.route("/x", endpoint="x")(view)
    flask_smorest.Api(app).register_blueprint(blueprint)
    return open_app(app, **config)


def apiflask(view: Any, **config: object) -> Flask:
    app = open_app(APIFlask("tests"), **config)
    app.add_url_rule("/x", "x", view)
    return app


def apiflask_without_json_errors(view: Any, **config: object) -> Flask:
    app = open_app(APIFlask("tests", json_errors=False), **config)
    app.add_url_rule("/x", "x", view)
    return app


def openapi3(view: Any, **config: object) -> Flask:
    app = OpenAPI("tests")
    app.get("/x", endpoint="x")(view)
    return open_app(app, **config)


Serve = Callable[..., Flask]
Headers = Callable[[Mint], dict[str, str]]

SERVERS = [
    restx,
    restx_before_us,
    restx_on_a_blueprint,
    smorest,
    smorest_before_us,
    apiflask,
    apiflask_without_json_errors,
    openapi3,
]
serving = pytest.mark.parametrize("serve", SERVERS)


def rules_that_are(told: str, app: Flask) -> list[str]:
    """Return the rules that ``flask tokenauth routes`` calls open, or public."""
    return [each["rule"] for each in report_routes(app)["routes"] if each[told]]


# Refusals


@dataclass(frozen=True)
class Refused:
    """What a request is answered with."""

    status: int
    parameters: dict[str, str]
    body: dict[str, str]


def refused(status: int, code: str, description: str, **more: str) -> Refused:
    told = {"error": code, "error_description": description, **more}
    return Refused(status, REALM | told, told)


UNAUTHORIZED = Refused(401, REALM, {"error": "unauthorized", "error_description": "Authentication is required."})
INVALID_REQUEST = refused(400, "invalid_request", "The Authorization header is malformed.")
INVALID_TOKEN = refused(401, "invalid_token", "The access token is not valid.")
INSUFFICIENT_SCOPE = refused(
    403, "insufficient_scope", "The access token lacks a scope that is needed here.", scope="admin"
)


@pytest.mark.parametrize("wrap", [leave, hide], ids=["by the hook", "by the wrapper"])
@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        pytest.param(lambda mint: {}, UNAUTHORIZED, id="no token"),
        pytest.param(lambda mint: bearer("a b"), INVALID_REQUEST, id="bad grammar"),
        pytest.param(lambda mint: bearer("x.y.z"), INVALID_TOKEN, id="bad token"),
        pytest.param(lambda mint: bearer(mint()), INSUFFICIENT_SCOPE, id="missing scope"),
    ],
)
@serving
def test_a_refusal_keeps_status_challenge_and_body(
    serve: Serve, credential: Headers, expected: Refused, wrap: Decorator, mint: Mint
) -> None:
    app = serve(wrap(require_scope("admin")(make_view())))

    answer = app.test_client().get("/x", headers=credential(mint))

    [challenge] = answer.headers.getlist("WWW-Authenticate")
    assert parse_challenge(challenge.encode("latin-1")) == Challenge("Bearer", expected.parameters)
    assert (answer.status_code, answer.mimetype, answer.json) == (expected.status, "application/json", expected.body)


@serving
def test_a_good_token_passes(serve: Serve, mint: Mint) -> None:
    app = serve(require_scope("reports:read")(make_view()))

    assert Built(app, "/x", "").get(bearer(mint())) == 200


# Refusals come before the payload is looked at: who has no token learns nothing of its schema


Around = tuple[Decorator, Decorator]  # around the decorator that validates: outside of it, and inside


def restx_validates(around: Around) -> Flask:
    outer, inner = around
    app = open_app(Flask("tests"))
    api = flask_restx.Api(app)
    model = api.model("Payload", {"name": flask_restx.fields.String(required=True)})
    post = outer(api.expect(model, validate=True)(inner(make_view())))
    api.add_resource(class_of(flask_restx.Resource, make_view(), post=post), "/x")
    return app


def smorest_validates(around: Around) -> Flask:
    outer, inner = around
    app = open_app(Flask("tests"), **SMOREST)
    blueprint = flask_smorest.Blueprint("bp", __name__)
    view = outer(blueprint.arguments(_Payload)(inner(make_view())))
    blueprint.route("/x", methods=["POST"], endpoint="x")(view)
    flask_smorest.Api(app).register_blueprint(blueprint)
    return app


def apiflask_validates(around: Around) -> Flask:
    outer, inner = around
    app = APIFlask("tests")
    app.post("/x", endpoint="x")(outer(app.input(_Payload)(inner(make_view()))))
    return open_app(app)


def openapi3_validates(around: Around) -> Flask:
    outer, inner = around
    app, view = OpenAPI("tests"), make_view()
    view.__annotations__ = {"body": create_model("Payload", name=(str, ...))}
    app.post("/x", endpoint="x")(outer(inner(view)))
    return open_app(app)


_Payload: Any = Schema.from_dict({"name": fields.String(required=True)})

validating = pytest.mark.parametrize(
    "validates", [restx_validates, smorest_validates, apiflask_validates, openapi3_validates]
)
guarding = pytest.mark.parametrize(
    "around", [(login_required, leave), (leave, login_required)], ids=["guard outside", "guard inside"]
)


@guarding
@validating
def test_without_a_token_nobody_learns_what_is_wrong_with_a_payload(
    validates: Callable[[Around], Flask], around: Around
) -> None:
    answer = validates(around).test_client().post("/x", json={})

    assert (answer.status_code, answer.json and answer.json["error"]) == (401, "unauthorized")


@pytest.mark.parametrize(("payload", "statuses"), [({}, {400, 422}), ({"name": "x"}, {200})], ids=["wrong", "right"])
@guarding
@validating
def test_with_a_token_payloads_are_judged(
    validates: Callable[[Around], Flask], around: Around, payload: dict[str, str], statuses: set[int], mint: Mint
) -> None:
    answer = validates(around).test_client().post("/x", json=payload, headers=bearer(mint()))

    assert answer.status_code in statuses


# Closed by default: documentation

_SMOREST_DOCS = {
    "OPENAPI_URL_PREFIX": "/docs",
    "OPENAPI_SWAGGER_UI_PATH": "/swagger",
    "OPENAPI_SWAGGER_UI_URL": "https://cdn.example/",
}
DOCUMENTED: list[tuple[Any, list[str], dict[str, Any], list[str]]] = [
    (restx, ["specs", "doc"], {}, ["/swagger.json", "/"]),
    (restx_before_us, ["specs", "doc"], {}, ["/swagger.json", "/"]),
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
def test_closed_by_default_documentation_is_closed(
    serve: Serve, endpoints: list[str], config: dict[str, Any], page: str, mint: Mint
) -> None:
    client = serve(make_view(), **CLOSED, **config).test_client()

    assert client.get(page).status_code == 401
    assert client.get(page, headers=bearer(mint())).status_code == 200


@documented
def test_public_endpoints_open_documentation_and_nothing_else(
    serve: Serve, endpoints: list[str], config: dict[str, Any], page: str
) -> None:
    app = serve(make_view(), **CLOSED, **config, TOKENAUTH_PUBLIC_ENDPOINTS=endpoints)
    client = app.test_client()

    assert client.get(page).status_code == 200
    assert client.get("/x").status_code == 401
    assert (page in rules_that_are("public", app), "/x" in rules_that_are("public", app)) == (True, False)
    assert rules_that_are("open", app) == []


def test_the_files_of_the_swagger_ui_are_static_and_served() -> None:
    client = restx(make_view(), **CLOSED).test_client()

    assert client.get("/swaggerui/swagger-ui.css", buffered=True).status_code == 200


def test_a_guard_holds_on_an_endpoint_that_is_public_by_name(mint: Mint) -> None:
    """The setting is an exception to the default guard and to nothing else."""
    app = flask(require_scope("admin")(make_view()), **CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=["x"])
    marked = flask(make_view(), **CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=["x"])
    require_scope("admin")(marked.view_functions["x"])

    assert Built(app, "/x", "").get(bearer(mint())) == 403
    assert Built(marked, "/x", "").get(bearer(mint())) == 403


@pytest.mark.parametrize("name", ["x", "b.x", "b.*", "bp", "p.x", "bp.xx", "BP.x", "BP.*"])
def test_public_endpoints_are_exact_names_or_whole_blueprints(name: str) -> None:
    app = open_app(Flask("tests"), **CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=["other", name])
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/x", "x", make_view())
    app.register_blueprint(blueprint)

    assert app.test_client().get("/x").status_code == 401


@pytest.mark.parametrize("name", ["bp.x", "bp.*"])
def test_public_endpoints_name_an_endpoint_with_its_blueprint(name: str) -> None:
    app = open_app(Flask("tests"), **CLOSED, TOKENAUTH_PUBLIC_ENDPOINTS=[name])
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/x", "x", make_view())
    app.register_blueprint(blueprint)

    assert app.test_client().get("/x").status_code == 200


# Closed by default: what Flask itself answers


def _write(folder: Path) -> str:
    (folder / "style.css").write_text("served")
    return str(folder)


def test_closed_by_default_static_files_are_served(tmp_path: Path) -> None:
    app = open_app(Flask("tests", static_folder=_write(tmp_path), static_url_path="/static"), **CLOSED)
    client = app.test_client()

    assert client.get("/static/style.css", buffered=True).text == "served"
    assert client.get("/static/nothing.css").status_code == 404
    assert rules_that_are("open", app) == []


@pytest.mark.parametrize("names", [{}, {"name": "assets"}], ids=["its own name", "another name"])
def test_closed_by_default_static_files_of_a_blueprint_are_served(tmp_path: Path, names: dict[str, str]) -> None:
    app = open_app(Flask("tests"), **CLOSED)
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    blueprint = Blueprint("bp", __name__, static_folder=_write(tmp_path), static_url_path="/files")
    outer.register_blueprint(blueprint, **names)
    app.register_blueprint(outer)

    assert app.test_client().get("/outer/files/style.css", buffered=True).text == "served"
    assert rules_that_are("open", app) == []


def static(*args: object, **kwargs: object) -> str:
    """Answer for a user who calls a view so."""
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
def test_closed_by_default_a_view_of_ones_own_called_static_is_closed(add: Callable[[Any], None], mint: Mint) -> None:
    app = open_app(Flask("tests", static_folder=None), **CLOSED)
    add(app)
    built = Built(app, "/own", "")

    assert (built.get({}), built.get(bearer(mint()))) == (401, 200)


def test_closed_by_default_a_view_put_in_the_place_of_flasks_static_is_closed(tmp_path: Path) -> None:
    app = open_app(Flask("tests", static_folder=_write(tmp_path), static_url_path="/static"), **CLOSED)
    app.view_functions["static"] = static

    assert Built(app, "/static/style.css", "").get({}) == 401


def test_a_guard_on_flasks_static_holds(tmp_path: Path, mint: Mint) -> None:
    app = open_app(Flask("tests", static_folder=_write(tmp_path), static_url_path="/static"))
    guarded: Any = login_required(app.view_functions["static"])
    app.view_functions["static"] = guarded
    client = app.test_client()

    assert client.get("/static/style.css").status_code == 401
    assert client.get("/static/style.css", headers=bearer(mint()), buffered=True).text == "served"


@pytest.mark.parametrize("guard", [leave, login_required], ids=["by default", "by a guard"])
@pytest.mark.parametrize(
    ("method", "url", "status"), [("GET", "/nowhere", 404), ("POST", "/x", 405), ("OPTIONS", "/x", 200)]
)
@pytest.mark.parametrize("serve", [flask, method_view, *SERVERS])
def test_closed_by_default_what_reaches_no_view_stays_what_flask_makes_it(
    serve: Serve, method: str, url: str, status: int, guard: Decorator
) -> None:
    assert serve(guard(make_view()), **CLOSED).test_client().open(url, method=method).status_code == status


def test_closed_by_default_a_public_view_is_open() -> None:
    app = flask(public(make_view()), **CLOSED)

    assert Built(app, "/x", "").get({}) == 200
    assert Built(app, "/x", "").get(bearer("x.y.z")) == 200


# Cross-origin requests

ORIGIN = {"Origin": "https://app.example"}
PREFLIGHT = ORIGIN | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


@pytest.mark.parametrize("config", [{}, CLOSED], ids=["", "closed by default"])
@pytest.mark.parametrize("serve", [flask, method_view, *SERVERS])
def test_a_preflight_of_a_guarded_route_needs_no_token(serve: Serve, config: dict[str, Any]) -> None:
    """The Fetch standard sends preflights without credentials and wants a status of 200 to 299."""
    app = serve(login_required(make_view()), **config)
    CORS(app, origins=["https://app.example"])

    answer = app.test_client().options("/x", headers=PREFLIGHT)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]


@serving
def test_the_challenge_can_be_exposed_to_scripts(serve: Serve) -> None:
    app = serve(login_required(make_view()))
    CORS(app, origins=["https://app.example"], expose_headers=["WWW-Authenticate"])

    answer = app.test_client().get("/x", headers=ORIGIN)

    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert answer.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate"
    assert parse_challenge(answer.headers["WWW-Authenticate"].encode()) == Challenge("Bearer", REALM)


@pytest.mark.parametrize("config", [{}, CLOSED], ids=["", "closed by default"])
def test_a_preflight_that_cross_origin_answers_needs_no_token(config: dict[str, Any], mint: Mint) -> None:
    """``@cross_origin`` switches Flask's automatic OPTIONS off and answers in its place."""
    app = flask(cross_origin(origins=["https://app.example"])(login_required(make_view())), **config)
    client = app.test_client()

    answer = client.options("/x", headers=PREFLIGHT)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert client.get("/x", headers=ORIGIN).status_code == 401
    assert client.get("/x", headers=ORIGIN | bearer(mint())).status_code == 200


def test_options_that_cross_origin_leaves_to_the_view_needs_a_token(mint: Mint) -> None:
    app = flask(cross_origin()(login_required(make_view())), CORS_AUTOMATIC_OPTIONS=False)
    client = app.test_client()

    assert client.options("/x").status_code == 401
    assert client.options("/x", headers=bearer(mint())).text == "served"


# Blueprints protected as a whole. Each function returns one with the view /x in it, and what registers it.

Protected = tuple[Any, Callable[[], object]]


def plain_blueprint(app: Any) -> Protected:
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/x", "x", make_view())
    return blueprint, lambda: app.register_blueprint(blueprint)


def blueprint_with_a_class(app: Any) -> Protected:
    blueprint = Blueprint("bp", __name__)
    blueprint.add_url_rule("/x", view_func=class_of(MethodView, make_view()).as_view("x"))
    return blueprint, lambda: app.register_blueprint(blueprint)


def renamed_blueprint(app: Any) -> Protected:
    blueprint, _ = plain_blueprint(app)
    return blueprint, lambda: app.register_blueprint(blueprint, name="another")


def second_of_two_registrations(app: Any) -> Protected:
    blueprint, _ = plain_blueprint(app)
    first: dict[str, Any] = {"name": "first", "url_prefix": "/first"}
    return blueprint, lambda: (app.register_blueprint(blueprint, **first), app.register_blueprint(blueprint))


def inner_blueprint(app: Any) -> Protected:
    outer = Blueprint("outer", __name__)
    inner, register = plain_blueprint(outer)
    return inner, lambda: (register(), app.register_blueprint(outer))


def outer_blueprint(app: Any) -> Protected:
    outer = Blueprint("outer", __name__)
    _, register = plain_blueprint(outer)
    return outer, lambda: (register(), app.register_blueprint(outer))


def inner_of_two_outer_blueprints(app: Any) -> Protected:
    first, second = Blueprint("first", __name__, url_prefix="/first"), Blueprint("second", __name__)
    inner, register = plain_blueprint(second)
    first.register_blueprint(inner)
    return inner, lambda: (register(), app.register_blueprint(first), app.register_blueprint(second))


def smorest_blueprint(app: Any) -> Protected:
    app.config |= SMOREST
    blueprint = flask_smorest.Blueprint("bp", __name__)
    blueprint.route("/x")(class_of(MethodView, make_view()))
    return blueprint, lambda: flask_smorest.Api(app).register_blueprint(blueprint)


def apiflask_blueprint(app: Any) -> Protected:
    blueprint = APIBlueprint("bp", __name__)
    blueprint.add_url_rule("/x", "x", make_view())
    return blueprint, lambda: app.register_blueprint(blueprint)


def openapi3_blueprint(app: Any) -> Protected:
    blueprint: Any = OpenAPIBlueprint("bp", __name__)
    blueprint.get("/x", endpoint="x")(make_view())
    return blueprint, lambda: app.register_api(blueprint)


def restx_blueprint(app: Any) -> Protected:
    blueprint = Blueprint("api", __name__)
    api = flask_restx.Api(blueprint, doc=False, add_specs=False)
    api.add_resource(class_of(flask_restx.Resource, make_view()), "/x")
    return blueprint, lambda: app.register_blueprint(blueprint)


def restx_renamed_blueprint(app: Any) -> Protected:
    """The endpoint is named ``api.x``, and no blueprint is registered as ``api``."""
    blueprint, _ = restx_blueprint(app)
    return blueprint, lambda: app.register_blueprint(blueprint, name="another")


def restx_inner_blueprint(app: Any) -> Protected:
    """The endpoint is named ``api.x``, and the blueprint is registered as ``outer.api``."""
    outer = Blueprint("outer", __name__)
    inner, register = restx_blueprint(outer)
    return inner, lambda: (register(), app.register_blueprint(outer))


def restx_outer_blueprint(app: Any) -> Protected:
    """The endpoint is named ``api.x``: nothing in it tells of the blueprint around."""
    outer = Blueprint("outer", __name__)
    _, register = restx_blueprint(outer)
    return outer, lambda: (register(), app.register_blueprint(outer))


Protect = Callable[[Any, Callable[[Any], Protected], tuple[str, ...]], None]


def protect_first(app: Any, make: Callable[[Any], Protected], scopes: tuple[str, ...]) -> None:
    auth = TokenAuth()
    blueprint, register = make(app)
    auth.protect(blueprint, *scopes)
    auth.init_app(app)
    register()


def protect_last(app: Any, make: Callable[[Any], Protected], scopes: tuple[str, ...]) -> None:
    auth = TokenAuth(app)
    blueprint, register = make(app)
    register()
    auth.protect(blueprint, *scopes)


CREDENTIALS = [
    pytest.param(lambda mint: {}, 401, id="no token"),
    pytest.param(lambda mint: bearer(mint()[:-8] + "AAAAAAAA"), 401, id="bad token"),
    pytest.param(lambda mint: bearer(mint(scope="other")), 403, id="missing scope"),
    pytest.param(lambda mint: bearer(mint()), 200, id="good"),
]
APP_CLASSES: dict[Any, Any] = {apiflask_blueprint: APIFlask, openapi3_blueprint: OpenAPI}
SOUND = [
    plain_blueprint,
    blueprint_with_a_class,
    renamed_blueprint,
    second_of_two_registrations,
    inner_blueprint,
    outer_blueprint,
    inner_of_two_outer_blueprints,
    smorest_blueprint,
    apiflask_blueprint,
    openapi3_blueprint,
    restx_blueprint,
]
MISNAMED = [restx_renamed_blueprint, restx_inner_blueprint, restx_outer_blueprint]


def protected(make: Any, protect: Protect, *scopes: str, **config: object) -> Built:
    app = APP_CLASSES.get(make, Flask)("tests")
    app.config |= CONFIG | config
    protect(app, make, scopes)
    app.extensions["tokenauth"].clock = lambda: NOW
    return Built(app, "/x", "")


@pytest.mark.parametrize(("credential", "status"), CREDENTIALS)
@pytest.mark.parametrize("protect", [protect_first, protect_last])
@pytest.mark.parametrize("make", SOUND)
def test_a_protected_blueprint_is_guarded(
    make: Any, protect: Protect, credential: Headers, status: int, mint: Mint
) -> None:
    built = protected(make, protect, "reports:read")

    assert built.get(credential(mint)) == status


@pytest.mark.parametrize("protect", [protect_first, protect_last])
@pytest.mark.parametrize("make", SOUND)
def test_routes_tells_what_a_blueprint_asks_for(make: Any, protect: Protect) -> None:
    route = protected(make, protect, "reports:read").route("GET")

    assert (route["requires"], route["open"]) == (["reports:read"], False)


@pytest.mark.parametrize(("credential", "status"), CREDENTIALS)
@pytest.mark.parametrize("protect", [protect_first, protect_last])
@pytest.mark.parametrize("make", MISNAMED)
def test_a_protected_blueprint_with_endpoints_under_another_name_is_not_silently_open(
    make: Any, protect: Protect, credential: Headers, status: int, mint: Mint
) -> None:
    built = protected(make, protect, "reports:read")

    assert built.get(credential(mint)) == status or built.is_named()


@pytest.mark.parametrize("make", SOUND)
def test_a_blueprint_protected_without_scopes_asks_for_a_login(make: Any, mint: Mint) -> None:
    built = protected(make, protect_first)

    assert (built.get({}), built.get(bearer(mint(scope="")))) == (401, 200)
    assert built.route("GET")["requires"] == ["login"]


@pytest.mark.parametrize("protect", [protect_first, protect_last])
def test_static_files_of_a_protected_blueprint_are_protected(tmp_path: Path, protect: Protect, mint: Mint) -> None:
    """Only the default guard excepts them."""

    def with_files(app: Any) -> Protected:
        blueprint = Blueprint("bp", __name__, static_folder=_write(tmp_path), static_url_path="/files")
        return blueprint, lambda: app.register_blueprint(blueprint)

    client = protected(with_files, protect).app.test_client()

    assert client.get("/files/style.css").status_code == 401
    assert client.get("/files/style.css", headers=bearer(mint()), buffered=True).text == "served"


def test_other_blueprints_of_the_same_name_are_not_protected() -> None:
    built = protected(plain_blueprint, protect_first)
    namesake = Blueprint("bp", __name__)
    namesake.add_url_rule("/y", "y", make_view())
    built.app.register_blueprint(namesake, name="namesake")

    assert Built(built.app, "/y", "").get({}) == 200
    assert Built(built.app, "/y", "").is_called_open()


@pytest.mark.parametrize("decorate", [login_required, require_scope("a"), login_optional, public])
def test_a_class_of_flask_openapi3_takes_no_guard_since_nobody_would_find_it(decorate: Any) -> None:
    api_view = APIView(url_prefix="/x")

    with pytest.raises(SettingsError, match="no class of Flask views: decorate its methods instead"):
        decorate(api_view.route("/x")(type("Plain", (), {"get": make_view()})))
