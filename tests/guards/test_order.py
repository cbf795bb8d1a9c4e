"""The order of a request: first the caller is authenticated, then hooks run, guards are enforced, and the view runs.

Hooks are ``before_request`` functions of the application and of blueprints. If one of them answers below 400, the
guards are enforced all the same. ``test_order_of_errors.py`` has the other answers.
"""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Response, g, redirect
from werkzeug.routing import RequestRedirect

from flask_tokenauth import login_optional, login_required

from ..conftest import MakeApp, Mint
from .order_kit import (
    GUARDINGS,
    Case,
    ClosingBody,
    Place,
    Served,
    each_guarding,
    each_position,
    everywhere,
    serve,
    shows,
)

MARKED = {"X-Answered": "answered", "Set-Cookie": "cookie=answered", "Cache-Control": "public, max-age=60"}


# No hook answers


@everywhere
def test_the_view_is_guarded_if_no_hook_answers(make_app: MakeApp, mint: Mint, place: Place) -> None:
    ran: list[str | None] = []
    served = serve(make_app, lambda: ran.append(g.user_id), **place)

    assert served.get().status_code == 401
    assert served.get(mint()[:-8] + "AAAAAAAA").status_code == 401
    assert served.events == []
    assert served.get(mint()).text == "served"
    assert ran == [None, None, "alice"]


@each_position
def test_a_missing_scope_is_refused_after_the_hooks(make_app: MakeApp, mint: Mint, position: str) -> None:
    ran: list[object] = []
    served = serve(make_app, lambda: ran.append((g.user_id, set(g.scopes), g.token.token_id)), position=position)

    assert served.get(mint(scope="other")).status_code == 403
    assert ran == [("alice", {"other"}, "t1")]


@each_position
def test_an_optional_login_refuses_a_bad_token_after_the_hooks(make_app: MakeApp, mint: Mint, position: str) -> None:
    ran: list[object] = []
    served = serve(make_app, lambda: ran.append(g.user_id), position=position, guard=login_optional)

    assert [served.get(token).status_code for token in (None, "x.y.z", mint())] == [200, 401, 200]
    assert ran == [None, None, "alice"]


def test_the_caller_is_known_in_preprocessors_of_the_url(make_app: MakeApp, mint: Mint) -> None:
    served, ran = serve(make_app), []
    served.app.url_value_preprocessor(lambda endpoint, values: ran.append(g.user_id))

    assert [served.get(token).status_code for token in (None, mint())] == [401, 200]
    assert ran == [None, "alice"]


@each_guarding
def test_functions_after_a_refused_request_find_the_work_of_the_hooks(make_app: MakeApp, guarding: str) -> None:
    served = serve(make_app, lambda: setattr(g, "started", 1), guarding=guarding)
    served.app.after_request(lambda answer: served.note(f"after {g.started}", answer))
    served.app.teardown_request(lambda error: served.note(f"teardown {g.started}", None))

    assert served.get().status_code == 401
    assert served.events == ["after 1", "teardown 1"]


@everywhere
def test_a_refusal_is_reported_once_and_after_the_hooks(
    make_app: MakeApp, reasons: list[str], caplog: pytest.LogCaptureFixture, place: Place
) -> None:
    served = serve(make_app, lambda: reasons.append("hook"), **place)

    with caplog.at_level(logging.INFO, logger="flask_tokenauth"):
        served.get()

    assert reasons == ["hook", "credential_missing"]
    assert len([record for record in caplog.records if "credential_missing" in record.getMessage()]) == 1


# A hook answers below 400


def stream() -> Iterator[str]:
    yield "answ"
    yield "ered"


BELOW_400: dict[str, Case] = {
    "string": (lambda: "answered", 200),
    "no body": (lambda: ("", MARKED), 200),
    "bytes": (lambda: b"answered", 200),
    "tuple": (lambda: ("answered", 201, MARKED), 201),
    "dict": (lambda: {"state": "answered"}, 200),
    "list": (lambda: ["answered"], 200),
    "Response": (lambda: Response("answered", headers=MARKED), 200),
    "204": (lambda: ("", 204, MARKED), 204),
    "redirect": (lambda: redirect("/answered"), 302),
    "304": (lambda: Response(status=304, headers={"ETag": '"answered"'}), 304),
    "399": (lambda: ("answered", 399), 399),
    "generator": (stream, 200),
    "Response of a generator": (lambda: Response(stream(), headers=MARKED), 200),
    "returned HTTPException": (lambda: RequestRedirect("/answered"), 308),
}


@everywhere
@pytest.mark.parametrize("case", BELOW_400.values(), ids=BELOW_400)
def test_an_answer_below_400_needs_what_the_route_requires(
    make_app: MakeApp, mint: Mint, case: Case, place: Place
) -> None:
    hook, status = case
    served = serve(make_app, hook, **place)

    for token in (None, "x.y.z", mint()[:-8] + "AAAAAAAA"):
        refused = served.get(token)
        assert (refused.status_code, shows(refused, "answered")) == (401, False)
        assert refused.headers["WWW-Authenticate"].startswith("Bearer realm=")
        assert "public" not in refused.headers.get("Cache-Control", "")
    answer = served.get(mint())
    assert (answer.status_code, shows(answer, "answered")) == (status, True)
    assert served.events == []


@each_position
def test_an_answer_below_400_needs_the_scope_too(make_app: MakeApp, mint: Mint, position: str) -> None:
    answer = serve(make_app, lambda: "answered", position=position).get(mint(scope="other"))

    assert (answer.status_code, answer.json["scope"]) == (403, "reports:read")


