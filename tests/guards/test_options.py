"""OPTIONS requests, which may come without a token since a preflight never has one: they show no guarded content."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, request
from flask.views import MethodView

from flask_tokenauth import TokenAuth, login_required, require_scope

from ..conftest import MakeApp, Mint, bearer
from .kinds_kit import over_kinds
from .kit import CLOSED, Decorator


def make_view_function() -> Callable[..., str]:
    """Return a new view, since guards mark the view that they guard."""
    return lambda **values: "secret"


def status(app: Flask, path: str, method: str = "GET") -> int:
    return app.test_client().open(path, method=method).status_code


def serve(app: Flask, view: Callable[..., Any]) -> Flask:
    app.add_url_rule("/x", view_func=view, endpoint="x", methods=["GET", "OPTIONS"], provide_automatic_options=False)
    return app


def make_answering_decorator(make: Callable[[], Any], *methods: str) -> Decorator:
    """Return a decorator, made with ``wraps``, that answers requests with *methods* itself."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def decorated(*args: object, **kwargs: object) -> Any:
            return make() if request.method in methods else view(*args, **kwargs)

        return decorated

    return decorate


def cache_answer(view: Callable[..., str]) -> Callable[..., str]:
    """Cache the first answer and return it for every request, as a cache does that looks only at the path."""
    cached: list[str] = []

    @wraps(view)
    def cached_view(*args: object, **kwargs: object) -> str:
        if not cached:
            cached.append(view(*args, **kwargs))
        return cached[0]

    return cached_view


# Decorators that answer in place of the view


#: Answer each preflight in place of the view, as Flask-CORS does.
answer_options = make_answering_decorator(lambda: "options", "OPTIONS")


def test_a_decorator_outside_of_a_guard_may_answer_options(make_app: MakeApp) -> None:
    app = make_app(**CLOSED)
    view = answer_options(login_required(make_view_function()))
    app.add_url_rule("/x", view_func=view, endpoint="x", methods=["GET", "OPTIONS"], provide_automatic_options=False)

    assert status(app, "/x", method="OPTIONS") == 200
    assert status(app, "/x") == 401


@pytest.mark.parametrize(
    "make_view",
    [
        lambda: login_required(make_view_function()),
        lambda: login_required(answer_options(make_view_function())),
        lambda: answer_options(make_view_function()),
    ],
    ids=["that passes it on", "with the guard outside", "closed by default"],
)
def test_options_is_guarded_if_the_view_answers_it(make_app: MakeApp, make_view: Callable[[], Any]) -> None:
    app = make_app(**CLOSED)
    app.add_url_rule("/x", view_func=make_view(), endpoint="x", methods=["OPTIONS"], provide_automatic_options=False)

    assert status(app, "/x", method="OPTIONS") == 401
    assert status(app, "/x", method="GET") == 405


def test_a_mark_below_an_answering_decorator_guards_options(make_app: MakeApp) -> None:
    app = make_app()
    view = answer_options(make_view_function())
    app.add_url_rule("/x", view_func=view, endpoint="x", methods=["OPTIONS"], provide_automatic_options=False)
    login_required(view)

    assert status(app, "/x", method="OPTIONS") == 401


# Guarded content that stays secret


def make_class_view() -> Callable[..., Any]:
    class View(MethodView):
        decorators = [require_scope("a"), cache_answer]  # noqa: RUF012  # as in Flask's documentation
        get = options = staticmethod(make_view_function())

    return View.as_view("x")


@pytest.mark.parametrize(
    "make_view",
    [
        lambda: cache_answer(login_required(make_view_function())),
        lambda: cache_answer(require_scope("a")(login_required(make_view_function()))),
        lambda: cache_answer(require_scope("a")(cache_answer(login_required(make_view_function())))),
        make_class_view,
    ],
    ids=["a guard", "two guards", "one behind each guard", "a class"],
)
@pytest.mark.parametrize("config", [{}, CLOSED], ids=["", "closed by default"])
def test_options_does_not_show_the_cached_answer_of_a_guarded_view(
    make_app: MakeApp, mint: Mint, make_view: Callable[[], Any], config: dict[str, str]
) -> None:
    client = serve(make_app(**config), make_view()).test_client()
    first = client.get("/x", headers=bearer(mint(scope="a")))

    answer = client.options("/x")

    assert first.text == "secret"
    assert (answer.status_code, answer.data) == (200, b"")
    assert client.get("/x").status_code == 401
    assert client.options("/x", headers=bearer("x.y.z")).data == b""


