"""Headers of answers to requests with a ticket: no cache keeps them for others, and no link tells the URL."""

from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.test import run_wsgi_app

from flask_tokenauth import login_optional, login_required, shareable
from flask_tokenauth.application.shared_caches import SharedCaches, note_ticket

from ..conftest import MakeApp, Mint, bearer
from ..guards.ticket_kit import ACCEPT, get, make_ticket
from .test_api_key_headers import CONTROLS, cached


def guarded(make_app: MakeApp, guard: Any, headers: dict[str, str] | None = None, status: int = 200) -> Flask:
    app = make_app()
    app.add_url_rule("/x", "x", guard(lambda: Response("x", status, headers=headers)))
    return app


@pytest.mark.parametrize(("given", "expected", "_"), CONTROLS)
@pytest.mark.parametrize("guard", [login_required(accept=ACCEPT), login_optional(accept=ACCEPT)])
def test_the_answer_is_private(
    make_app: MakeApp, mint: Mint, guard: Any, *, given: str, expected: str, _: object
) -> None:
    app = guarded(make_app, guard, {"Cache-Control": given} if given else {})

    assert cached(get(app, make_ticket(mint))) == (["Authorization"], [expected])


@pytest.mark.parametrize("status", [200, 206, 302, 404, 500])
@pytest.mark.parametrize("given", [{}, {"Referrer-Policy": "unsafe-url"}, {"referrer-policy": "origin"}])
def test_no_link_on_the_page_tells_its_url(make_app: MakeApp, mint: Mint, given: dict[str, str], status: int) -> None:
    app = guarded(make_app, login_required(accept=ACCEPT), given, status)

    response = get(app, make_ticket(mint))

    assert response.status_code == status
    assert response.headers.getlist("Referrer-Policy") == ["no-referrer"]


def test_an_answer_that_is_shareable_has_the_header_too(make_app: MakeApp, mint: Mint) -> None:
    app = guarded(make_app, lambda view: shareable(login_required(accept=ACCEPT)(view)))

    assert get(app, make_ticket(mint)).headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("is_good", [True, False])
def test_a_ticket_that_a_header_hides_is_not_told_either(make_app: MakeApp, mint: Mint, *, is_good: bool) -> None:
    """It stays good, so the next page must not learn the URL."""
    app = guarded(make_app, login_required(accept=ACCEPT))
    headers = bearer(mint() if is_good else "x")

    response = app.test_client().get("/x", query_string={"ticket": make_ticket(mint)}, headers=headers)

    assert response.status_code == (200 if is_good else 401)
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("headers", [{}, bearer("x")])
def test_answers_to_other_requests_do_not_change(make_app: MakeApp, mint: Mint, headers: dict[str, str]) -> None:
    app = guarded(make_app, login_optional(accept=ACCEPT), {"Referrer-Policy": "origin"})

    response = app.test_client().get("/x", headers=headers or bearer(mint()))

    assert response.headers.get("Referrer-Policy") in {"origin", None}
    assert app.test_client().get("/x").headers["Referrer-Policy"] == "origin"
    assert "Cache-Control" not in app.test_client().get("/x").headers


def test_an_error_of_the_view_has_the_header(make_app: MakeApp, mint: Mint) -> None:
    def fail() -> str:
        raise ZeroDivisionError

    app = make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    app.add_url_rule("/x", "x", login_required(accept=ACCEPT)(fail))

    response = get(app, make_ticket(mint))

    assert response.status_code == 500
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_nothing_is_noted_where_flask_is_called_in_another_way() -> None:
    environ: dict[str, Any] = {}

    note_ticket(environ)

    assert environ == {}


def test_the_middleware_needs_no_flask() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        note_ticket(environ)
        start_response("200 OK", [])
        return [b""]

    _, _, headers = run_wsgi_app(SharedCaches(application), {})

    assert dict(headers) == {
        "Vary": "Authorization",
        "Cache-Control": "private",
        "Referrer-Policy": "no-referrer",
    }
