"""Error handlers of the application answer refusals as any other HTTP error, and keep the status and the challenge."""

import logging
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from flask import Blueprint, Flask, Response, abort, redirect
from werkzeug.exceptions import HTTPException, Unauthorized

from flask_tokenauth import (
    AuthError,
    NotAuthenticated,
    NotPermitted,
    TemporarilyUnavailable,
    TokenAuth,
    login_required,
    require_scope,
)

from ..conftest import ISSUER, MakeApp, Mint, bearer
from .challenges import Challenge, parse_challenge

Handler = Callable[[Any], Any]

REALM = {"realm": ISSUER}
WHERE = ["app", "blueprint"]
on_app_and_blueprint = pytest.mark.parametrize("where", WHERE)
CATCHING = [HTTPException, Exception, 401, Unauthorized, AuthError, NotAuthenticated]
catching = pytest.mark.parametrize("caught", CATCHING, ids=lambda caught: getattr(caught, "__name__", str(caught)))


def serve(make_app: MakeApp, caught: Any, handler: Handler, where: str = "app", **config: object) -> Flask:
    """Return an application with a handler, guarded views, and a view that raises the refusal ``StoreOutage``."""
    app, blueprint = make_app(**config), Blueprint("bp", __name__)
    owner: Any = app if where == "app" else blueprint
    owner.register_error_handler(caught, handler)
    blueprint.add_url_rule("/x", "x", login_required(lambda: "served"))
    blueprint.add_url_rule("/admin", "admin", require_scope("admin")(lambda: "served"))
    blueprint.add_url_rule("/outage", "outage", _raise_outage)
    app.register_blueprint(blueprint)
    return app


def _raise_outage() -> NoReturn:
    raise TemporarilyUnavailable


def check_refusal(answer: Any, status: int, parameters: dict[str, str] = REALM) -> None:
    """Check the status, the challenge, and that no cache keeps the answer."""
    [challenge] = answer.headers.getlist("WWW-Authenticate")
    assert parse_challenge(challenge.encode("latin-1")) == Challenge("Bearer", parameters)
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"


# Which handler answers


@on_app_and_blueprint
@catching
def test_a_handler_answers_a_refusal(make_app: MakeApp, caught: Any, where: str) -> None:
    app = serve(make_app, caught, lambda error: {"shape": error.code}, where)

    answer = app.test_client().get("/x")

    check_refusal(answer, 401)
    assert answer.json == {"shape": 401}


@pytest.mark.parametrize("caught", [404, 403, 500, LookupError], ids=str)
@on_app_and_blueprint
def test_a_handler_for_another_error_does_not_answer(make_app: MakeApp, caught: Any, where: str) -> None:
    answer = serve(make_app, caught, lambda error: {"shape": 0}, where).test_client().get("/x")

    check_refusal(answer, 401)
    assert answer.json == {"error": "unauthorized", "error_description": "Authentication is required."}


def test_the_handler_of_a_blueprint_comes_before_that_of_the_application(make_app: MakeApp) -> None:
    app = serve(make_app, HTTPException, lambda error: "blueprint", "blueprint")
    app.register_error_handler(HTTPException, lambda error: "app")

    assert app.test_client().get("/x").text == "blueprint"


def test_the_handler_of_a_refusal_comes_before_those_of_its_bases(make_app: MakeApp) -> None:
    app = serve(make_app, AuthError, lambda error: "refusal")
    for base in (HTTPException, Exception):
        app.register_error_handler(base, lambda error: "base")

    assert app.test_client().get("/x").text == "refusal"


TRAPS = [{"TRAP_HTTP_EXCEPTIONS": True}, {"TRAP_BAD_REQUEST_ERRORS": True}, {"DEBUG": True}]


@pytest.mark.parametrize("config", TRAPS, ids=str)
@pytest.mark.parametrize(("credential", "status"), [("", 401), ("Bearer a b", 400)])
@pytest.mark.parametrize("caught", [HTTPException, LookupError], ids=["a handler", "no handler"])
def test_no_setting_of_flask_changes_who_answers(
    make_app: MakeApp, caught: Any, credential: str, status: int, config: dict[str, Any]
) -> None:
    app = serve(make_app, caught, lambda error: {"error": "handled"}, **config)

    answer = app.test_client().get("/x", headers={"Authorization": credential})

    assert (answer.status_code, b"handled" in answer.data) == (status, caught is HTTPException)


