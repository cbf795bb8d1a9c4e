"""Which routes accept tickets: those whose guards all name them. Elsewhere the parameter is not even read."""

from typing import Any, ClassVar

import pytest
from flask import Blueprint, Flask, Request
from flask.views import MethodView

from flask_tokenauth import TokenAuth, login_optional, login_required, public, require_claim, require_scope
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp, Mint, bearer
from .kinds_kit import HEADER, add_api_key, looked_up
from .kit import CLOSED, report_routes
from .ticket_kit import ACCEPT, ALICE, NOBODY, get, make_ticket, show_caller, with_ticket

ACCEPTING: dict[str, Any] = {
    "login_required": login_required(accept=ACCEPT),
    "require_scope": require_scope("reports:read", accept=ACCEPT),
    "any_of": require_scope(any_of=["reports:read", "admin"], accept=ACCEPT),
    "require_claim": require_claim("client_id", "https://issuer.example", accept=ACCEPT),
    "login_optional": login_optional(accept=ACCEPT),
    "tickets alone": login_required(accept=["ticket"]),
    "two guards": lambda view: login_required(accept=ACCEPT)(require_scope("reports:read", accept=["ticket"])(view)),
}
CLOSED_TO_TICKETS: dict[str, Any] = {
    "login_required": login_required,
    "require_scope": require_scope("reports:read"),
    "require_claim": require_claim("client_id", "https://issuer.example"),
    "api_keys": login_required(api_keys=True),
    "other kinds": login_required(accept=("jwt", "reference", "api_key")),
    "a recent login": login_required(max_age=60),
    "one of two is silent": lambda view: login_required(accept=ACCEPT)(require_scope("reports:read")(view)),
    "one of two needs a recent login": lambda view: login_required(accept=ACCEPT)(login_required(max_age=60)(view)),
}
OPEN: dict[str, Any] = {"open": lambda view: view, "public": public, "login_optional": login_optional}


class Unreadable(Request):
    """A request whose query cannot be read."""

    args: Any = None


def guarded(make_app: MakeApp, guard: Any, **config: Any) -> Flask:
    """Return an application with a view at ``/x`` for all methods."""
    app = make_app(**config)
    app.add_url_rule("/x", "x", guard(show_caller()), methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    return app


@pytest.fixture
def store(clock: Any) -> MemoryStore:
    return MemoryStore(clock=lambda: int(clock() * 1000))


@pytest.mark.parametrize("guard", ACCEPTING.values(), ids=ACCEPTING)
def test_a_route_whose_guards_all_name_tickets_accepts_one(make_app: MakeApp, mint: Mint, guard: Any) -> None:
    app = guarded(make_app, guard)

    response = get(app, make_ticket(mint))

    assert (response.status_code, response.json) == (200, ALICE)


@pytest.mark.parametrize("guard", CLOSED_TO_TICKETS.values(), ids=CLOSED_TO_TICKETS)
def test_a_guard_that_does_not_name_tickets_closes_its_route(
    make_app: MakeApp, mint: Mint, reasons: list[str], guard: Any
) -> None:
    app = guarded(make_app, guard)
    app.request_class = Unreadable

    response = get(app, make_ticket(mint))

    assert response.status_code == 401
    assert reasons == ["credential_missing"]
    assert "Referrer-Policy" not in response.headers


@pytest.mark.parametrize("guard", OPEN.values(), ids=OPEN)
def test_where_no_guard_names_tickets_the_request_is_anonymous(make_app: MakeApp, mint: Mint, guard: Any) -> None:
    app = guarded(make_app, guard)
    app.request_class = Unreadable

    response = get(app, make_ticket(mint))

    assert (response.status_code, response.json) == (200, NOBODY)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("guard", [login_required(accept=ACCEPT), require_scope("reports:read", accept=ACCEPT)])
def test_a_ticket_changes_nothing(make_app: MakeApp, mint: Mint, guard: Any, method: str) -> None:
    app = guarded(make_app, guard)
    app.request_class = Unreadable

    response = app.test_client().open(with_ticket(make_ticket(mint)), method=method)

    assert response.status_code == 401


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_optional_login_sees_no_ticket_if_the_method_may_change_something(
    make_app: MakeApp, mint: Mint, method: str
) -> None:
    app = guarded(make_app, login_optional(accept=ACCEPT))

    assert app.test_client().open(with_ticket(make_ticket(mint)), method=method).json == NOBODY


def test_a_ticket_is_good_for_head(make_app: MakeApp, mint: Mint) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT))

    assert app.test_client().head(with_ticket(make_ticket(mint))).status_code == 200


def test_options_reads_no_ticket(make_app: MakeApp, mint: Mint) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT))
    app.add_url_rule("/own", "own", login_required(accept=ACCEPT)(show_caller()), methods=["OPTIONS"])
    app.request_class = Unreadable
    client = app.test_client()

    assert client.options(with_ticket(make_ticket(mint))).status_code == 200
    assert client.options(with_ticket(make_ticket(mint, "/own"), "/own")).status_code == 401


