"""The guard matrix: a guard in any position, on any kind of route, guards it, or ``routes --check`` reports the
route.
"""

from typing import Any, NoReturn

import pytest
from flask import Flask, abort
from flask.views import MethodView

from flask_tokenauth import login_required, public, require_claim, require_scope
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import Mint, bearer
from ..encryption_kit import EncryptedMint, keys_setting
from .kinds_kit import add_api_key, looked_up, over_kinds
from .kit import (
    CLOSED,
    CREDENTIALS,
    GUARD,
    Built,
    Cell,
    Decorator,
    Fate,
    Headers,
    check_routes,
    class_of,
    hide,
    leave,
    make_view,
    open_app,
)
from .shapes import SHAPES

CELLS = [Cell(shape, placement, url) for shape in SHAPES for placement in shape.placements for url in shape.urls]
GUARDING, NAMED, EITHER = ([cell for cell in CELLS if cell.fate is fate] for fate in Fate)
EXHAUSTIVE = [getattr(pytest.mark, name) for name in ("slow", "once", "uncovered", "dependencies")]  # of Flask


def for_each(cells: list[Cell], *, once: bool = False) -> pytest.MarkDecorator:
    """Run a test for each of the *cells*. The fast run has two of each shape: one below and one above the route
    decorator. With *once* it has only one of each shape. The run with coverage has also one cell with each thing that
    may stand between guard and route.
    """
    fast = {(cell.shape.name, once or cell.placement.above): cell for cell in reversed(cells)}.values()
    covered = {cell.placement.between: cell for cell in reversed(cells)}.values()

    def marks_of(cell: Cell) -> Any:
        return () if cell in fast else pytest.mark.slow if cell in covered else EXHAUSTIVE

    return pytest.mark.parametrize("cell", [pytest.param(cell, id=str(cell), marks=marks_of(cell)) for cell in cells])


@pytest.mark.parametrize(("credential", "status"), CREDENTIALS)
@for_each(GUARDING)
def test_a_guard_guards(cell: Cell, credential: Headers, status: int, mint: Mint) -> None:
    assert cell.build().get(credential(mint)) == status


THIN = {(cell.shape.name, cell.is_visible): cell for cell in reversed(GUARDING) if not cell.placement.above}.values()


@over_kinds
@pytest.mark.parametrize("cell", THIN, ids=str)
def test_a_guard_guards_against_tokens_of_each_kind(cell: Cell, mint: Mint, store: MemoryStore) -> None:
    built = cell.build(**looked_up(store))

    assert [built.get(bearer(text)) for text in (mint(), mint(scope="other"), mint()[:-8] + "AAAAAAAA")] == [
        200,
        403,
        401,
    ]


@pytest.mark.slow
@pytest.mark.parametrize("cell", THIN, ids=str)
def test_a_guard_guards_against_encrypted_tokens(cell: Cell, mint: Mint) -> None:
    built, encrypted = cell.build(**keys_setting()), EncryptedMint(mint.key)
    texts = (encrypted(), encrypted(scope="other"), encrypted()[:-8] + "AAAAAAAA", mint())

    assert [built.get(bearer(text)) for text in texts] == [200, 403, 401, 401]


@pytest.mark.slow
@pytest.mark.parametrize("cell", THIN, ids=str)
def test_no_api_key_opens_a_guard_that_says_nothing_about_them(cell: Cell, store: MemoryStore) -> None:
    built = cell.build(login_required, **looked_up(store))

    assert built.get(bearer(add_api_key(store))) == 403


@pytest.mark.slow
@for_each(GUARDING)
def test_a_guard_for_a_claim_guards(cell: Cell, mint: Mint) -> None:
    built = cell.build(require_claim("role", "editor"))

    assert [built.get(headers) for headers in ({}, bearer(mint()), bearer(mint(role="editor")))] == [401, 403, 200]


@for_each(GUARDING)
def test_a_guard_guards_head_too(cell: Cell) -> None:
    assert cell.build().app.test_client().head(cell.url).status_code == 401


