"""What a request with the method OPTIONS gets to see, which may come without a token: a preflight never has one."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, request
from flask.views import MethodView

from flask_tokenauth import TokenAuth, login_required, require_scope

from ..conftest import MakeApp, Mint, bearer
from .kit import CLOSED, Decorator


def fresh() -> Callable[..., str]:
    """Return a new view, since guards mark what they guard."""
    return lambda **values: "secret"


def status(app: Flask, path: str, method: str = "GET") -> int:
    return app.test_client().open(path, method=method).status_code


def serve(app: Flask, view: Callable[..., Any]) -> Flask:
    app.add_url_rule("/x", view_func=view, endpoint="x", methods=["GET", "OPTIONS"], provide_automatic_options=False)
    return app


def answering(make: Callable[[], Any], *methods: str) -> Decorator:
    """Return a decorator, using ``wraps``, that answers requests with *methods* itself."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def decorated(*args: object, **kwargs: object) -> Any:
            return make() if request.method in methods else view(*args, **kwargs)

        return decorated

    return decorate


def remember(view: Callable[..., str]) -> Callable[..., str]:
    """Remember the first answer and give it to whoever asks, as caches do that go by the path alone."""
    remembered: list[str] = []

    @wraps(view)
    def remembering(*args: object, **kwargs: object) -> str:
        if not remembered:
            remembered.append(view(*args, **kwargs))
        return remembered[0]

    return remembering


# What answers in the view's place


#: In place of the view, as Flask-CORS does for each preflight.
answer_options = answering(lambda: "options", "OPTIONS")


def test_a_decorator_may_answer_options_around_a_guard(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    view = answer_options(login_required(fresh()))
    app.add_url_rule("/x", view_func=view, endpoint="x", methods=["GET", "OPTIONS"], provide_automatic_options=False)

    assert status(app, "/x", method="OPTIONS") == 200
    assert status(app, "/x") == 401


@pytest.mark.parametrize(
    "make_view",
    [
        lambda: login_required(fresh()),
        lambda: login_required(answer_options(fresh())),
        lambda: answer_options(fresh()),
    ],
    ids=["that passes it on", "with the guard outside", "closed by default"],
)
def test_options_is_guarded_where_a_view_answers_it(make_app: MakeApp, make_view: Callable[[], Any]) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=make_view(), endpoint="x", methods=["OPTIONS"], provide_automatic_options=False)

    assert status(app, "/x", method="OPTIONS") == 401
    assert status(app, "/x", method="GET") == 405


def test_options_is_guarded_by_a_guard_above_what_answers_it(make_app: MakeApp) -> None:
    app = make_app()
    view = answer_options(fresh())
    app.add_url_rule("/x", view_func=view, endpoint="x", methods=["OPTIONS"], provide_automatic_options=False)
    login_required(view)

    assert status(app, "/x", method="OPTIONS") == 401


# What it does not get to see


def in_a_class() -> Callable[..., Any]:
    class View(MethodView):
        decorators = [require_scope("a"), remember]  # noqa: RUF012  # as Flask has it
        get = options = staticmethod(fresh())

    return View.as_view("x")


@pytest.mark.parametrize(
    "make_view",
    [
        lambda: remember(login_required(fresh())),
        lambda: remember(require_scope("a")(login_required(fresh()))),
        lambda: remember(require_scope("a")(remember(login_required(fresh())))),
        in_a_class,
    ],
    ids=["a guard", "two guards", "one behind each guard", "a class"],
)
@pytest.mark.parametrize("config", [{}, CLOSED], ids=["", "closed by default"])
def test_what_a_cache_kept_of_a_guarded_view_is_for_nobody_else(
    make_app: MakeApp, mint: Mint, make_view: Callable[[], Any], config: dict[str, str]
) -> None:
    client = serve(make_app(**config), make_view()).test_client()
    kept = client.get("/x", headers=bearer(mint(scope="a")))

    answer = client.options("/x")

    assert kept.text == "secret"
    assert (answer.status_code, answer.data) == (200, b"")
    assert client.get("/x").status_code == 401
    assert client.options("/x", headers=bearer("x.y.z")).data == b""