def test_options_does_not_show_the_cached_answer_of_a_protected_blueprint(make_app: MakeApp, mint: Mint) -> None:
    auth, api = TokenAuth(), Blueprint("api", __name__)
    auth.protect(api)
    api.add_url_rule(
        "/x", view_func=cache_answer(login_required(make_view_function())), endpoint="x", methods=["GET", "OPTIONS"]
    )
    app = make_app(auth=auth)
    app.register_blueprint(api)
    client = app.test_client()
    assert client.get("/x", headers=bearer(mint())).text == "secret"

    assert client.options("/x").data == b""


@over_kinds
def test_one_passed_guard_does_not_replace_a_guard_that_did_not_run(make_app: MakeApp, mint: Mint) -> None:
    view = login_required(cache_answer(require_scope("a")(make_view_function())))
    client = serve(make_app(), view).test_client()
    assert client.get("/x", headers=bearer(mint(scope="a"))).text == "secret"

    assert client.options("/x", headers=bearer(mint(scope="b"))).data == b""


@over_kinds
@pytest.mark.parametrize("guard", [require_scope("a"), require_scope(any_of=["a", "b"])], ids=["plain", "either"])
def test_a_good_token_gets_the_views_answer_to_options(make_app: MakeApp, mint: Mint, guard: Decorator) -> None:
    client = serve(make_app(), guard(make_view_function())).test_client()

    assert client.options("/x", headers=bearer(mint(scope="a"))).text == "secret"


def test_an_emptied_answer_keeps_only_the_headers_of_cors(make_app: MakeApp) -> None:
    sent = {"Access-Control-Allow-Origin": "*", "Allow": "GET", "Vary": "Origin"}
    withheld = {"ETag": "x", "Set-Cookie": "a=b", "Location": "/secret", "Content-Type": "text/csv"}
    view = make_answering_decorator(lambda: Response("secret", 302, sent | withheld), "OPTIONS")(
        login_required(make_view_function())
    )

    answer = serve(make_app(), view).test_client().options("/x")

    assert answer.status_code == 302
    assert dict(answer.headers) == sent | {"Vary": "Origin, Authorization", "Content-Length": "0"}
    assert answer.data == b""


def test_the_body_of_an_emptied_answer_is_closed(make_app: MakeApp) -> None:
    closed: list[bool] = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    view = make_answering_decorator(lambda: Response(Body([b"secret"])), "OPTIONS")(
        login_required(make_view_function())
    )

    with serve(make_app(), view).test_client().options("/x") as answer:
        assert answer.data == b""

    assert closed == [True]


@pytest.mark.parametrize("make", [lambda: abort(429, "secret"), lambda: ("secret", 409)], ids=["raised", "returned"])
def test_an_emptied_error_keeps_its_status(make_app: MakeApp, make: Callable[[], Any]) -> None:
    view = make_answering_decorator(make, "OPTIONS")(login_required(make_view_function()))

    answer = serve(make_app(), view).test_client().options("/x")

    assert answer.status_code in (409, 429)
    assert answer.data == b""


def test_a_refusal_of_the_guard_is_sent_in_full(make_app: MakeApp) -> None:
    answer = (
        serve(make_app(), make_answering_decorator(make_view_function(), "POST")(login_required(make_view_function())))
        .test_client()
        .options("/x")
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.get_json()["error"] == "unauthorized"


def test_options_does_not_show_the_last_good_answer_instead_of_a_refusal(make_app: MakeApp, mint: Mint) -> None:
    def last_good(view: Callable[..., str]) -> Callable[..., str]:
        known: list[str] = []

        @wraps(view)
        def call() -> str:
            with suppress(Exception):
                known.append(view())
            return known[-1]

        return call

    client = serve(make_app(), last_good(login_required(make_view_function()))).test_client()
    assert client.get("/x", headers=bearer(mint())).text == "secret"

    assert client.options("/x").data == b""


def test_options_of_an_unguarded_view_is_not_changed(make_app: MakeApp) -> None:
    assert serve(make_app(), cache_answer(make_view_function())).test_client().options("/x").text == "secret"