def test_a_request_without_a_ticket_is_refused_as_without_any_credential(make_app: MakeApp, reasons: list[str]) -> None:
    app = guarded(make_app, require_scope("reports:read", accept=ACCEPT))

    response = app.test_client().get("/x?other=1")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="https://issuer.example", scope="reports:read"'
    assert reasons == ["credential_missing"]
    assert "Referrer-Policy" not in response.headers


def test_an_optional_login_lets_requests_without_a_ticket_pass(make_app: MakeApp) -> None:
    app = guarded(make_app, login_optional(accept=ACCEPT))

    assert app.test_client().get("/x").json == NOBODY


def test_an_optional_login_refuses_a_bad_ticket(make_app: MakeApp, mint: Mint, reasons: list[str]) -> None:
    app = guarded(make_app, login_optional(accept=ACCEPT))

    assert get(app, make_ticket(mint, "/other")).status_code == 401
    assert reasons == ["ticket_wrong_path"]


def test_access_tokens_open_a_route_that_accepts_tickets(make_app: MakeApp, mint: Mint) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT))

    assert app.test_client().get("/x", headers=bearer(mint())).json == {**ALICE, "kind": "jwt"}


def test_a_route_for_tickets_alone_refuses_access_tokens(make_app: MakeApp, mint: Mint, reasons: list[str]) -> None:
    app = guarded(make_app, login_required(accept=["ticket"]))

    assert app.test_client().get("/x", headers=bearer(mint())).status_code == 403
    assert reasons == ["kind_not_accepted"]


@pytest.mark.parametrize(
    ("header", "status", "reason"),
    [
        ("Bearer ", 400, "credential_malformed"),
        ("Bearer x", 401, "token_malformed"),
        ("Bearer a b", 400, "credential_malformed"),
        ("Bearer rt1_x", 401, "refresh_token_sent"),
        ("Basic YTpi", 401, "scheme_unsupported"),
        ("x", 401, "scheme_missing"),
        ("", 401, "credential_missing"),
    ],
)
def test_a_bad_authorization_header_hides_the_ticket(
    make_app: MakeApp, mint: Mint, reasons: list[str], *, header: str, status: int, reason: str
) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT))
    app.request_class = Unreadable

    response = get(app, make_ticket(mint), headers={"Authorization": header})

    assert (response.status_code, reasons) == (status, [reason])


def test_a_good_token_hides_the_ticket(make_app: MakeApp, mint: Mint) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT))
    app.request_class = Unreadable

    response = get(app, make_ticket(mint), headers=bearer(mint(sub="bob")))

    assert response.json == {**ALICE, "user_id": "bob", "kind": "jwt"}


@pytest.mark.parametrize(("is_good", "status"), [(True, 403), (False, 401)])
def test_an_api_key_in_its_header_hides_the_ticket(
    make_app: MakeApp, mint: Mint, store: MemoryStore, *, is_good: bool, status: int
) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT), **looked_up(store))
    app.request_class = Unreadable
    key = add_api_key(store)

    response = get(app, make_ticket(mint), headers={HEADER: key if is_good else key[:-1]})

    assert response.status_code == status


@pytest.mark.parametrize("count", [2, 3])
def test_several_tickets_are_a_malformed_request(make_app: MakeApp, mint: Mint, reasons: list[str], count: int) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT))
    ticket = make_ticket(mint)

    response = app.test_client().get("/x?" + "&".join([f"ticket={ticket}"] * count))

    assert response.status_code == 400
    assert response.json is not None
    assert response.json["error"] == "invalid_request"
    assert reasons == ["ticket_twice"]
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_a_second_ticket_with_another_spelling_of_the_name_counts(make_app: MakeApp, mint: Mint) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT))
    ticket = make_ticket(mint)

    assert app.test_client().get(f"/x?ticket={ticket}&%74icket={ticket}").status_code == 400
    assert app.test_client().get(f"/x?ticket={ticket}&Ticket={ticket}").status_code == 200


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_protected_blueprint_has_to_name_tickets_too(make_app: MakeApp, mint: Mint, *, is_silent: bool) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app, blueprint = make_app(auth=auth), Blueprint("b", __name__)
    blueprint.add_url_rule("/x", "x", require_scope("reports:read", accept=ACCEPT)(show_caller()))
    auth.protect(blueprint, accept=None if is_silent else ACCEPT)
    app.register_blueprint(blueprint)

    assert get(app, make_ticket(mint)).status_code == (401 if is_silent else 200)


def test_a_protected_blueprint_that_names_tickets_opens_its_views(make_app: MakeApp, mint: Mint) -> None:
    auth: TokenAuth[str] = TokenAuth()
    app, blueprint = make_app(auth=auth), Blueprint("b", __name__)
    blueprint.add_url_rule("/x", "x", show_caller())
    auth.protect(blueprint, "reports:read", accept=ACCEPT)
    app.register_blueprint(blueprint)

    assert get(app, make_ticket(mint)).json == ALICE


