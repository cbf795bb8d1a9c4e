"""Guards together with extensions that have their own views, errors, payloads and CORS."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import flask_restx  # type: ignore[import-untyped]  # has no types
import flask_smorest  # type: ignore[import-untyped]  # has no types
import pytest
from apiflask import APIFlask, Schema, fields
from flask import Flask
from flask_cors import CORS, cross_origin
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.view import APIView
from pydantic import create_model

from flask_tokenauth import SettingsError, login_optional, login_required, public, require_scope
from flask_tokenauth.core.errors import MalformedCredential

from ..authentication.challenges import Challenge, parse_challenge
from ..conftest import ISSUER, Mint, bearer
from .apps import SERVERS, SMOREST, Serve, apiflask, flask, method_view, smorest, smorest_before_tokenauth
from .kit import CLOSED, Built, Decorator, Headers, class_of, hide, leave, make_view, open_app

REALM = {"realm": ISSUER}
serving = pytest.mark.parametrize("serve", SERVERS)


# Refusals


@dataclass(frozen=True)
class Refused:
    """The parts of an answer that tests compare."""

    status: int
    parameters: dict[str, str]
    body: dict[str, str]


def read_refusal(status: int, code: str, description: str, **more: str) -> Refused:
    body = {"error": code, "error_description": description, **more}
    return Refused(status, REALM | body, body)


UNAUTHORIZED = Refused(
    401, REALM | {"scope": "admin"}, {"error": "unauthorized", "error_description": "Authentication is required."}
)
INVALID_REQUEST = read_refusal(400, "invalid_request", MalformedCredential.hint)
INVALID_TOKEN = read_refusal(401, "invalid_token", "The access token is not valid.")
INSUFFICIENT_SCOPE = read_refusal(
    403, "insufficient_scope", "The access token lacks a scope that is needed here.", scope="admin"
)


@pytest.mark.slow
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
def test_every_extension_keeps_the_status_and_challenge_of_a_refusal(
    serve: Serve, credential: Headers, expected: Refused, wrap: Decorator, mint: Mint
) -> None:
    app = serve(wrap(require_scope("admin")(make_view())))

    answer = app.test_client().get("/x", headers=credential(mint))

    [challenge] = answer.headers.getlist("WWW-Authenticate")
    assert parse_challenge(challenge.encode("latin-1")) == Challenge("Bearer", expected.parameters)
    assert (answer.status_code, answer.mimetype) == (expected.status, "application/json")
    assert answer.json == body_of(serve, expected)


def body_of(serve: Serve, refused: Refused) -> dict[str, Any]:
    """Return the body of a refusal: each extension with an error handler of its own has its own shape."""
    phrase = HTTPStatus(refused.status).phrase
    if serve in (smorest, smorest_before_tokenauth):
        return {"code": refused.status, "status": phrase}
    return {"message": phrase, "detail": {}} if serve is apiflask else refused.body


@serving
def test_a_good_token_passes(serve: Serve, mint: Mint) -> None:
    app = serve(require_scope("reports:read")(make_view()))

    assert Built(app, "/x", "").get(bearer(mint())) == 200


# A refusal comes before the payload is checked, so that without a token the schema stays secret


Around = tuple[Decorator, Decorator]  # the guard stands outside or inside of the decorator that validates


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
def test_without_a_token_the_answer_does_not_show_errors_in_the_payload(
    validates: Callable[[Around], Flask], around: Around
) -> None:
    answer = validates(around).test_client().post("/x", json={})

    assert answer.status_code == 401
    assert "name" not in answer.text


@pytest.mark.parametrize(("payload", "statuses"), [({}, {400, 422}), ({"name": "x"}, {200})], ids=["wrong", "right"])
@guarding
@validating
def test_with_a_token_the_payload_is_validated(
    validates: Callable[[Around], Flask], around: Around, payload: dict[str, str], statuses: set[int], mint: Mint
) -> None:
    answer = validates(around).test_client().post("/x", json=payload, headers=bearer(mint()))

    assert answer.status_code in statuses


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
def test_cors_can_expose_the_challenge_to_scripts(serve: Serve) -> None:
    app = serve(login_required(make_view()))
    CORS(app, origins=["https://app.example"], expose_headers=["WWW-Authenticate"])

    answer = app.test_client().get("/x", headers=ORIGIN)

    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert answer.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate"
    assert parse_challenge(answer.headers["WWW-Authenticate"].encode()) == Challenge("Bearer", REALM)


@pytest.mark.parametrize("config", [{}, CLOSED], ids=["", "closed by default"])
def test_a_preflight_answered_by_cross_origin_needs_no_token(config: dict[str, Any], mint: Mint) -> None:
    """``@cross_origin`` turns Flask's automatic OPTIONS off and answers in its place."""
    app = flask(cross_origin(origins=["https://app.example"])(login_required(make_view())), **config)
    client = app.test_client()

    answer = client.options("/x", headers=PREFLIGHT)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert client.get("/x", headers=ORIGIN).status_code == 401
    assert client.get("/x", headers=ORIGIN | bearer(mint())).status_code == 200


def test_an_options_request_that_reaches_the_view_needs_a_token(mint: Mint) -> None:
    app = flask(cross_origin()(login_required(make_view())), CORS_AUTOMATIC_OPTIONS=False)
    client = app.test_client()

    assert client.options("/x").status_code == 401
    assert client.options("/x", headers=bearer(mint())).text == "served"


# Classes that a guard cannot reach


@pytest.mark.parametrize("decorate", [login_required, require_scope("a"), login_optional, public])
def test_a_guard_on_a_class_of_flask_openapi3_raises(decorate: Any) -> None:
    api_view = APIView(url_prefix="/x")

    with pytest.raises(SettingsError, match="not a class of Flask views: put "):
        decorate(api_view.route("/x")(type("Plain", (), {"get": make_view()})))
