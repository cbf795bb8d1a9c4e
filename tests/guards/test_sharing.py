"""``@shareable``: the answers of a view that are the same for everyone."""

from typing import Any

import pytest
from flask import Flask, Response, abort, redirect
from flask.views import MethodView, View

from flask_tokenauth import SettingsError, login_required, public, shareable

from ..conftest import MakeApp, Mint, bearer
from .hooks_kit import Recorder


def answer() -> Response:
    return Response("tea: 3", headers={"Cache-Control": "public, no-cache"})


def make_view() -> Any:
    """Return a new view, since the decorator marks it."""

    def view() -> Response:
        return answer()

    return view


class Dispatching(View):
    def dispatch_request(self) -> Response:
        return answer()


def make_class(base: Any, **attributes: Any) -> Any:
    return type("Prices", (base,), attributes)


PLACES = {
    "above the guard": lambda: shareable(login_required(make_view())),
    "below the guard": lambda: login_required(shareable(make_view())),
    "with parentheses": lambda: shareable()(login_required(make_view())),
    "class": lambda: shareable(login_required(make_class(Dispatching))).as_view("prices"),
    "method": lambda: make_class(MethodView, get=shareable(login_required(lambda self: answer()))).as_view("prices"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_its_answers_keep_their_cache_control_and_do_not_vary(make_app: MakeApp, mint: Mint, place: Any) -> None:
    app = make_app()
    app.add_url_rule("/", view_func=place(), endpoint="prices")

    shared = app.test_client().get("/", headers=bearer(mint()))

    assert shared.headers["Cache-Control"] == "public, no-cache"
    assert "Vary" not in shared.headers


def open_app(app: Flask, view: Any) -> Flask:
    app.add_url_rule("/", view_func=view, endpoint="prices")
    return app


def test_its_refusals_are_not_shared(make_app: MakeApp) -> None:
    refused = open_app(make_app(), shareable(login_required(make_view()))).test_client().get("/")

    assert (refused.status_code, refused.headers["Vary"]) == (401, "Authorization")
    assert refused.headers["Cache-Control"] == "no-store"


def test_a_refusal_within_the_view_is_not_shared(make_app: MakeApp, mint: Mint) -> None:
    inner = login_required(max_age=1)(make_view())
    app = open_app(make_app(), shareable(login_required(lambda: [inner()])))

    refused = app.test_client().get("/", headers=bearer(mint()))

    assert (refused.status_code, refused.headers["Vary"]) == (401, "Authorization")
    assert refused.headers["Cache-Control"] == "no-store"


def test_an_error_page_may_depend_on_the_caller(make_app: MakeApp, mint: Mint) -> None:
    app = open_app(make_app(), shareable(login_required(lambda: abort(404))))

    assert app.test_client().get("/", headers=bearer(mint())).headers["Vary"] == "Authorization"


def answer_hello() -> Response:
    return Response("hello alice", headers={"Cache-Control": "public, max-age=60"})


@pytest.mark.parametrize("guard", [login_required, lambda view: view], ids=["guarded", "open"])
def test_the_answer_of_a_function_before_the_view_is_not_shared(make_app: MakeApp, mint: Mint, guard: Any) -> None:
    app = open_app(make_app(), shareable(guard(make_view())))
    app.before_request(answer_hello)

    assert app.test_client().get("/", headers=bearer(mint())).headers["Vary"] == "Authorization"


def test_a_refusal_that_a_handler_makes_a_redirect_is_not_shared(make_app: MakeApp) -> None:
    app = open_app(make_app(), shareable(login_required(make_view())))
    app.register_error_handler(401, lambda error: redirect("/login"))
    app.after_request(lambda response: response.headers.set("Cache-Control", "public") or response)

    redirected = app.test_client().get("/")

    assert (redirected.status_code, redirected.headers["Vary"]) == (302, "Authorization")
    assert redirected.headers["Cache-Control"] == "no-store"


def test_a_class_inherits_it_from_no_base(make_app: MakeApp, mint: Mint) -> None:
    base = shareable(login_required(make_class(Dispatching)))
    app = open_app(make_app(), make_class(base).as_view("prices"))

    assert app.test_client().get("/", headers=bearer(mint())).headers["Vary"] == "Authorization"


def test_a_decorator_that_hides_the_view_hides_it_too(make_app: MakeApp, mint: Mint) -> None:
    view = shareable(make_view())
    app = open_app(make_app(), lambda **_: view())

    assert app.test_client().get("/", headers=bearer(mint())).headers["Vary"] == "Authorization"


@pytest.mark.parametrize("decorate", [shareable, public])
def test_on_a_class_that_is_no_view_it_names_the_right_place(decorate: Any) -> None:
    name = decorate.__name__
    with pytest.raises(
        SettingsError,
        match=f"Prices is not a class of Flask views: put @{name} on the function that Flask registers instead$",
    ):
        decorate(make_class(object))


@pytest.mark.parametrize("decorate", [shareable, public])
@pytest.mark.parametrize("something", [{}, "view", 1])
def test_it_refuses_objects_that_are_no_views(decorate: Any, something: object) -> None:
    message = f"{decorate.__name__} must decorate a view or a class of views, got {type(something).__name__}"

    with pytest.raises(TypeError, match=f"^{message}$"):
        decorate(something)


def test_a_method_of_an_object_cannot_carry_it() -> None:
    view = Recorder().run

    with pytest.raises(TypeError, match="cannot mark this method: write the decorator above its function"):
        shareable(view)
