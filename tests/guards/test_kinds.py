"""The kinds of tokens that each guard accepts, wherever it stands."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from flask import Blueprint, Flask, g
from flask.views import MethodView

from flask_tokenauth import TokenAuth, login_optional, login_required, require_claim, require_scope, token_accepted
from flask_tokenauth.core.tokens.token import TokenKind
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp, Mint, bearer
from .kinds_kit import KINDS, add_api_key, looked_up, over_kinds
from .kit import Decorator, hide, report_routes
from .routes_kit import make_blueprint, make_view, status

JWT: tuple[TokenKind, ...] = ("jwt",)
REFERENCE: tuple[TokenKind, ...] = ("reference",)
API_KEY: tuple[TokenKind, ...] = ("api_key",)
OK = (200, None)
PLAIN = (403, "api_key_not_accepted")
OTHER_KIND = (403, "kind_not_accepted")
NO_SCOPE = (403, "scope_insufficient")
NO_CLAIM = (403, "claim_insufficient")
NO_LOGIN = (401, "login_too_old")
SCOPE = "reports:read"

Put = Callable[[Flask, Decorator], None]
Outcome = tuple[int, str | None]


class Case(NamedTuple):
    """A guard, and the status and the reason that a good token of each kind gets there."""

    name: str
    guard: Any  # returns the guard
    jwt: Outcome
    reference: Outcome
    api_key: Outcome


CASES = [
    Case("login", lambda: login_required, OK, OK, PLAIN),
    Case("login, keys too", lambda: login_required(api_keys=True), OK, OK, OK),
    Case("login, JWT", lambda: login_required(accept=JWT), OK, OTHER_KIND, OTHER_KIND),
    Case("login, reference", lambda: login_required(accept=REFERENCE), OTHER_KIND, OK, OTHER_KIND),
    Case("login, key", lambda: login_required(accept={"api_key"}), OTHER_KIND, OTHER_KIND, OK),
    Case("login, JWT or key", lambda: login_required(accept=("api_key", "jwt"), api_keys=True), OK, OTHER_KIND, OK),
    Case("scope", lambda: require_scope(SCOPE), OK, OK, OK),
    Case("one of some scopes", lambda: require_scope(any_of=["x", SCOPE]), OK, OK, OK),
    Case("missing scope", lambda: require_scope("admin"), NO_SCOPE, NO_SCOPE, NO_SCOPE),
    Case("scope, no key", lambda: require_scope(SCOPE, accept=("jwt", "reference")), OK, OK, OTHER_KIND),
    Case("scope, key", lambda: require_scope(SCOPE, accept=API_KEY), OTHER_KIND, OTHER_KIND, OK),
    Case("claim", lambda: require_claim("sub", "alice"), OK, OK, PLAIN),
    Case("claim, each kind", lambda: require_claim("sub", "alice", accept=KINDS), OK, OK, OK),
    Case("missing claim", lambda: require_claim("role", "x", accept=KINDS), NO_CLAIM, NO_CLAIM, NO_CLAIM),
    Case("recent login", lambda: login_required(max_age=60), OK, OK, NO_LOGIN),
    Case("recent login, JWT", lambda: login_required(max_age=60, accept=JWT), OK, OTHER_KIND, NO_LOGIN),
    Case("existing user", lambda: login_required(load_user=True), OK, OK, PLAIN),
    Case("existing user, keys too", lambda: login_required(load_user=True, api_keys=True), OK, OK, OK),
    Case("optional", lambda: login_optional, OK, OK, PLAIN),
    Case("optional, keys too", lambda: login_optional(api_keys=True), OK, OK, OK),
    Case("optional, reference", lambda: login_optional(accept=REFERENCE), OTHER_KIND, OK, OTHER_KIND),
    Case("optional, key", lambda: login_optional(accept=API_KEY), OTHER_KIND, OTHER_KIND, OK),
]


def whose() -> Callable[..., str]:
    return lambda **values: f"of {g.user_id}"


def put_on_view(app: Flask, guard: Decorator) -> None:
    app.add_url_rule("/x", "x", guard(whose()))


def put_above(app: Flask, guard: Decorator) -> None:
    guard(app.get("/x")(whose()))


def put_on_coroutine(app: Flask, guard: Decorator) -> None:
    async def view() -> str:
        return f"of {g.user_id}"

    app.add_url_rule("/x", "x", guard(view))


def put_on_method(app: Flask, guard: Decorator) -> None:
    views: Any = type("View", (MethodView,), {"get": guard(lambda self: f"of {g.user_id}")})
    app.add_url_rule("/x", view_func=views.as_view("x"))


def put_on_class(app: Flask, guard: Decorator) -> None:
    views: Any = guard(type("View", (MethodView,), {"get": lambda self: f"of {g.user_id}"}))
    app.add_url_rule("/x", view_func=views.as_view("x"))


def put_on_blueprint(app: Flask, guard: Decorator) -> None:
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    outer.before_request(guard(lambda: None))
    inner.add_url_rule("/x", "x", whose())
    outer.register_blueprint(inner)
    app.register_blueprint(outer)


def put_on_application(app: Flask, guard: Decorator) -> None:
    app.before_request(guard(lambda: None))
    app.add_url_rule("/x", "x", whose())


def put_hidden(app: Flask, guard: Decorator) -> None:
    app.add_url_rule("/x", "x", hide(guard(whose())))


def put_hidden_on_coroutine(app: Flask, guard: Decorator) -> None:
    async def view() -> str:
        return f"of {g.user_id}"

    app.add_url_rule("/x", "x", hide(guard(view)))


def put_in_view(app: Flask, guard: Decorator) -> None:
    function = guard(whose())
    app.add_url_rule("/x", "x", lambda: f"{function()}")


PLACES = [
    put_on_view,
    put_above,
    put_on_coroutine,
    put_on_method,
    put_on_class,
    put_on_blueprint,
    put_on_application,
    put_hidden,
    put_hidden_on_coroutine,
    put_in_view,
]
# An optional login above the route decorator is on another function than the view, and counts for nothing.
PLACED = [(put, case) for put in PLACES for case in CASES if put is not put_above or "optional" not in case.name]


@pytest.fixture
def accepted() -> Iterator[list[Any]]:
    """Return a list to which each signal ``token_accepted`` adds its user."""
    heard: list[Any] = []

    def listen(sender: object, user_id: Any, scopes: object) -> None:
        heard.append(user_id)

    with token_accepted.connected_to(listen):
        yield heard


@pytest.mark.parametrize(("put", "case"), PLACED, ids=lambda part: getattr(part, "name", None))
def test_a_guard_accepts_its_kinds_wherever_it_stands(
    make_app: MakeApp, mint: Mint, kind: TokenKind, *, case: Case, put: Put, reasons: list[str], accepted: list[Any]
) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(lambda user_id: {"name": user_id})
    app = make_app(auth=auth)
    put(app, case.guard())
    expected: Outcome = getattr(case, kind)

    answer = app.test_client().get("/x", headers=bearer(mint(auth_time=NOW)))

    assert (answer.status_code, next(iter(reasons), None)) == expected
    assert len(reasons) == (expected != OK)
    if expected == OK:
        assert answer.text == "of alice"
        assert accepted == ["alice"]


Chain = list[Decorator]


@pytest.mark.parametrize(
    ("guards", "expected"),
    [
        (lambda: [login_required, require_scope(SCOPE)], OK),
        (lambda: [require_scope(SCOPE), login_required], OK),
        (lambda: [require_scope(SCOPE), login_required(load_user=True)], OK),
        (lambda: [require_claim("sub", "alice"), require_scope(SCOPE)], OK),
        (lambda: [login_required, require_scope("admin")], NO_SCOPE),
        (lambda: [login_required(api_keys=True), login_required], PLAIN),
        (lambda: [login_required, login_required(api_keys=True)], PLAIN),
        (lambda: [login_required(api_keys=True), require_claim("sub", "alice")], PLAIN),
        (lambda: [login_required(max_age=60), require_scope(SCOPE)], NO_LOGIN),
        (lambda: [require_scope(SCOPE), login_required(max_age=60)], NO_LOGIN),
        (lambda: [require_scope(SCOPE), login_required(accept=JWT)], OTHER_KIND),
        (lambda: [login_required(accept=JWT), require_scope(SCOPE)], OTHER_KIND),
        (lambda: [require_scope(SCOPE, accept=API_KEY), login_required(accept=("api_key", "jwt"))], OK),
        (lambda: [require_scope("a", accept=JWT), require_scope(SCOPE)], OTHER_KIND),
    ],
)
@pytest.mark.parametrize("spread", [False, True], ids=["on the view", "on a function before it too"])
def test_an_api_key_needs_a_scope_or_the_word_of_each_guard(
    make_app: MakeApp, store: MemoryStore, *, guards: Callable[[], Chain], expected: Outcome, spread: bool, reasons: Any
) -> None:
    auth: TokenAuth[str] = TokenAuth()
    auth.user_loader(lambda user_id: {"name": user_id})
    app, view = make_app(auth=auth, **looked_up(store)), whose()
    first, *others = guards()
    if spread:
        app.before_request(first(lambda: None))
    else:
        view = first(view)
    for guard in others:
        view = guard(view)
    app.add_url_rule("/x", "x", view)

    answer = app.test_client().get("/x", headers=bearer(add_api_key(store)))

    assert (answer.status_code, next(iter(reasons), None)) == expected


PROTECTED: list[tuple[list[str], dict[str, Any], dict[TokenKind, Outcome]]] = [
    ([], {}, {"jwt": OK, "reference": OK, "api_key": PLAIN}),
    ([], {"api_keys": True}, {"jwt": OK, "reference": OK, "api_key": OK}),
    ([], {"accept": REFERENCE}, {"jwt": OTHER_KIND, "reference": OK, "api_key": OTHER_KIND}),
    ([], {"accept": API_KEY}, {"jwt": OTHER_KIND, "reference": OTHER_KIND, "api_key": OK}),
    ([SCOPE], {}, {"jwt": OK, "reference": OK, "api_key": OK}),
    ([], {"any_of": [SCOPE, "x"]}, {"jwt": OK, "reference": OK, "api_key": OK}),
    ([SCOPE], {"accept": (*JWT, *REFERENCE)}, {"jwt": OK, "reference": OK, "api_key": OTHER_KIND}),
    (["admin"], {"api_keys": True}, {"jwt": NO_SCOPE, "reference": NO_SCOPE, "api_key": NO_SCOPE}),
]


@pytest.mark.parametrize("nested", [False, True], ids=["outer", "nested"])
@pytest.mark.parametrize(("scopes", "options", "expected"), PROTECTED)
def test_a_protected_blueprint_accepts_its_kinds(
    make_app: MakeApp,
    mint: Mint,
    kind: TokenKind,
    reasons: Any,
    *,
    nested: bool,
    scopes: Any,
    options: Any,
    expected: Any,
) -> None:
    auth, blueprint, outer = TokenAuth(), make_blueprint(), Blueprint("outer", __name__)
    auth.protect(blueprint, *scopes, **options)
    if nested:
        outer.register_blueprint(blueprint)
    app = make_app(auth=auth)
    app.register_blueprint(outer if nested else blueprint)

    got = status(app, "/api", mint())

    assert (got, next(iter(reasons), None)) == expected[kind]


@over_kinds
def test_a_view_for_scopes_opens_no_other_view_of_its_class(make_app: MakeApp, mint: Mint, plain: int) -> None:
    class Reports(MethodView):
        @require_scope(SCOPE)
        def get(self) -> str:
            return "open"

        @login_required
        def post(self) -> str:
            return "open"

    app = make_app()
    app.add_url_rule("/x", view_func=Reports.as_view("x"))

    assert [status(app, "/x", mint(), method) for method in ("GET", "HEAD", "POST")] == [200, 200, plain]


# In the report


def test_the_report_shows_the_kinds(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(**looked_up(store))
    guards = {
        "/1": login_required,
        "/2": login_required(api_keys=True),
        "/3": require_scope("a", accept=("api_key", "jwt")),
        "/4": require_claim("role", "x", accept=REFERENCE),
        "/5": require_scope("a"),
    }
    for path, guard in guards.items():
        app.add_url_rule(path, path, guard(make_view()))

    shown = {route["rule"]: route["requires"] for route in report_routes(app)["routes"]}

    assert [shown[path] for path in guards] == [
        ["login"],
        ["login (API keys too)"],
        ["a (only jwt, api_key)"],
        ['claim role: "x" (only reference)'],
        ["a"],
    ]


def test_the_report_shows_the_kinds_of_an_optional_login(
    no_other_guards: None, make_app: MakeApp, store: MemoryStore
) -> None:
    app = make_app(**looked_up(store))
    app.add_url_rule("/1", "1", login_optional(api_keys=True)(make_view()))
    app.add_url_rule("/2", "2", login_optional(make_view()))
    app.add_url_rule("/3", "3", login_optional(accept=REFERENCE)(make_view()))

    output = app.test_cli_runner().invoke(args=["tokenauth", "routes"]).output

    assert {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in output.splitlines()} == {
        "GET /1": "optional login (API keys too)",
        "GET /2": "optional login",
        "GET /3": "optional login (only reference)",
        "GET /static/<path:filename>": "static files",
    }


def test_the_json_report_lists_the_kinds_that_each_route_accepts(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(TOKENAUTH_PUBLIC_ENDPOINTS=["static"], **looked_up(store))
    app.add_url_rule("/open", "open", make_view())
    app.add_url_rule("/login", "login", login_required(make_view()))
    app.add_url_rule("/scope", "scope", require_scope("a")(make_view()))
    app.add_url_rule("/jwt", "jwt", require_scope("a", accept=JWT)(login_required(make_view())))
    app.add_url_rule("/optional", "optional", login_optional(accept=("reference", "api_key"))(make_view()))

    shown = {route["rule"]: route["accepts"] for route in report_routes(app)["routes"]}

    assert (shown["/open"], shown["/login"]) == (["jwt", "reference"], ["jwt", "reference"])
    assert (shown["/scope"], shown["/jwt"]) == (["jwt", "reference", "api_key"], ["jwt"])
    assert shown["/optional"] == ["reference", "api_key"]


def test_the_json_report_lists_no_kind_that_is_not_configured(make_app: MakeApp) -> None:
    bare, with_store = make_app(), make_app(TOKENAUTH_STORE="memory://")
    for app in (bare, with_store):
        app.add_url_rule("/x", "x", require_scope("a")(make_view()))

    shown = [route["accepts"] for app in (bare, with_store) for route in report_routes(app)["routes"][1:]]

    assert shown == [["jwt"], ["jwt", "reference"]]
