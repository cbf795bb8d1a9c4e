"""``require_claim`` among the other guards: the answers, the places where it guards, and the report."""

import asyncio
from collections.abc import Callable
from typing import Any

import flask_restx  # type: ignore[import-untyped]  # has no types
import pytest
from flask import Flask
from flask.views import MethodView

from flask_tokenauth import NotPermitted, login_required, require_claim, require_scope, token_refused
from flask_tokenauth.core.errors import InsufficientClaim

from ..authentication.challenges import parse_challenge
from ..conftest import ISSUER, NOW, MakeApp, Mint, bearer
from .kit import class_of, make_view, report_routes
from .routes_kit import status

Guarded = Callable[[Any], Flask]


@pytest.fixture
def guarded(make_app: MakeApp) -> Guarded:
    """Return a function that makes an application with a guard on its view ``/x``."""

    def make(guard: Any) -> Flask:
        app = make_app()
        app.add_url_rule("/x", view_func=guard(make_view()), endpoint="x")
        return app

    return make


@pytest.mark.parametrize("name", ["sub", "client_id", "aud", "iss"])
def test_other_claims_of_every_token_may_be_required(guarded: Guarded, mint: Mint, name: str) -> None:
    good = mint.claims()[name]

    assert status(guarded(require_claim(name, f"{good}")), "/x", mint()) == 200
    assert status(guarded(require_claim(name, "other")), "/x", mint()) == 403


def test_guards_for_true_and_for_1_add_up(guarded: Guarded, mint: Mint) -> None:
    app = guarded(lambda view: require_claim("a", True)(require_claim("a", 1)(view)))  # noqa: FBT003  # a value

    assert status(app, "/x", mint(a=True)) == 403
    assert status(app, "/x", mint(a=1)) == 403
    assert status(app, "/x", mint(a=[1, True])) == 200


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (lambda mint: {}, 401),
        (lambda mint: bearer("x.y.z"), 401),
        (lambda mint: bearer("a b"), 400),
        (lambda mint: bearer(mint(role="editor", exp=NOW - 60)), 401),
        (lambda mint: bearer(mint()), 403),
        (lambda mint: bearer(mint(role="reader")), 403),
        (lambda mint: bearer(mint(role="editor")), 200),
        (lambda mint: bearer(mint(role="editor", scope=...)), 200),
    ],
)
def test_a_token_needs_the_claim(
    guarded: Guarded, mint: Mint, credential: Callable[[Mint], dict[str, str]], expected: int
) -> None:
    client = guarded(require_claim("role", "editor", "admin")).test_client()

    assert client.get("/x", headers=credential(mint)).status_code == expected


def test_the_refusal_says_that_the_token_lacks_rights_and_no_more(guarded: Guarded, mint: Mint) -> None:
    """RFC 6750 section 3.1: a client cannot ask for a claim, as it can for a scope, so there is no ``scope``."""
    app = guarded(require_claim("role", "editor"))

    answer = app.test_client().get("/x", headers=bearer(mint(role="reader")))

    body = {
        "error": "insufficient_scope",
        "error_description": "The request needs more rights than the access token has.",
    }
    assert (answer.status_code, answer.json) == (403, body)
    assert parse_challenge(answer.headers["WWW-Authenticate"].encode()).parameters == {"realm": ISSUER, **body}


def test_an_error_handler_gets_the_name_of_the_claim_but_no_value(guarded: Guarded, mint: Mint) -> None:
    app, caught = guarded(require_claim("role", "editor")), list[NotPermitted]()

    @app.errorhandler(NotPermitted)
    def handle(error: NotPermitted) -> tuple[str, int]:
        caught.append(error)
        return "refused", 403

    status(app, "/x", mint(role="reader"))

    [error] = caught
    assert isinstance(error.error, InsufficientClaim)
    assert (error.reason, error.error.claim) == ("claim_insufficient", "role")
    assert "role" in str(error.error)
    assert [
        shown for shown in (str(error), repr(error), str(error.error)) if "editor" in shown or "reader" in shown
    ] == []