@pytest.mark.parametrize(("token", "status"), [(None, 200), ("x.y.z", 401)])
def test_an_answer_below_400_on_an_optional_route_needs_no_bad_token(
    make_app: MakeApp, token: str | None, status: int
) -> None:
    assert serve(make_app, lambda: "answered", guard=login_optional).get(token).status_code == status


def test_an_answer_below_400_on_an_open_route_stands(make_app: MakeApp) -> None:
    assert serve(make_app, lambda: "answered").get("x.y.z", "/open").text == "answered"


@each_position
def test_an_answer_that_is_not_sent_is_closed(make_app: MakeApp, position: str) -> None:
    body = ClosingBody([b"answered"])

    with serve(make_app, lambda: Response(body), position=position).get() as answer:
        assert answer.status_code == 401

    assert body.closed == 1


@pytest.mark.parametrize(("config", "level"), [({"DEBUG": True}, logging.WARNING), ({}, logging.INFO)])
def test_the_log_says_that_an_answer_was_replaced(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, config: dict[str, Any], level: int
) -> None:
    caplog.set_level(logging.INFO, "flask_tokenauth")
    served = serve(make_app, lambda: redirect("/login"), **config)

    served.get()

    [record] = [record for record in caplog.records if "was replaced" in record.getMessage()]
    assert record.levelno == level
    assert "the answer 302 of a before_request function was replaced by the refusal" in record.getMessage()


def test_an_answer_that_is_sent_is_not_closed_before(make_app: MakeApp, mint: Mint) -> None:
    body = ClosingBody([b"answered"])

    with serve(make_app, lambda: Response(body)).get(mint()) as answer:
        assert (answer.data, body.closed) == (b"answered", 0)


@pytest.mark.parametrize("value", [object(), ("a", "b", "c", "d"), 42], ids=["object", "tuple of four", "number"])
def test_an_answer_of_which_flask_can_make_no_response_is_a_500(make_app: MakeApp, value: object) -> None:
    served = serve(make_app, lambda: value, TESTING=False)

    assert served.get().status_code == 500


# Requests without a view to guard


@each_position
@pytest.mark.parametrize("guarding", GUARDINGS)
def test_the_answer_to_automatic_options_stands(make_app: MakeApp, guarding: str, position: str) -> None:
    served = serve(make_app, lambda: ("answered", 202), guarding=guarding, position=position)

    answer = served.get(method="OPTIONS")

    assert (answer.status_code, answer.text) == (202, "answered")


@each_position
def test_the_answer_to_options_of_a_view_is_emptied_if_the_guard_inside_was_not_asked(
    make_app: MakeApp, mint: Mint, position: str
) -> None:
    marked = MARKED | {"Access-Control-Allow-Origin": "*"}
    served = serve(make_app, lambda: ("answered", 201, marked), position=position, methods=("GET", "OPTIONS"))

    for token in (None, "x.y.z", mint(scope="other")):
        answer = served.get(token, method="OPTIONS")
        assert (answer.status_code, answer.data, shows(answer, "answered")) == (201, b"", False)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert served.get(mint(), method="OPTIONS").text == "answered"


@each_position
@pytest.mark.parametrize("guarding", GUARDINGS[1:])
def test_the_answer_to_options_of_a_view_needs_what_the_guards_around_it_require(
    make_app: MakeApp, mint: Mint, guarding: str, position: str
) -> None:
    served = serve(make_app, lambda: "answered", guarding=guarding, position=position, methods=("GET", "OPTIONS"))

    refused = served.get(method="OPTIONS")

    assert (refused.status_code, shows(refused, "answered")) == (401, False)
    assert served.get(mint(), method="OPTIONS").text == "answered"


@pytest.mark.parametrize(("path", "method"), [("/nowhere", "GET"), ("/open", "PUT")], ids=["404", "405"])
@pytest.mark.parametrize("config", [{}, {"TOKENAUTH_DEFAULT_GUARD": "login_required"}], ids=["", "closed by default"])
def test_the_answer_of_a_hook_to_a_request_without_a_route_stands(
    make_app: MakeApp, path: str, method: str, config: Place
) -> None:
    assert serve(make_app, lambda: "answered", **config).get("x.y.z", path, method).text == "answered"


@pytest.mark.parametrize(("path", "method", "status"), [("/nowhere", "GET", 404), ("/open", "PUT", 405)])
def test_a_hook_that_does_not_answer_leaves_404_and_405_to_flask(
    make_app: MakeApp, path: str, method: str, status: int
) -> None:
    served = serve(make_app, lambda: None, TOKENAUTH_DEFAULT_GUARD="login_required")

    assert served.get(path=path, method=method).status_code == status


# The user is loaded last


def load_users(served: Served, *users: str) -> None:
    @served.auth.user_loader
    def load(user_id: str) -> str | None:
        served.events.append("load")
        return user_id if user_id in users else None


@pytest.mark.parametrize(("users", "status"), [(["alice"], 200), ([], 401)], ids=["found", "deleted"])
@pytest.mark.parametrize("answered", [None, "answered"], ids=["no answer", "an answer"])
def test_the_user_is_loaded_once_and_after_the_hooks(
    make_app: MakeApp, mint: Mint, users: list[str], status: int, answered: str | None
) -> None:
    served = serve(make_app, lambda: served.note("hook", answered), guard=login_required(load_user=True))
    load_users(served, *users)

    assert served.get(mint()).status_code == status
    assert served.events[:2] == ["hook", "load"]
    assert served.events.count("load") == 1


@each_position
def test_no_user_is_loaded_for_an_error_of_a_hook(make_app: MakeApp, mint: Mint, position: str) -> None:
    served = serve(make_app, lambda: ("answered", 503), position=position, guard=login_required(load_user=True))
    load_users(served)

    assert served.get(mint()).status_code == 503
    assert served.events == []
