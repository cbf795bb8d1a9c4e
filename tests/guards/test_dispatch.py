"""No view runs before its guards, whichever way leads to it: the last check is directly before the view."""

from collections import defaultdict
from collections.abc import Callable
from copy import copy
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, g, request, request_started
from flask.globals import request_ctx
from flask.views import MethodView
from werkzeug.exceptions import HTTPException

from flask_tokenauth import SettingsError, TokenAuth, get_token, login_required, public, require_scope

from ..conftest import CONFIG, NOW, MakeApp, Mint, bearer
from ..test_cost import Calls
from .kinds_kit import over_kinds
from .kit import CLOSED, hide, make_view
from .order_kit import each_guarding, serve

Take = Callable[[Flask], object]


def replace_with_flasks_own(app: Flask) -> None:
    app.before_request_funcs.clear()
    app.preprocess_request = lambda: Flask.preprocess_request(app)  # type: ignore[method-assign]


def remove(app: Flask) -> None:
    app.before_request_funcs = defaultdict(list)
    del app.preprocess_request


def replace_with_nothing(app: Flask) -> None:
    app.preprocess_request = lambda: None  # type: ignore[method-assign]


TAKEN: dict[str, Take] = {"replaced": replace_with_flasks_own, "removed": remove, "skipped": replace_with_nothing}
each_way = pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)


@over_kinds
@each_way
@each_guarding
def test_no_view_is_open_if_everything_before_it_is_taken_away(
    make_app: MakeApp, mint: Mint, guarding: str, good: int, take: Take
) -> None:
    served = serve(make_app, guarding=guarding)
    served.get()

    take(served.app)

    assert [served.get(token).status_code for token in (None, "x.y.z", mint())] == [401, 401, good]
    assert served.events == ["view"] * (good == 200)


@each_way
@each_guarding
def test_the_user_is_known_if_everything_before_the_view_is_taken_away(
    make_app: MakeApp, mint: Mint, guarding: str, take: Take
) -> None:
    served = serve(make_app, guarding=guarding)
    served.app.add_url_rule("/who", "who", login_required(lambda: g.user_id))
    served.get()

    take(served.app)

    assert served.get(mint(), "/who").text == "alice"


@pytest.mark.parametrize("take", [replace_with_flasks_own, remove])
def test_the_first_request_finds_that_everything_was_taken_away(make_app: MakeApp, take: Take) -> None:
    served = serve(make_app, guarding="default guard")

    take(served.app)

    with pytest.raises(SettingsError, match="the hook of TokenAuth was removed"):
        served.get()
    assert served.events == []


class Hasty(Flask):
    """An application whose class calls views without anything before."""

    def full_dispatch_request(self) -> Response:
        try:
            return self.finalize_request(self.dispatch_request())
        except HTTPException as error:
            return self.finalize_request(self.handle_user_exception(error), from_error_handler=True)


class Own(Flask):
    """An application whose class calls views in its own way."""

    def dispatch_request(self) -> Any:
        return f"{super().dispatch_request()!s} by its own"


@pytest.mark.parametrize(("cls", "text"), [(Hasty, "served"), (Own, "served by its own")])
def test_no_view_is_open_in_an_application_with_its_own_way_to_views(cls: type[Flask], text: str, mint: Mint) -> None:
    app = cls("tests")
    app.config |= CONFIG | CLOSED
    TokenAuth(app)
    app.extensions["tokenauth"].clock = lambda: NOW
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")

    assert app.test_client().get("/x").status_code == 401
    assert app.test_client().get("/x", headers=bearer(mint())).text == text


def test_a_method_that_was_replaced_before_the_set_up_calls_the_view(make_app: MakeApp, mint: Mint) -> None:
    app = Flask("tests")
    app.config |= CONFIG | CLOSED
    app.dispatch_request = lambda: "dispatched"  # type: ignore[method-assign]
    TokenAuth(app)
    app.extensions["tokenauth"].clock = lambda: NOW
    app.add_url_rule("/x", view_func=make_view(), endpoint="x")

    assert app.test_client().get("/x").status_code == 401
    assert app.test_client().get("/x", headers=bearer(mint())).text == "dispatched"


@over_kinds
@each_guarding
def test_a_view_that_dispatches_its_request_once_more_gets_the_guards_of_the_other_route(
    make_app: MakeApp, mint: Mint, guarding: str, good: int
) -> None:
    served = serve(make_app, guarding=guarding)

    def forward() -> Any:
        [request.url_rule] = [rule for rule in served.app.url_map.iter_rules() if rule.rule == "/x"]
        return served.app.dispatch_request()

    served.app.add_url_rule("/forward", view_func=public(forward))

    assert served.get(path="/forward").status_code == 401
    assert served.get(mint(), "/forward").status_code == good


