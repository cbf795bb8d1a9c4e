"""The order of a request whose hook answers from 400 on, raises, or is a guard.

Such an answer stands for everybody: the guards of the view are not enforced, and no user is loaded.
"""

from typing import Any, NoReturn

import pytest
from flask import Response, abort, redirect
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.routing import RequestRedirect

from flask_tokenauth import NotAuthenticated, NotPermitted, login_required

from ..conftest import MakeApp, Mint
from .kit import leave
from .order_kit import Case, Place, each_position, everywhere, serve, shows

# A hook answers from 400 on, or raises


FROM_400: dict[str, Case] = {
    "400": (lambda: ("answered", 400), 400),
    "404": (lambda: Response("answered", 404), 404),
    "429": (lambda: ("answered", 429, {"Retry-After": "7"}), 429),
    "503": (lambda: ({"state": "answered"}, 503), 503),
    "own 401": (lambda: ("answered", 401, {"WWW-Authenticate": "Basic"}), 401),
    "returned HTTPException": (lambda: ServiceUnavailable("answered"), 503),
}


@everywhere
@pytest.mark.parametrize("case", FROM_400.values(), ids=FROM_400)
def test_an_answer_from_400_on_stands_for_everybody(
    make_app: MakeApp, mint: Mint, reasons: list[str], case: Case, place: Place
) -> None:
    hook, status = case
    served = serve(make_app, hook, **place)

    for token in (None, "x.y.z", mint(scope="other"), mint()):
        answer = served.get(token)
        assert (answer.status_code, shows(answer, "answered")) == (status, True)
    assert (reasons, served.events) == ([], [])


def stop(error: Any) -> NoReturn:
    abort(error)


RAISING: dict[str, Case] = {
    "abort(429)": (lambda: abort(429, "answered"), 429),
    "abort(redirect)": (lambda: stop(redirect("/answered")), 302),
    "abort(200)": (lambda: stop(Response("answered", 200)), 200),
    "abort(204)": (lambda: stop(Response(status=204, headers={"X-Answered": "answered"})), 204),
    "routing exception": (lambda: stop(RequestRedirect("/answered").get_response()), 308),
}


@everywhere
@pytest.mark.parametrize("case", RAISING.values(), ids=RAISING)
def test_an_http_exception_of_a_hook_stands_for_everybody(
    make_app: MakeApp, mint: Mint, reasons: list[str], case: Case, place: Place
) -> None:
    hook, status = case
    served = serve(make_app, hook, **place)

    for token in (None, "x.y.z", mint()):
        answer = served.get(token)
        assert (answer.status_code, shows(answer, "answered")) == (status, True)
    assert (reasons, served.events) == ([], [])


def raise_error() -> NoReturn:
    raise LookupError("answered")


@everywhere
def test_the_handler_of_an_exception_of_a_hook_answers_everybody(make_app: MakeApp, place: Place) -> None:
    served = serve(make_app, raise_error, **place)
    served.app.register_error_handler(LookupError, lambda error: (str(error.args[0]), 200))

    assert served.get().text == "answered"


@each_position
def test_an_exception_of_a_hook_without_a_handler_is_a_500(make_app: MakeApp, position: str) -> None:
    assert serve(make_app, raise_error, position=position, TESTING=False).get().status_code == 500


def refuse_scope() -> NoReturn:
    raise NotPermitted("answered")


def refuse_login() -> NoReturn:
    raise NotAuthenticated("answered")


@everywhere
@pytest.mark.parametrize("case", [(refuse_scope, 403), (refuse_login, 401)], ids=["403", "401"])
def test_a_refusal_that_a_hook_raises_stands_for_everybody(
    make_app: MakeApp, mint: Mint, case: Case, place: Place
) -> None:
    hook, status = case
    served = serve(make_app, hook, **place)

    for token in (None, mint()):
        answer = served.get(token)
        assert (answer.status_code, answer.json["error_description"]) == (status, "answered")
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/x", "/open"])
def test_a_hook_that_needs_the_user_refuses_the_anonymous(make_app: MakeApp, mint: Mint, path: str) -> None:
    served = serve(make_app)
    served.app.before_request(lambda: served.events.append(served.auth.user_id))

    assert served.get(path=path).status_code == 401
    assert served.events == []
    assert served.get(mint(), path).status_code == 200
    assert served.events[0] == "alice"


# A hook is a guard


@each_position
def test_a_guard_on_a_hook_guards(make_app: MakeApp, mint: Mint, reasons: list[str], position: str) -> None:
    served = serve(make_app, lambda: None, position=position, hook_guard=login_required, guard=leave)

    assert (served.get().status_code, reasons) == (401, ["credential_missing"])
    assert served.get("x.y.z").status_code == 401
    assert served.get(mint(scope="other")).text == "served"
    assert served.get(path="/open").status_code == (401 if position.startswith("app") else 200)


@each_position
def test_a_guard_on_a_hook_does_not_replace_the_guard_of_the_view(make_app: MakeApp, mint: Mint, position: str) -> None:
    served = serve(make_app, lambda: None, position=position, hook_guard=login_required)

    assert [served.get(token).status_code for token in (None, mint(scope="other"), mint())] == [401, 403, 200]


@each_position
def test_a_guard_on_a_hook_lets_automatic_options_pass(make_app: MakeApp, position: str) -> None:
    answer = serve(make_app, lambda: None, position=position, hook_guard=login_required).get(method="OPTIONS")

    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (200, True)


@each_position
def test_the_answer_of_a_guarded_hook_needs_a_token(make_app: MakeApp, mint: Mint, position: str) -> None:
    served = serve(make_app, lambda: "answered", position=position, hook_guard=login_required, guard=leave)

    assert [served.get(token).text == "answered" for token in (None, mint(scope="other"))] == [False, True]
