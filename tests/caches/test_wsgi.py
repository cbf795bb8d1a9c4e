"""Headers for caches, if there is WSGI middleware between, or if a view calls another application."""

from typing import Any

import pytest
from flask import Flask, Response, g, request

from flask_tokenauth import login_required, shareable

from ..conftest import Mint, bearer
from ..guards.kit import open_app

PUBLIC = {"Cache-Control": "public"}


def answer() -> Response:
    return Response(f"of {g.user_id}", headers=PUBLIC)


def check_headers(app: Flask, mint: Mint) -> None:
    """Check that the guarded view on /x answers the user alone."""
    answered = app.test_client().get("/x", headers=bearer(mint()))

    assert answered.text.endswith("of alice")
    assert (answered.headers["Vary"], answered.headers["Cache-Control"]) == ("Authorization", "private")


@pytest.mark.parametrize("when", ["before TokenAuth", "after TokenAuth"])
def test_middleware_may_copy_the_environment(mint: Mint, when: str) -> None:
    app = Flask("tests")
    app.add_url_rule("/x", "x", login_required(answer))

    def set_up(app: Flask) -> None:
        wrapped = app.wsgi_app
        app.wsgi_app = lambda environ, start: wrapped(dict(environ), start)  # type: ignore[method-assign,assignment]

    for step in (set_up, open_app) if when == "before TokenAuth" else (open_app, set_up):
        step(app)

    check_headers(app, mint)


@pytest.mark.parametrize("inner_view", [shareable(lambda: "inner "), lambda: "inner "], ids=["shareable", "open"])
def test_an_application_that_a_view_calls_does_not_change_the_headers(mint: Mint, inner_view: Any) -> None:
    """Both applications get the same WSGI environment."""
    outer, inner = open_app(Flask("outer")), open_app(Flask("inner"))
    inner.add_url_rule("/x", "x", inner_view)

    def call_inner() -> Response:
        body = b"".join(inner.wsgi_app(request.environ, lambda status, headers, error=None: lambda data: None))
        return Response(body + b"of alice", headers=PUBLIC)

    outer.add_url_rule("/x", "x", login_required(call_inner))

    check_headers(outer, mint)


def test_an_application_in_a_context_of_a_test_does_not_change_the_headers(mint: Mint) -> None:
    app = open_app(Flask("tests"))
    app.add_url_rule("/inner", "inner", shareable(lambda: "inner"))

    def call_inner() -> Response:
        with app.test_request_context("/inner"):
            app.full_dispatch_request()
        return Response("of alice", headers=PUBLIC)

    app.add_url_rule("/x", "x", login_required(call_inner))

    check_headers(app, mint)