@on_app_and_blueprint
def test_a_handler_sees_the_refusal(make_app: MakeApp, where: str) -> None:
    seen: list[Any] = []
    serve(make_app, HTTPException, lambda error: seen.append(error) or "", where).test_client().get("/x")  # type: ignore[func-returns-value]

    [error] = seen
    assert (error.code, error.reason, error.data["error"]) == (401, "credential_missing", "unauthorized")
    assert error.get_response().headers["WWW-Authenticate"].startswith("Bearer ")


@on_app_and_blueprint
def test_the_status_and_challenge_are_those_of_each_refusal(make_app: MakeApp, mint: Mint, where: str) -> None:
    client = serve(make_app, HTTPException, lambda error: "handled", where).test_client()
    insufficient = {"error": "insufficient_scope", "scope": "admin"}
    insufficient["error_description"] = "The access token lacks a scope that is needed here."

    check_refusal(client.get("/admin", headers=bearer(mint())), 403, REALM | insufficient)
    outage = client.get("/outage")
    assert (outage.status_code, outage.text, "Retry-After" in outage.headers) == (503, "handled", True)


# Handlers that forget something

FORGETFUL: dict[str, Handler] = {
    "body only": lambda error: "handled",
    "JSON only": lambda error: {"state": "handled"},
    "status": lambda error: ("handled", error.code),
    "another status": lambda error: ("handled", 403),
    "200": lambda error: ("handled", 200),
    "500 for everything": lambda error: ("handled", 500),
    "Response": lambda error: Response("handled"),
    "cacheable": lambda error: Response("handled", headers={"Cache-Control": "public, max-age=60"}),
    "all headers": lambda error: ("handled", error.code, error.get_response().headers),
    "another Bearer challenge": lambda error: ("handled", 401, {"WWW-Authenticate": 'Bearer realm="handled"'}),
}


@on_app_and_blueprint
@pytest.mark.parametrize("handler", FORGETFUL.values(), ids=FORGETFUL)
def test_an_answer_of_a_handler_keeps_status_and_challenge(make_app: MakeApp, handler: Handler, where: str) -> None:
    answer = serve(make_app, Exception, handler, where).test_client().get("/x")

    check_refusal(answer, 401)
    assert "handled" in answer.text


def raise_again(error: Exception) -> NoReturn:
    raise error


PASSING: dict[str, Handler] = {
    "the error": lambda error: error,
    "its response": lambda error: error.response,
    "its made response": lambda error: error.get_response(),
    "raised again": raise_again,
}


@pytest.mark.slow
@on_app_and_blueprint
@pytest.mark.parametrize("handler", PASSING.values(), ids=PASSING)
@catching
def test_a_handler_that_passes_the_error_on_gets_the_usual_answer(
    make_app: MakeApp, caught: Any, handler: Handler, where: str
) -> None:
    answer = serve(make_app, caught, handler, where).test_client().get("/x")

    check_refusal(answer, 401)
    assert answer.json == {"error": "unauthorized", "error_description": "Authentication is required."}


@on_app_and_blueprint
@pytest.mark.parametrize("handler", FORGETFUL.values(), ids=FORGETFUL)
def test_a_handler_may_be_a_coroutine_function(make_app: MakeApp, handler: Handler, where: str) -> None:
    async def handle(error: Exception) -> Any:
        return handler(error)

    answer = serve(make_app, HTTPException, handle, where).test_client().get("/x")

    check_refusal(answer, 401)
    assert "handled" in answer.text


@on_app_and_blueprint
def test_a_challenge_of_another_scheme_stays_beside_ours(make_app: MakeApp, where: str) -> None:
    basic = 'Basic realm="pages"'
    app = serve(make_app, 401, lambda error: ("handled", 401, {"WWW-Authenticate": basic}), where)

    challenges = app.test_client().get("/x").headers.getlist("WWW-Authenticate")

    assert sorted(challenges)[0] == basic
    assert [challenge.partition(" ")[0] for challenge in sorted(challenges)] == ["Basic", "Bearer"]