def test_the_reason_goes_to_the_log_and_the_signal(
    guarded: Guarded, mint: Mint, caplog: pytest.LogCaptureFixture
) -> None:
    app, reasons = guarded(require_claim("role", "editor")), list[str]()

    def listen(sender: Flask, reason: str) -> None:
        reasons.append(reason)

    with token_refused.connected_to(listen, app), caplog.at_level("INFO", "flask_tokenauth"):
        status(app, "/x", mint(role="reader"))

    assert reasons == ["claim_insufficient"]
    assert "refused: claim_insufficient" in caplog.messages


def test_it_adds_up_with_scopes_and_with_other_claims(guarded: Guarded, mint: Mint) -> None:
    def decorate(view: Any) -> Any:
        return require_scope("a")(require_claim("role", "editor")(require_claim("team", "blue")(view)))

    app = guarded(decorate)

    assert status(app, "/x", mint(scope="a", role="editor", team="blue")) == 200
    assert status(app, "/x", mint(scope="b", role="editor", team="blue")) == 403
    assert status(app, "/x", mint(scope="a", role="reader", team="blue")) == 403
    assert status(app, "/x", mint(scope="a", role="editor", team="red")) == 403


def test_it_guards_above_the_route_decorator(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    require_claim("role", "editor")(app.get("/x")(make_view()))

    assert [status(app, "/x", token) for token in (None, mint(), mint(role="editor"))] == [401, 403, 200]


def test_it_guards_a_class_and_a_method(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    views = class_of(MethodView, make_view(), post=require_claim("role", "admin")(make_view()))
    app.add_url_rule("/x", view_func=require_claim("team", "blue")(views).as_view("x"))

    assert status(app, "/x", mint(team="red")) == 403
    assert status(app, "/x", mint(team="blue")) == 200
    assert status(app, "/x", mint(team="blue"), method="POST") == 403
    assert status(app, "/x", mint(team="blue", role="admin"), method="POST") == 200


def test_it_guards_in_the_method_decorators_of_flask_restx(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    resource = class_of(flask_restx.Resource, make_view(), method_decorators=[require_claim("role", "editor")])
    flask_restx.Api(app, doc=False, add_specs=False).add_resource(resource, "/x")

    assert [status(app, "/x", token) for token in (None, mint(), mint(role="editor"))] == [401, 403, 200]
    assert report_routes(app)["routes"][-1]["requires"] == ['claim role: "editor"']


def test_it_guards_a_coroutine_function(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    @require_claim("role", "editor")
    async def view() -> str:
        return "open"

    assert asyncio.iscoroutinefunction(view)
    with app.test_request_context(headers=bearer(mint(role="editor"))):
        assert asyncio.run(view()) == "open"
    with app.test_request_context(headers=bearer(mint(role="reader"))), pytest.raises(NotPermitted):
        asyncio.run(view())


def test_a_function_that_is_called_without_the_hook_is_guarded(make_app: MakeApp, mint: Mint) -> None:
    view = require_claim("role", "editor")(make_view())

    with make_app().test_request_context(headers=bearer(mint(role="reader"))), pytest.raises(NotPermitted):
        view()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("guard", "shown"),
    [
        (require_claim("role", "editor"), 'claim role: "editor"'),
        (require_claim("role", "editor", "chief"), 'claim role: "editor" or "chief"'),
        (require_claim("verified", True), "claim verified: true"),  # noqa: FBT003  # a value
        (require_claim("level", 2, 3, "3"), 'claim level: 2 or 3 or "3"'),
        (require_claim("stadt", "Köln"), 'claim stadt: "Köln"'),
    ],
)
def test_the_report_shows_the_claim_and_its_values(guarded: Guarded, guard: Any, shown: str) -> None:
    routes = report_routes(guarded(guard))["routes"]

    [route] = [route for route in routes if route["rule"] == "/x"]
    assert (route["requires"], route["open"]) == ([shown], False)


def test_a_login_is_not_enough(guarded: Guarded, mint: Mint) -> None:
    """A request is let in quickly if its scopes satisfy all requirements. A claim must never be skipped so."""
    app = guarded(lambda view: login_required(require_claim("role", "editor")(view)))

    assert status(app, "/x", mint()) == 403