def test_the_default_guard_accepts_no_tickets(make_app: MakeApp, mint: Mint) -> None:
    app = guarded(make_app, lambda view: view, **CLOSED)
    app.add_url_rule("/own", "own", login_required(accept=ACCEPT)(show_caller()))

    assert get(app, make_ticket(mint)).status_code == 401
    assert get(app, make_ticket(mint, "/own"), "/own").json == ALICE


@pytest.mark.parametrize(("guard", "status"), [(login_required(accept=ACCEPT), 200), (login_required, 401)])
def test_a_method_of_a_class_accepts_tickets_if_its_class_does_too(
    make_app: MakeApp, mint: Mint, guard: Any, status: int
) -> None:
    class Views(MethodView):
        decorators: ClassVar[Any] = [guard]

        @require_scope("reports:read", accept=ACCEPT)
        def get(self) -> dict[str, object]:
            return show_caller()()

    app = make_app()
    app.add_url_rule("/x", view_func=Views.as_view("x"))

    assert get(app, make_ticket(mint)).status_code == status


@pytest.mark.parametrize(("guard", "status"), [(login_required, 401), (login_required(accept=ACCEPT), 200)])
def test_a_guard_on_a_function_before_the_view_has_to_name_tickets_too(
    make_app: MakeApp, mint: Mint, guard: Any, status: int
) -> None:
    app = guarded(make_app, require_scope("reports:read", accept=ACCEPT))
    app.before_request(guard(lambda: None))

    assert get(app, make_ticket(mint)).status_code == status


def test_a_guard_before_the_view_opens_a_view_without_a_guard(make_app: MakeApp, mint: Mint) -> None:
    app = guarded(make_app, lambda view: view)
    app.before_request(login_required(accept=ACCEPT)(lambda: None))

    assert get(app, make_ticket(mint)).json == ALICE


@pytest.mark.parametrize("view_guard", [login_required(accept=ACCEPT), login_optional(accept=ACCEPT)])
def test_an_optional_login_before_the_view_has_to_name_tickets_too(
    make_app: MakeApp, mint: Mint, view_guard: Any
) -> None:
    silent, naming = guarded(make_app, view_guard), guarded(make_app, view_guard)
    silent.before_request(login_optional(lambda: None))
    naming.before_request(login_optional(accept=ACCEPT)(lambda: None))
    silent.request_class = Unreadable

    assert get(silent, make_ticket(mint)).json != ALICE
    assert get(naming, make_ticket(mint)).json == ALICE


def test_optional_logins_before_the_view_alone_accept_tickets_if_all_of_them_do(make_app: MakeApp, mint: Mint) -> None:
    one, both = guarded(make_app, lambda view: view), guarded(make_app, lambda view: view)
    for app, kinds in ((one, None), (both, ACCEPT)):
        app.before_request(login_optional(accept=ACCEPT)(lambda: None))
        app.before_request(login_optional(accept=kinds)(lambda: None))

    assert get(one, make_ticket(mint)).json == NOBODY
    assert get(both, make_ticket(mint)).json == ALICE


@pytest.mark.parametrize(
    ("guard", "status"),
    [
        (login_required(is_view=False), 403),
        (require_scope("reports:read", is_view=False), 403),
        (login_required(accept=ACCEPT, is_view=False), 200),
        (login_optional(accept=ACCEPT, is_view=False), 200),
        (login_optional(is_view=False), 403),
        (require_scope("admin", accept=ACCEPT, is_view=False), 403),
    ],
)
def test_a_guarded_function_within_the_view_decides_by_its_own_kinds(
    make_app: MakeApp, mint: Mint, guard: Any, status: int
) -> None:
    function = guard(show_caller())

    def view() -> object:
        return function()

    app = guarded(make_app, lambda _: login_required(accept=ACCEPT)(view))

    assert get(app, make_ticket(mint)).status_code == status


@pytest.mark.parametrize("view_guard", [lambda view: view, public, login_optional])
def test_a_guarded_function_does_not_open_a_route_for_tickets(make_app: MakeApp, mint: Mint, view_guard: Any) -> None:
    function = login_required(accept=ACCEPT, is_view=False)(show_caller())

    def view() -> object:
        return function()

    app = guarded(make_app, lambda _: view_guard(view))
    app.request_class = Unreadable

    assert get(app, make_ticket(mint)).status_code == 401


def test_routes_shows_where_tickets_are_accepted(make_app: MakeApp) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT))
    app.add_url_rule("/maybe", "maybe", login_optional(accept=("jwt", "ticket"))(show_caller()))
    app.add_url_rule("/silent", "silent", login_required(show_caller()))

    accepted = {(route["method"], route["rule"]): route["accepts"] for route in report_routes(app)["routes"]}

    assert accepted["GET", "/x"] == ["jwt", "ticket"]
    assert accepted["POST", "/x"] == ["jwt"]
    assert accepted["GET", "/maybe"] == ["jwt", "ticket"]
    assert accepted["GET", "/silent"] == ["jwt"]
    written = app.test_cli_runner().invoke(args=["tokenauth", "routes"]).output
    assert "login (only jwt, reference, ticket)" in written
    assert "optional login (only jwt, ticket)" in written
