"""Guards on functions that are no views, such as GraphQL resolvers and handlers of Flask-SocketIO.

``is_view=False`` says so. The guard then refuses where the function is called, and reports expect no route for it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import flask_socketio  # type: ignore[import-untyped]  # has no types
import graphene  # type: ignore[import-untyped]  # has no types
import pytest
from flask import Flask, g, request

from flask_tokenauth import (
    AuthError,
    NotAuthenticated,
    SettingsError,
    login_optional,
    login_required,
    public,
    require_claim,
    require_scope,
)

from ..conftest import NOW, MakeApp, Mint, StandingClock, bearer
from .kit import CLOSED, check_routes, report_routes
from .routes_kit import make_view, status

GUARDS = [
    login_required(is_view=False),
    login_required(max_age=60, is_view=False),
    require_scope("reports:read", is_view=False),
    require_claim("role", "editor", is_view=False),
]
each_guard = pytest.mark.parametrize("guard", GUARDS, ids=["login", "recent login", "scope", "claim"])
each_guard_and_optional = pytest.mark.parametrize(
    "guard", [*GUARDS, login_optional(is_view=False)], ids=["login", "recent login", "scope", "claim", "optional"]
)


# is_view


@each_guard
def test_it_refuses_where_the_function_is_called(make_app: MakeApp, mint: Mint, guard: Any) -> None:
    app, function = make_app(), guard(make_view())
    good = mint(role="editor", auth_time=NOW)

    with app.test_request_context(), pytest.raises(NotAuthenticated):
        function()
    with app.test_request_context(headers=bearer(good)):
        assert function() == "open"


def test_a_scope_that_is_not_declared_is_an_error_where_the_function_is_called(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(TOKENAUTH_SCOPES={"admin": "Do everything"})
    function = require_scope("admni", is_view=False)(make_view())

    with app.test_request_context(headers=bearer(mint())), pytest.raises(SettingsError, match="did you mean admin"):
        function()


def test_an_optional_login_refuses_a_bad_token_where_the_function_is_called(make_app: MakeApp) -> None:
    app, function = make_app(), login_optional(is_view=False)(make_view())

    with app.test_request_context(headers=bearer("x.y.z")), pytest.raises(NotAuthenticated):
        function()
    with app.test_request_context():
        assert function() == "open"


def test_a_coroutine_function_may_be_no_view_too(make_app: MakeApp, mint: Mint) -> None:
    app = make_app()

    @login_required(is_view=False)
    async def resolve() -> object:
        return g.user_id

    with app.test_request_context(headers=bearer(mint())):
        assert asyncio.run(resolve()) == "alice"
    with app.test_request_context(), pytest.raises(NotAuthenticated):
        asyncio.run(resolve())


@each_guard_and_optional
@pytest.mark.parametrize("context", [nullcontext, Flask.app_context], ids=["no context", "application context"])
def test_without_a_request_it_says_that_it_needs_one(
    make_app: MakeApp, guard: Any, context: Callable[[Flask], AbstractContextManager[object]]
) -> None:
    app, function = make_app(), guard(make_view())

    with context(app), pytest.raises(RuntimeError) as caught:
        function()

    assert str(caught.value) == (
        "a guarded function needs a request, and there is none: call it in a view, or use auth.verify for a token that "
        "came in another way"
    )


@pytest.mark.slow
@each_guard_and_optional
def test_the_check_expects_no_route(no_other_guards: None, make_app: MakeApp, guard: Any) -> None:
    app = make_app()
    kept = guard(make_view())

    assert (report_routes(app)["unreached"], check_routes(app)) == ([], 0)
    assert kept is not None


@pytest.mark.slow
@each_guard
def test_a_function_that_is_registered_as_a_view_nevertheless_is_guarded_and_shown(
    make_app: MakeApp, mint: Mint, guard: Any
) -> None:
    app, view = make_app(), make_view()
    app.add_url_rule("/below", view_func=guard(make_view()), endpoint="below")
    guard(app.get("/above", endpoint="above")(view))
    good = mint(role="editor", auth_time=NOW)

    assert [status(app, path, token) for path in ("/below", "/above") for token in (None, good)] == [401, 200] * 2
    assert [route["rule"] for route in report_routes(app)["routes"] if route["open"]] == []


def test_an_optional_login_that_is_no_view_does_not_lift_the_default_guard(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=login_optional(is_view=False)(make_view()), endpoint="x")

    assert status(app, "/x") == 401


def test_an_optional_login_that_is_no_view_does_not_count_as_opened_in_the_report(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/x", view_func=login_optional(is_view=False)(make_view()), endpoint="x")

    assert status(app, "/x", "x.y.z") == 401
    assert [route["rule"] for route in report_routes(app)["routes"] if route["open"]] == ["/x"]


@pytest.mark.parametrize(
    "decorate",
    [
        lambda is_view: login_required(is_view=is_view),
        lambda is_view: require_scope("a", is_view=is_view),
        lambda is_view: require_claim("role", "editor", is_view=is_view),
        lambda is_view: login_optional(is_view=is_view),
    ],
)
@pytest.mark.parametrize("is_view", [None, 0, "no"])
def test_is_view_must_be_a_boolean(decorate: Any, is_view: object) -> None:
    with pytest.raises(TypeError, match=f"^is_view must be True or False, got {type(is_view).__name__}$"):
        decorate(is_view)


def test_the_check_still_expects_a_route_for_other_guards(no_other_guards: None, make_app: MakeApp) -> None:
    app = make_app()
    kept = login_required(is_view=True)(make_view())

    result = app.test_cli_runner().invoke(args=["tokenauth", "routes", "--check"])

    [line] = [line for line in result.output.splitlines() if "REACHES NO ROUTE" in line]
    assert line.endswith(
        ": write it directly under the route decorator, or register the view; if it is no view, add is_view=False"
    )
    assert (result.exit_code, kept is None) == (1, False)


# GraphQL


def serve_graphql(app: Flask) -> None:
    """Serve a schema in which the names of fields are open, and two fields are guarded."""

    def resolve_me(root: object, info: object) -> object:
        return g.user_id

    def resolve_revenue(root: object, info: object) -> int:
        return 42

    fields: dict[str, Any] = {
        "hello": graphene.String(default_value="world"),
        "me": graphene.String(),
        "revenue": graphene.Int(),
        "resolve_me": login_required(is_view=False)(resolve_me),
        "resolve_revenue": require_scope("revenue:read", is_view=False)(resolve_revenue),
    }
    schema = graphene.Schema(query=type("Query", (graphene.ObjectType,), fields))

    @app.post("/graphql")
    @public
    def graphql() -> dict[str, object]:
        result = schema.execute(request.get_json()["query"])
        reasons = [getattr(error.original_error, "reason", None) for error in result.errors or []]
        return {"data": result.data, "reasons": reasons}


def ask(app: Flask, query: str, token: str | None) -> Any:
    headers = bearer(token) if token else {}
    return app.test_client().post("/graphql", json={"query": query}, headers=headers).get_json()


@pytest.mark.parametrize(
    ("token", "data", "reasons"),
    [
        (None, (None, None), ["credential_missing", "credential_missing"]),
        (lambda mint: "x.y.z", (None, None), ["token_malformed", "token_malformed"]),
        (lambda mint: mint(), ("alice", None), ["scope_insufficient"]),
        (lambda mint: mint(scope="revenue:read"), ("alice", 42), []),
    ],
)
def test_a_guarded_resolver_refuses_its_field_only(
    make_app: MakeApp,
    mint: Mint,
    token: Callable[[Mint], str] | None,
    data: tuple[object, object],
    reasons: list[str],
) -> None:
    app = make_app()
    serve_graphql(app)

    answer = ask(app, "{ hello me revenue }", token and token(mint))

    assert answer == {"data": {"hello": "world", "me": data[0], "revenue": data[1]}, "reasons": reasons}


def test_the_check_passes_with_guarded_resolvers(no_other_guards: None, make_app: MakeApp) -> None:
    app = make_app()
    serve_graphql(app)

    assert check_routes(app) == 0


# Flask-SocketIO


class Sockets:
    """A server with a handler for users and one for editors. *errors* are those that its error handler got."""

    def __init__(self, app: Flask, *, handles_errors: bool = True) -> None:
        self.app = app
        self.errors: list[Any] = []
        self.server = flask_socketio.SocketIO(app)
        self.server.on_event("whoami", login_required(is_view=False)(self._whoami))
        self.server.on_event("publish", require_scope("publish", is_view=False)(self._whoami))
        if handles_errors:
            self.server.on_error_default(self.errors.append)

    def connect(self, token: str | None) -> Any:
        return self.server.test_client(self.app, headers=bearer(token) if token else {})

    def _whoami(self) -> None:
        flask_socketio.emit("you", g.user_id)


def receive(client: Any) -> list[object]:
    return [event["args"][0] for event in client.get_received()]


def test_a_handler_gets_the_user_of_the_header_that_opened_the_connection(make_app: MakeApp, mint: Mint) -> None:
    sockets = Sockets(make_app())
    client = sockets.connect(mint())

    client.emit("whoami")

    assert (receive(client), sockets.errors) == (["alice"], [])


@pytest.mark.parametrize(
    ("token", "event", "reason"),
    [
        (None, "whoami", "credential_missing"),
        (lambda mint: "x.y.z", "whoami", "token_malformed"),
        (lambda mint: mint(), "publish", "scope_insufficient"),
    ],
)
def test_the_error_handler_gets_a_refusal_and_the_handler_does_not_run(
    make_app: MakeApp, mint: Mint, token: Callable[[Mint], str] | None, event: str, reason: str
) -> None:
    sockets = Sockets(make_app())
    client = sockets.connect(token and token(mint))

    client.emit(event)

    [error] = sockets.errors
    assert (isinstance(error, AuthError), error.reason, receive(client)) == (True, reason, [])


def test_without_an_error_handler_a_refusal_is_raised_in_the_server(make_app: MakeApp) -> None:
    client = Sockets(make_app(), handles_errors=False).connect(None)

    with pytest.raises(NotAuthenticated):
        client.emit("whoami")

    assert receive(client) == []


def test_the_token_of_a_connection_is_checked_at_each_event(
    make_app: MakeApp, mint: Mint, clock: StandingClock
) -> None:
    sockets = Sockets(make_app())
    client = sockets.connect(mint(exp=NOW + 60))
    client.emit("whoami")

    clock.now = NOW + 3600
    client.emit("whoami")

    assert (receive(client), [error.reason for error in sockets.errors]) == (["alice"], ["token_expired"])
    assert client.is_connected()


@pytest.mark.parametrize("handles_errors", [True, False])
def test_a_guard_on_the_connect_handler_refuses_only_without_an_error_handler(
    make_app: MakeApp,
    handles_errors: bool,  # noqa: FBT001
) -> None:
    """The error handler answers in place of the handler, and Flask-SocketIO takes that as consent."""
    sockets = Sockets(make_app(), handles_errors=handles_errors)
    sockets.server.on_event("connect", login_required(is_view=False)(make_view()))

    if handles_errors:
        assert sockets.connect(None).is_connected()
    else:
        with pytest.raises(NotAuthenticated):
            sockets.connect(None)


def test_the_check_passes_with_guarded_handlers(no_other_guards: None, make_app: MakeApp) -> None:
    app = make_app()
    sockets = Sockets(app)

    assert check_routes(app) == 0
    assert sockets.errors == []
