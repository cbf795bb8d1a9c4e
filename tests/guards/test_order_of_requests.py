"""The order of requests that are changed by hooks, nested in each other, or sent at the same time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Response, current_app, g, request, session
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response as PlainResponse

from flask_tokenauth import TokenAuth, login_required, public, require_scope

from ..conftest import MakeApp, Mint, bearer
from .kinds_kit import over_kinds
from .kit import class_of, make_view
from .order_kit import GUARDINGS, each_guarding, serve

# A hook changes the request


@over_kinds
@each_guarding
def test_a_hook_that_swaps_the_route_gets_the_guards_of_the_new_route(
    make_app: MakeApp, mint: Mint, guarding: str, good: int
) -> None:
    def swap() -> None:
        [request.url_rule] = [rule for rule in served.app.url_map.iter_rules() if rule.rule == "/x"]

    served = serve(make_app, swap, guarding=guarding)

    assert served.get(path="/open").status_code == 401
    assert served.events == []
    assert served.get(mint(), "/open").status_code == good


@pytest.mark.parametrize("answered", [None, "answered"], ids=["no answer", "an answer"])
def test_a_hook_that_swaps_a_guarded_route_for_an_open_one_needs_no_token(
    make_app: MakeApp, answered: str | None
) -> None:
    def swap() -> str | None:
        [request.url_rule] = [rule for rule in served.app.url_map.iter_rules() if rule.rule == "/open"]
        return answered

    served = serve(make_app, swap)

    assert served.get().text == (answered or "open")


@over_kinds
def test_a_hook_that_changes_the_method_gets_the_guards_of_the_new_method(make_app: MakeApp, mint: Mint) -> None:
    """A form sends POST with another method in a field, and a hook puts that in place."""

    def override() -> None:
        request.method = request.args.get("_method", request.method)

    app = make_app()
    app.before_request(override)
    views = class_of(
        MethodView, make_view(), post=lambda self: "post", delete=require_scope("delete")(lambda self: "delete")
    )
    app.add_url_rule("/x", view_func=views.as_view("x"))
    client = app.test_client()

    assert client.post("/x").text == "post"
    assert client.post("/x?_method=DELETE").status_code == 401
    assert client.post("/x?_method=DELETE", headers=bearer(mint(scope="delete"))).text == "delete"
    assert client.delete("/x?_method=POST").text == "post"


@each_guarding
def test_a_hook_that_makes_a_request_an_automatic_options_shows_no_content(make_app: MakeApp, guarding: str) -> None:
    served = serve(make_app, lambda: setattr(request, "method", "OPTIONS"), guarding=guarding)

    answer = served.get()

    assert (answer.data, served.events) == (b"", [])


@over_kinds
@pytest.mark.parametrize("by", ["preprocessor", "hook"])
def test_a_placeholder_has_the_value_of_the_url_if_the_argument_is_removed(
    make_app: MakeApp, mint: Mint, by: str
) -> None:
    app = make_app()
    app.add_url_rule("/<project>/x", view_func=require_scope("p:{project}")(make_view()), endpoint="x")
    if by == "preprocessor":
        app.url_value_preprocessor(lambda endpoint, values: (values or {}).pop("project"))
    else:
        app.before_request(lambda: request.view_args.clear() if request.view_args else None)
    client = app.test_client()

    assert client.get("/42/x", headers=bearer(mint(scope="p:42"))).text == "served"
    assert client.get("/43/x", headers=bearer(mint(scope="p:42"))).status_code == 403
    assert client.get("/43/x").status_code == 401


@over_kinds
@pytest.mark.parametrize("by", ["preprocessor", "hook"])
def test_a_placeholder_has_the_value_of_the_url_if_the_argument_is_changed(
    make_app: MakeApp, mint: Mint, by: str
) -> None:
    app = make_app()
    app.add_url_rule("/<project>/x", view_func=require_scope("p:{project}")(make_view()), endpoint="x")
    if by == "preprocessor":
        app.url_value_preprocessor(lambda endpoint, values: (values or {}).update(project="42"))
    else:
        app.before_request(lambda: (request.view_args or {}).update(project="42"))

    assert app.test_client().get("/43/x", headers=bearer(mint(scope="p:42"))).status_code == 403


def test_a_session_that_a_hook_changes_is_saved_with_the_refusal(make_app: MakeApp) -> None:
    served = serve(make_app, lambda: session.update(seen=True))

    answer = served.get()

    assert answer.status_code == 401
    assert answer.headers["Set-Cookie"].startswith("session=")
    assert {"Authorization", "Cookie"} <= set(answer.vary)


# Requests within requests


@over_kinds
@pytest.mark.parametrize("hooks", [(), (lambda: None,), (lambda: "answered",)], ids=["no hook", "a hook", "an answer"])
@pytest.mark.parametrize("guarding", ["decorator", "default guard"])
def test_a_request_that_a_view_makes_is_guarded_by_itself(
    make_app: MakeApp, mint: Mint, guarding: str, good: int, hooks: Any
) -> None:
    served = serve(make_app, *hooks, guarding=guarding, position="blueprint")

    def batch() -> dict[str, Any]:
        inner = []
        for headers in ({}, bearer(request.args["token"])):
            with served.app.test_request_context("/x", headers=headers):
                inner.append(served.app.full_dispatch_request().status_code)
        return {"inner": inner, "user_id": served.auth.user_id}

    served.app.add_url_rule("/batch", view_func=login_required(api_keys=True)(batch))
    url = f"/batch?token={mint(sub='bob')}"

    assert served.app.test_client().get(url, headers=bearer(mint())).json == {"inner": [401, good], "user_id": "alice"}
    assert served.app.test_client().get(url).status_code == 401


@over_kinds
@each_guarding
def test_a_view_that_dispatches_its_request_to_another_route_gets_the_guards_of_that(
    make_app: MakeApp, mint: Mint, guarding: str, good: int
) -> None:
    served = serve(make_app, lambda: None, guarding=guarding)

    def forward() -> Response:
        [request.url_rule] = [rule for rule in served.app.url_map.iter_rules() if rule.rule == "/x"]
        return current_app.full_dispatch_request()

    served.app.add_url_rule("/forward", view_func=public(forward))

    assert served.get(path="/forward").status_code == 401
    assert served.get(mint(), "/forward").status_code == good


# Applications in each other


@over_kinds
@pytest.mark.parametrize("hooks", [0, 1])
def test_applications_that_are_mounted_in_each_other_guard_for_themselves(
    make_app: MakeApp, mint: Mint, hooks: int
) -> None:
    auth = TokenAuth()
    outer, inner = make_app("outer", auth=auth), make_app("inner", auth=auth)
    for app, scope in ((outer, "outer"), (inner, "inner")):
        app.add_url_rule("/x", view_func=require_scope(scope)(make_view()), endpoint="x")
        for _ in range(hooks):
            app.before_request(lambda: None)
    outer_wsgi, inner_wsgi = outer.wsgi_app, inner.wsgi_app
    inner.wsgi_app = DispatcherMiddleware(inner_wsgi, {"/outer": outer_wsgi})  # type: ignore[method-assign]
    outer.wsgi_app = DispatcherMiddleware(outer_wsgi, {"/inner": inner.wsgi_app})  # type: ignore[method-assign]
    client = outer.test_client()

    def get(path: str) -> list[int]:
        return [client.get(path, headers=bearer(mint(scope=scope))).status_code for scope in ("outer", "inner")]

    for _ in range(2):
        assert get("/x") == [200, 403]
        assert get("/inner/x") == [403, 200]
        assert get("/inner/outer/x") == [200, 403]
        assert client.get("/inner/x").status_code == 401


@over_kinds
@pytest.mark.parametrize("hooks", [0, 1])
def test_an_application_that_a_view_calls_guards_for_itself(make_app: MakeApp, mint: Mint, hooks: int) -> None:
    """Both applications see one WSGI environment, and a view of the outer one waits for the inner one."""
    auth = TokenAuth()
    outer, inner = make_app("outer", auth=auth), make_app("inner", auth=auth)
    for app in (outer, inner):
        for _ in range(hooks):
            app.before_request(lambda: None)

    def call_inner() -> Response:
        answer = Response(PlainResponse.from_app(inner.wsgi_app, request.environ).get_data())
        answer.headers["X-Outer"] = str(g.user_id)
        return answer

    outer.add_url_rule("/x", view_func=login_required(api_keys=True)(call_inner), endpoint="x")
    inner.add_url_rule("/x", view_func=require_scope("inner")(make_view()), endpoint="x")
    client = outer.test_client()

    for _ in range(2):
        assert client.get("/x").status_code == 401
        refused = client.get("/x", headers=bearer(mint()))
        assert (b"insufficient_scope" in refused.data, refused.headers["X-Outer"]) == (True, "alice")
        assert client.get("/x", headers=bearer(mint(scope="inner"))).text == "served"


# Settings of Flask that change how exceptions are answered

TRAPS: list[dict[str, Any]] = [
    {"TESTING": False},
    {"PROPAGATE_EXCEPTIONS": True},
    {"TRAP_HTTP_EXCEPTIONS": True},
    {"TRAP_BAD_REQUEST_ERRORS": True},
    {"DEBUG": True},
    {"DEBUG": True, "TESTING": False},
]


@pytest.mark.parametrize("config", TRAPS, ids=str)
@pytest.mark.parametrize("answered", [None, "answered"], ids=["no answer", "an answer"])
@pytest.mark.parametrize("guarding", GUARDINGS)
def test_no_setting_of_flask_changes_a_refusal(
    make_app: MakeApp, guarding: str, answered: str | None, config: dict[str, Any]
) -> None:
    served = serve(make_app, lambda: answered, guarding=guarding, **config)

    assert (served.get().status_code, served.get("a b").status_code, served.events) == (401, 400, [])


# Requests at the same time


@over_kinds
@pytest.mark.slow
@pytest.mark.parametrize("hooks", [(), (lambda: None,), (lambda: "answered",)], ids=["no hook", "a hook", "an answer"])
@each_guarding
def test_threads_do_not_change_each_others_order(
    make_app: MakeApp, mint: Mint, guarding: str, good: int, hooks: Any
) -> None:
    served = serve(make_app, *hooks, guarding=guarding)
    tokens = [None, mint(), "x.y.z", mint(sub="bob")] * 30

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda token: served.get(token).status_code, tokens))

    assert statuses == [401, good, 401, good] * 30