@on_app_and_blueprint
@pytest.mark.parametrize("mistake", [LookupError, NotPermitted])
def test_a_handler_that_raises_another_exception_is_a_500(
    make_app: MakeApp, mistake: type[Exception], where: str
) -> None:
    def fail(error: Exception) -> NoReturn:
        raise mistake

    answer = serve(make_app, NotAuthenticated, fail, where, TESTING=False).test_client().get("/x")

    assert answer.status_code == 500


@on_app_and_blueprint
def test_a_refusal_is_reported_once_if_a_handler_answers(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    app = serve(make_app, HTTPException, lambda error: ("handled", 401), where)

    with caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        app.test_client().get("/x")

    assert [record.getMessage() for record in caplog.records] == ["refused: credential_missing"]


# Handlers that decide otherwise


@pytest.mark.slow
@on_app_and_blueprint
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@catching
def test_a_handler_may_redirect_to_a_login_page(make_app: MakeApp, caught: Any, code: int, where: str) -> None:
    answer = serve(make_app, caught, lambda error: redirect("/login", code), where).test_client().get("/x")

    assert (answer.status_code, answer.headers["Location"]) == (code, "/login")
    assert answer.headers["Cache-Control"] == "no-store"


@on_app_and_blueprint
@catching
def test_a_handler_may_hide_that_there_is_something(make_app: MakeApp, caught: Any, where: str) -> None:
    answer = serve(make_app, caught, lambda error: ("not found", 404), where).test_client().get("/x")

    assert (answer.status_code, answer.text) == (404, "not found")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("by", ["guard", "user_id"])
@catching
def test_a_view_that_catches_a_refusal_answers_itself(make_app: MakeApp, caught: Any, by: str) -> None:
    auth = TokenAuth()
    app = make_app(auth=auth)
    app.register_error_handler(caught, lambda error: "handled")

    @app.get("/x")
    def view() -> str:
        try:
            return auth.user_id if by == "user_id" else login_required(lambda: "passed")()
        except NotAuthenticated as error:
            return f"caught {error.reason}"

    answer = app.test_client().get("/x")

    assert (answer.status_code, answer.text) == (200, "caught credential_missing")
    assert "WWW-Authenticate" not in answer.headers


@on_app_and_blueprint
def test_a_refusal_that_a_view_raises_is_handled_like_that_of_a_guard(make_app: MakeApp, where: str) -> None:
    def log_in() -> NoReturn:
        raise NotAuthenticated("Wrong password.")

    app = make_app()
    blueprint = Blueprint("bp", __name__)
    owner: Any = app if where == "app" else blueprint
    owner.register_error_handler(HTTPException, lambda error: {"message": error.description})
    blueprint.add_url_rule("/login", view_func=log_in)
    app.register_blueprint(blueprint)

    answer = app.test_client().get("/login")

    check_refusal(answer, 401)
    assert answer.json == {"message": "Wrong password."}


@on_app_and_blueprint
def test_handlers_answer_other_errors_as_without_this_extension(make_app: MakeApp, where: str) -> None:
    app = serve(make_app, HTTPException, lambda error: ("handled", 418), where)
    app.add_url_rule("/conflict", "bp.conflict", lambda: abort(409))

    answer = app.test_client().get("/conflict")

    assert (answer.status_code, answer.text) == (418, "handled")
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize(("config", "level"), [({"DEBUG": True}, logging.WARNING), ({}, logging.INFO)])
def test_the_log_says_that_the_status_of_a_handler_was_not_kept(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, config: dict[str, Any], level: int
) -> None:
    caplog.set_level(logging.INFO, "flask_tokenauth")
    app = serve(make_app, 401, lambda error: "sorry", **config)

    app.test_client().get("/x")

    [record] = [record for record in caplog.records if "an error handler answered" in record.getMessage()]
    assert record.levelno == level
    assert "with status 200, and the client gets 401: return the status of the error" in record.getMessage()


def test_the_log_says_nothing_of_a_handler_with_the_right_status(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "flask_tokenauth")
    app = serve(make_app, 401, lambda error: ("sorry", 401))

    app.test_client().get("/x")

    assert "an error handler answered" not in caplog.text