@pytest.mark.parametrize(("credential", "status"), CREDENTIALS)
@for_each(EITHER)
def test_a_guard_guards_or_the_report_names_the_route(cell: Cell, credential: Headers, status: int, mint: Mint) -> None:
    built = cell.build()

    assert built.get(credential(mint)) == status or built.is_named()


@pytest.mark.slow
@for_each(NAMED)
def test_the_report_calls_a_route_open_if_its_guard_cannot_reach_it(cell: Cell) -> None:
    built = cell.build()

    assert built.is_called_open()
    assert check_routes(built.app) == 1


@pytest.mark.slow
@for_each(NAMED)
def test_the_report_lists_a_guard_that_reaches_no_route(cell: Cell) -> None:
    assert cell.build().is_called_unreached()


@pytest.mark.slow
@for_each([cell for cell in CELLS if cell.is_visible])
def test_the_report_shows_the_scopes_of_a_visible_guard(cell: Cell) -> None:
    built = cell.build()

    route = built.route("GET")

    assert (route["requires"], route["open"], route["public"]) == (["reports:read"], False, False)
    assert not built.is_called_unreached()


@pytest.mark.parametrize(("credential", "status"), CREDENTIALS[:2])
@for_each(CELLS)
def test_the_default_guard_closes_every_cell(cell: Cell, credential: Headers, status: int, mint: Mint) -> None:
    assert cell.build(TOKENAUTH_DEFAULT_GUARD="login_required").get(credential(mint)) == status


@for_each(CELLS)
def test_the_default_guard_never_refuses_automatic_options(cell: Cell) -> None:
    answer = cell.build(TOKENAUTH_DEFAULT_GUARD="login_required").app.test_client().options(cell.url)

    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (200, True)


# Applications with ``before_request`` functions of their own


def do_nothing() -> None:
    pass


def answer_all() -> str:
    return "answered"


def raise_conflict() -> NoReturn:
    abort(409)


FEW_CREDENTIALS = [
    CREDENTIALS[0],
    CREDENTIALS[-1],
    *(pytest.param(*param.values, id=param.id, marks=EXHAUSTIVE) for param in CREDENTIALS[1:-1]),
]
positions = pytest.mark.parametrize("position", [pytest.param("before", marks=EXHAUSTIVE), "after"])


@pytest.mark.slow
@pytest.mark.parametrize(("credential", "status"), FEW_CREDENTIALS)
@for_each(GUARDING, once=True)
def test_a_guard_guards_between_hooks(cell: Cell, credential: Headers, status: int, mint: Mint) -> None:
    assert cell.build(before=do_nothing, after=do_nothing).get(credential(mint)) == status


@pytest.mark.slow
@positions
@pytest.mark.parametrize(("credential", "status"), FEW_CREDENTIALS)
@for_each([cell for cell in CELLS if cell.is_visible], once=True)
def test_an_answer_of_a_hook_needs_what_the_view_requires(
    cell: Cell, credential: Headers, status: int, position: str, mint: Mint
) -> None:
    """A guard that the registered view does not show cannot refuse the answer: it never runs."""
    app = cell.build(**{position: answer_all}).app

    answer = app.test_client().get(cell.url, headers=credential(mint))

    assert (answer.status_code, "answered" in answer.text) == (status, status == 200)


@positions
@for_each(CELLS, once=True)
def test_the_default_guard_refuses_the_answer_of_a_hook_in_every_cell(cell: Cell, position: str) -> None:
    app = cell.build(TOKENAUTH_DEFAULT_GUARD="login_required", **{position: answer_all}).app

    answer = app.test_client().get(cell.url)

    assert (answer.status_code, "answered" in answer.text) == (401, False)


@positions
@for_each(CELLS, once=True)
def test_an_exception_of_a_hook_stands_in_every_cell(cell: Cell, position: str, mint: Mint) -> None:
    built = cell.build(**{position: raise_conflict})

    assert (built.get({}), built.get(bearer(mint()))) == (409, 409)