def test_nor_what_one_kept_of_a_protected_blueprint(make_app: MakeApp, mint: Mint) -> None:
    auth, api = TokenAuth(), Blueprint("api", __name__)
    auth.protect(api)
    api.add_url_rule("/x", view_func=remember(login_required(fresh())), endpoint="x", methods=["GET", "OPTIONS"])
    app = make_app(auth=auth)
    app.register_blueprint(api)
    client = app.test_client()
    assert client.get("/x", headers=bearer(mint())).text == "secret"

    assert client.options("/x").data == b""


def test_a_guard_that_was_asked_does_not_pay_for_another_that_was_not(make_app: MakeApp, mint: Mint) -> None:
    view = login_required(remember(require_scope("a")(fresh())))
    client = serve(make_app(), view).test_client()
    assert client.get("/x", headers=bearer(mint(scope="a"))).text == "secret"

    assert client.options("/x", headers=bearer(mint(scope="b"))).data == b""


@pytest.mark.parametrize("guard", [require_scope("a"), require_scope(any_of=["a", "b"])], ids=["plain", "either"])
def test_a_good_token_gets_the_answer_to_options_of_the_view(make_app: MakeApp, mint: Mint, guard: Decorator) -> None:
    client = serve(make_app(), guard(fresh())).test_client()

    assert client.options("/x", headers=bearer(mint(scope="a"))).text == "secret"


def test_the_headers_of_cors_are_all_that_goes_with_it(make_app: MakeApp) -> None:
    told = {"Access-Control-Allow-Origin": "*", "Allow": "GET", "Vary": "Origin"}
    kept_back = {"ETag": "x", "Set-Cookie": "a=b", "Location": "/secret", "Content-Type": "text/csv"}
    view = answering(lambda: Response("secret", 302, told | kept_back), "OPTIONS")(login_required(fresh()))

    answer = serve(make_app(), view).test_client().options("/x")

    assert answer.status_code == 302
    assert dict(answer.headers) == told | {"Content-Length": "0"}
    assert answer.data == b""


def test_what_would_have_been_sent_is_closed_all_the_same(make_app: MakeApp) -> None:
    closed: list[bool] = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    view = answering(lambda: Response(Body([b"secret"])), "OPTIONS")(login_required(fresh()))

    with serve(make_app(), view).test_client().options("/x") as answer:
        assert answer.data == b""

    assert closed == [True]


@pytest.mark.parametrize("make", [lambda: abort(429, "secret"), lambda: ("secret", 409)], ids=["raised", "returned"])
def test_of_an_error_on_the_way_to_the_guard_the_status_remains(make_app: MakeApp, make: Callable[[], Any]) -> None:
    view = answering(make, "OPTIONS")(login_required(fresh()))

    answer = serve(make_app(), view).test_client().options("/x")

    assert answer.status_code in (409, 429)
    assert answer.data == b""


def test_what_the_guard_refuses_is_told_in_full(make_app: MakeApp) -> None:
    answer = serve(make_app(), answering(fresh(), "POST")(login_required(fresh()))).test_client().options("/x")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.get_json()["error"] == "unauthorized"


def test_what_is_kept_for_times_of_trouble_is_not_shown_instead_of_a_refusal(make_app: MakeApp, mint: Mint) -> None:
    def last_good(view: Callable[..., str]) -> Callable[..., str]:
        known: list[str] = []

        @wraps(view)
        def call() -> str:
            with suppress(Exception):
                known.append(view())
            return known[-1]

        return call

    client = serve(make_app(), last_good(login_required(fresh()))).test_client()
    assert client.get("/x", headers=bearer(mint())).text == "secret"

    assert client.options("/x").data == b""


def test_what_the_application_answers_for_an_unguarded_view_stays_what_it_is(make_app: MakeApp) -> None:
    assert serve(make_app(), remember(fresh())).test_client().options("/x").text == "secret"
