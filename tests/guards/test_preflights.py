"""Preflights pass a guard on a function that runs before requests. They show nothing, and nothing else passes."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, after_this_request, request
from flask_cors import CORS

from flask_tokenauth import (
    login_optional,
    login_required,
    require_claim,
    require_scope,
    token_refused,
)

from ..conftest import NOW, MakeApp, Mint, bearer
from .hooks_kit import (
    PREFLIGHT,
    Hook,
    Put,
    Recorder,
    in_each_place,
    make_hook,
    open_options,
    put_on_application,
    put_on_blueprint,
)
from .routes_kit import make_blueprint, make_view, status


def make_coroutine_hook() -> Any:
    async def hook() -> None:
        """Do nothing before a request."""

    return hook


@in_each_place
@pytest.mark.parametrize("guard", [login_required, require_scope("a"), require_claim("role", "editor")])
def test_a_preflight_passes_and_the_guarded_function_is_skipped(make_app: MakeApp, put: Put, guard: Any) -> None:
    app, recorder = make_app(), Recorder()
    put(app, guard(recorder.run))

    answer = open_options(app)

    assert (answer.status_code, set(answer.allow), answer.data) == (200, {"GET", "HEAD", "OPTIONS"}, b"")
    assert recorder.users == []


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (lambda mint: mint(scope="a"), ["alice"]),
        (lambda mint: mint(scope="b"), []),
        (lambda mint: mint(scope="a", exp=NOW - 60), []),
        (lambda mint: "x.y.z", []),
        (lambda mint: "a b", []),
    ],
)
def test_the_guarded_function_runs_for_options_if_the_caller_satisfies_the_guard(
    make_app: MakeApp, mint: Mint, token: Callable[[Mint], str], expected: list[str]
) -> None:
    app, recorder = make_app(), Recorder()
    put_on_blueprint(app, require_scope("a")(recorder.run))

    assert open_options(app, bearer(token(mint))).status_code == 200
    assert recorder.users == expected


def test_a_skipped_guard_is_no_refusal(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    app, reasons = make_app(), list[str]()
    put_on_blueprint(app, login_required(make_hook()))

    def listen(sender: Flask, reason: str) -> None:
        reasons.append(reason)

    with token_refused.connected_to(listen, app), caplog.at_level("INFO", "flask_tokenauth"):
        open_options(app)
        assert (reasons, caplog.messages) == ([], [])
        status(app, "/api")

    assert reasons == ["credential_missing"]


def test_an_optional_login_lets_preflights_with_a_bad_token_pass(make_app: MakeApp, mint: Mint) -> None:
    app, recorder = make_app(), Recorder()
    put_on_blueprint(app, login_optional(recorder.run))

    assert open_options(app, bearer("x.y.z")).status_code == 200
    assert recorder.users == []
    assert [status(app, "/api", token) for token in ("x.y.z", None, mint())] == [401, 200, 200]
    assert recorder.users == [None, "alice"]


@pytest.mark.parametrize("guard", [login_required, login_optional])
def test_a_guarded_coroutine_function_is_skipped_too(make_app: MakeApp, mint: Mint, guard: Any) -> None:
    app = make_app()
    put_on_blueprint(app, guard(make_coroutine_hook()))

    assert open_options(app, bearer("x.y.z")).status_code == 200
    assert [status(app, "/api", token) for token in ("x.y.z", mint())] == [401, 200]


@pytest.mark.parametrize("wrap", [partial, require_scope("a")])
def test_a_partial_function_and_a_second_guard_around_are_skipped_too(make_app: MakeApp, wrap: Any) -> None:
    app, recorder = make_app(), Recorder()
    put_on_blueprint(app, wrap(login_required(recorder.run)))

    assert open_options(app).status_code == 200
    assert recorder.users == []


class Service:
    """Functions before requests that are bound methods."""

    @login_required
    def check(self) -> None:
        """Do nothing before a request."""


def test_a_guarded_method_is_skipped_too(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()
    put_on_blueprint(app, Service().check)

    assert open_options(app).status_code == 200
    assert [status(app, "/api", token) for token in (None, mint())] == [401, 200]


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_preflight_gets_the_headers_of_flask_cors(make_app: MakeApp, order: str) -> None:
    app = make_app()
    if order == "before":
        CORS(app)
    put_on_application(app, login_required(make_hook()))
    if order == "after":
        CORS(app)

    answer = open_options(app)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", PREFLIGHT["Origin"])
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_headers_of_the_application_stay_on_a_preflight(make_app: MakeApp) -> None:
    app = make_app()
    put_on_blueprint(app, login_required(make_hook()))

    @app.after_request
    def add(response: Response) -> Response:
        response.headers["Strict-Transport-Security"] = "max-age=1"
        return response

    assert open_options(app).headers["Strict-Transport-Security"] == "max-age=1"


# Attacks with OPTIONS


def test_a_view_that_answers_options_itself_is_refused(make_app: MakeApp, mint: Mint) -> None:
    app, api = make_app(), Blueprint("api", __name__)
    api.before_request(login_required(make_hook()))
    api.add_url_rule("/api", view_func=lambda: "secret", endpoint="view", methods=["OPTIONS"])
    app.register_blueprint(api)

    assert open_options(app).status_code == 401
    assert open_options(app, bearer(mint())).text == "secret"


def test_options_for_an_unknown_url_is_refused(make_app: MakeApp) -> None:
    app = make_app()
    app.before_request(login_required(make_hook()))

    assert status(app, "/nowhere", method="OPTIONS") == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "TRACE"])
def test_no_other_method_is_skipped(make_app: MakeApp, method: str) -> None:
    app, recorder = make_app(), Recorder()
    app.before_request(login_required(recorder.run))
    app.add_url_rule("/x", view_func=make_view(), endpoint="x", methods=["GET", "POST"])

    assert status(app, "/x", method=method) in (401, 405)
    assert recorder.users == []


def call_both(first: Hook, second: Hook) -> Hook:
    def hook() -> None:
        first()
        second()

    return hook


@pytest.mark.parametrize("check", [login_required(make_hook()), login_optional(make_hook())])
def test_a_guarded_function_that_another_function_calls_is_refused(make_app: MakeApp, mint: Mint, check: Hook) -> None:
    app, recorder = make_app(), Recorder()
    put_on_blueprint(app, call_both(check, recorder.run))

    statuses = [open_options(app, bearer(token)).status_code for token in ("x.y.z", mint())]

    assert (statuses, recorder.users) == ([401, 200], ["alice"])


def test_a_guarded_function_of_another_blueprint_that_is_called_is_refused(make_app: MakeApp) -> None:
    app, recorder, check, other = make_app(), Recorder(), login_required(make_hook()), make_blueprint("other")
    other.before_request(check)
    app.register_blueprint(other)
    put_on_blueprint(app, call_both(check, recorder.run))

    assert open_options(app).status_code == 401
    assert recorder.users == []


def test_another_guard_on_the_same_function_is_refused(make_app: MakeApp) -> None:
    app, recorder, function = make_app(), Recorder(), make_hook()
    check = require_scope("a")(function)
    app.before_request(login_required(function))
    app.before_request(call_both(check, recorder.run))
    app.register_blueprint(make_blueprint())

    assert open_options(app).status_code == 401
    assert recorder.users == []


def test_a_decorator_around_the_guard_does_not_go_on_without_it(make_app: MakeApp, mint: Mint) -> None:
    app, recorder = make_app(), Recorder()

    def record_afterwards(function: Hook) -> Hook:
        @wraps(function)
        def decorated() -> None:
            function()
            recorder.run()

        return decorated

    put_on_blueprint(app, record_afterwards(login_required(make_hook())))

    statuses = [open_options(app, headers).status_code for headers in ({}, bearer(mint()))]

    assert (statuses, recorder.users) == ([401, 200], ["alice"])


def answer_from_a_cache() -> Response:
    """Answer in place of a view, as a cache does that looks only at the path."""
    return Response("secret", headers={"ETag": "x", "Access-Control-Allow-Origin": "*"})


@pytest.mark.parametrize(
    ("guard", "token"), [(login_required, None), (require_scope("a"), "b"), (login_optional, "x.y.z")]
)
def test_a_later_function_shows_nothing_to_a_preflight_that_the_guard_would_refuse(
    make_app: MakeApp, mint: Mint, guard: Any, token: str | None
) -> None:
    app, api = make_app(), make_blueprint()
    api.before_request(guard(make_hook()))
    api.before_request(answer_from_a_cache)
    app.register_blueprint(api)
    sent = {"b": mint(scope="b")}.get(token or "", token)

    answer = open_options(app, bearer(sent) if sent else {})

    assert (answer.status_code, answer.data) == (200, b"")
    assert ("ETag" in answer.headers, answer.headers["Access-Control-Allow-Origin"]) == (False, "*")
    assert open_options(app, bearer(mint(scope="a"))).text == "secret"


def test_a_guard_that_refuses_a_preflight_after_a_skipped_one_is_answered_in_full(make_app: MakeApp) -> None:
    app, check = make_app(), login_required(make_hook())
    app.before_request(login_required(make_hook()))
    app.before_request(call_both(check, make_hook()))
    app.register_blueprint(make_blueprint())

    answer = open_options(app)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "unauthorized")
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("put", [put_on_application, put_on_blueprint])
def test_a_function_that_changes_the_method_after_a_skipped_guard_opens_no_view(
    make_app: MakeApp, mint: Mint, put: Put
) -> None:
    app = make_app()
    put(app, login_required(make_hook()))

    def override_method() -> None:
        request.method = request.headers.get("X-HTTP-Method-Override", request.method)

    app.before_request_funcs.setdefault("api", []).append(override_method)
    override = {"X-HTTP-Method-Override": "GET"}

    refused = open_options(app, override)

    assert (refused.status_code, refused.get_json()["error"]) == (401, "unauthorized")
    assert open_options(app, override | bearer(mint())).text == "open"


@pytest.mark.parametrize("guard", [login_required, login_optional])
def test_a_function_that_changes_the_route_after_a_skipped_guard_opens_no_view(make_app: MakeApp, guard: Any) -> None:
    app, recorder = make_app(), Recorder()
    put_on_blueprint(app, guard(make_hook()))
    app.add_url_rule("/own", view_func=guard(make_view()), endpoint="own", methods=["OPTIONS"])
    [own] = app.url_map.iter_rules("own")

    def change_route() -> None:
        recorder.run()
        request.url_rule = own

    app.before_request_funcs["api"].append(change_route)

    assert open_options(app, bearer("x.y.z")).status_code == 401
    assert recorder.users == [None]


def test_a_request_after_a_preflight_with_the_same_g_is_guarded(make_app: MakeApp) -> None:
    app = make_app()
    put_on_blueprint(app, login_required(make_hook()))

    with app.app_context():
        assert [open_options(app).status_code, status(app, "/api")] == [200, 401]


def test_nothing_that_a_later_function_adds_at_the_end_is_shown(make_app: MakeApp) -> None:
    app, recorder = make_app(), Recorder()
    put_on_application(app, login_required(recorder.run))

    def add_secret(response: Response) -> Response:
        response.set_data("secret")
        response.headers["X-Secret"] = "secret"
        return response

    app.before_request(lambda: after_this_request(add_secret) and None)

    answer = open_options(app)

    assert (answer.status_code, answer.data) == (200, b"")
    assert "X-Secret" not in answer.headers