@positions
@for_each(CELLS, once=True)
def test_a_guard_on_a_hook_guards_every_cell(cell: Cell, position: str, mint: Mint) -> None:
    built = cell.build(**{position: login_required(lambda: None)})

    assert (built.get({}), built.get(bearer(mint()))) == (401, 200)


def test_the_report_names_decorators_added_to_a_class_after_its_registration() -> None:
    app, cls = open_app(Flask("tests")), class_of(MethodView, make_view())

    app.add_url_rule("/x", view_func=cls.as_view("x"))
    cls.decorators = [GUARD]

    assert Built(app, "/x", cls.__name__).is_named()


def test_guards_on_a_class_a_method_and_in_decorators_add_up(mint: Mint) -> None:
    app = open_app(Flask("tests"))
    guarded = class_of(MethodView, require_scope("a")(make_view()), decorators=[require_scope("b")])
    cls: Any = require_scope("c")(guarded)
    app.add_url_rule("/x", view_func=cls.as_view("x"))
    built = Built(app, "/x", cls.__name__)

    assert built.get(bearer(mint(scope="b c"))) == 403
    assert built.get(bearer(mint(scope="a c"))) == 403
    assert built.get(bearer(mint(scope="a b"))) == 403
    assert built.get(bearer(mint(scope="a b c"))) == 200


def test_a_guard_on_one_method_does_not_guard_the_others() -> None:
    app, view = open_app(Flask("tests")), make_view()
    app.add_url_rule("/x", view_func=class_of(MethodView, GUARD(make_view()), post=view).as_view("x"))
    built, client = Built(app, "/x", "GET"), app.test_client()

    assert (client.get("/x").status_code, client.post("/x").status_code) == (401, 200)
    assert (built.route("GET")["open"], built.route("POST")["open"]) == (False, True)
    assert check_routes(app) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_mark_alone_guards_a_method(method: str) -> None:
    app, view = open_app(Flask("tests")), make_view()
    app.add_url_rule("/x", view_func=class_of(MethodView, view).as_view("x"))

    GUARD(view)

    assert app.test_client().open("/x", method=method).status_code == 401


def test_a_guard_on_get_does_not_guard_a_separate_head_method() -> None:
    app, view = open_app(Flask("tests")), make_view()
    app.add_url_rule("/x", view_func=class_of(MethodView, GUARD(make_view()), head=view).as_view("x"))

    assert app.test_client().head("/x").status_code == 200
    assert Built(app, "/x", "HEAD").route("HEAD")["open"]


def test_a_public_get_does_not_open_a_separate_head_method() -> None:
    views = class_of(MethodView, public(make_view()), head=make_view())
    open_by_default, closed = open_app(Flask("tests")), open_app(Flask("tests"), **CLOSED)
    for app in open_by_default, closed:
        app.add_url_rule("/x", view_func=views.as_view("x"))

    assert Built(open_by_default, "/x", "HEAD").route("HEAD")["open"]
    assert closed.test_client().get("/x").status_code == 200
    assert closed.test_client().head("/x").status_code == 401


@pytest.mark.parametrize("wrap", [leave, hide], ids=["guarded", "guarded and hidden"])
def test_a_view_that_is_replaced_between_requests_is_guarded(wrap: Decorator) -> None:
    app = open_app(Flask("tests"))
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")
    client = app.test_client()
    assert client.get("/x").status_code == 200

    app.view_functions["x"] = wrap(login_required(make_view()))

    assert client.get("/x").status_code == 401


def test_a_mark_alone_guards_a_view_that_replaces_an_open_one() -> None:
    app, marked = open_app(Flask("tests")), make_view()
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")
    client = app.test_client()
    assert client.get("/x").status_code == 200

    login_required(marked)
    app.view_functions["x"] = marked

    assert client.get("/x").status_code == 401