def test_a_view_that_dispatches_another_method_gets_the_guards_of_that(make_app: MakeApp, mint: Mint) -> None:
    app = make_app(**CLOSED)

    class Note(MethodView):
        @public
        def post(self) -> Any:
            request.method = "DELETE"
            return app.dispatch_request()

        def delete(self) -> str:
            return "deleted"

    app.add_url_rule("/y", view_func=Note.as_view("y"))

    assert app.test_client().post("/y").status_code == 401
    assert app.test_client().post("/y", headers=bearer(mint())).text == "deleted"


def test_a_user_loader_that_changes_the_route_leads_past_no_guard_of_the_other(make_app: MakeApp, mint: Mint) -> None:
    """It runs while the guards of the first route are enforced."""
    auth = TokenAuth[str]()
    app = make_app(auth=auth)
    app.add_url_rule("/first", "first", login_required(load_user=True)(make_view()))
    auth.protect(other := Blueprint("closed", "tests"), "other")
    other.add_url_rule("/closed", "view", lambda: "closed")
    app.register_blueprint(other)

    @auth.user_loader
    def lead_on(user_id: str) -> str:
        [request.url_rule] = [rule for rule in app.url_map.iter_rules() if rule.rule == "/closed"]
        return user_id

    assert app.test_client().get("/first", headers=bearer(mint())).status_code == 403
    assert app.test_client().get("/first", headers=bearer(mint(scope="other"))).text == "closed"


def test_the_guards_of_another_application_do_not_count(make_app: MakeApp, mint: Mint) -> None:
    """Two applications may share their rules, and one may pass its request on to the other."""
    outer, inner = make_app(), make_app(**CLOSED)
    inner.url_map = outer.url_map
    inner.view_functions["x"] = make_view()

    @outer.get("/x", endpoint="x")
    def pass_on() -> Any:
        with inner.app_context():
            return inner.dispatch_request()

    assert outer.test_client().get("/x").status_code == 401
    assert outer.test_client().get("/x", headers=bearer(mint())).text == "served"


@over_kinds
def test_the_argument_of_the_url_counts_if_preprocess_request_was_replaced(make_app: MakeApp, mint: Mint) -> None:
    """Another function changes the argument of the view before its guard is asked, which nothing else sees."""
    app = make_app()
    app.preprocess_request = lambda: Flask.preprocess_request(app)  # type: ignore[method-assign]
    app.before_request(lambda: (request.view_args or {}).update(project="42"))
    app.add_url_rule("/<project>", view_func=hide(require_scope("p:{project}")(make_view())))

    assert app.test_client().get("/43", headers=bearer(mint(scope="p:42"))).status_code == 403
    assert app.test_client().get("/43", headers=bearer(mint(scope="p:43"))).status_code == 200


def test_an_earlier_function_that_calls_the_view_is_refused(make_app: MakeApp, mint: Mint) -> None:
    """A preprocessor of URLs runs while the guards are still to come."""
    served = serve(make_app, guarding="default guard")
    texts: list[Any] = []
    served.app.url_value_preprocessor(lambda endpoint, values: texts.append(served.app.dispatch_request()))

    assert served.get().status_code == 401
    assert (texts, served.events) == ([], [])
    assert served.get(mint()).text == "served"


def test_the_guards_are_enforced_once(make_app: MakeApp, mint: Mint) -> None:
    served = serve(make_app, guarding="default guard")
    served.get()

    with Calls() as calls:
        assert served.get(mint()).status_code == 200

    assert calls["RequestHook._enforce_route"] == 1


def test_answers_without_a_view_stay_as_they_are(make_app: MakeApp) -> None:
    served = serve(make_app, guarding="default guard")
    served.get()
    replace_with_nothing(served.app)

    answers = [served.get(path="/nowhere"), served.get(method="POST"), served.get(method="OPTIONS")]

    assert [answer.status_code for answer in answers] == [404, 405, 200]


@pytest.mark.parametrize("name", ["dispatch_request", "preprocess_request"])
def test_without_a_request_flask_says_what_is_missing(make_app: MakeApp, name: str) -> None:
    app = make_app()

    with app.app_context(), pytest.raises(RuntimeError, match="outside of request context"):
        getattr(app, name)()


def test_the_guards_of_a_request_do_not_count_for_a_copy_that_was_made_before(make_app: MakeApp, mint: Mint) -> None:
    """The copy shares all that was found out about the caller, but has other arguments."""
    app, shown = make_app(), []

    def keep_a_copy(_: Flask, **_options: object) -> None:
        get_token()  # so that the caller is known to the copy
        g.early = copy(request._get_current_object())  # type: ignore[attr-defined]

    @app.get("/items/<number>")
    @require_scope("items:{number}")
    def show(number: str) -> Any:
        shown.append(number)
        request_ctx.request = g.early
        g.early.view_args = {"number": "2"}
        return app.dispatch_request()

    with request_started.connected_to(keep_a_copy, app):
        response = app.test_client().get("/items/1", headers=bearer(mint(scope="items:1")))

    assert (response.status_code, shown) == (403, ["1"])
