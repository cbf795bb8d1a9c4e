"""Headers for caches where tokens come in cookies, which caches cannot tell from others."""

from typing import Any

import pytest
from flask import Flask, Response, session

from flask_tokenauth import TokenAuth, login_required, public, shareable
from flask_tokenauth.application.shared_caches import note_cookie
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import MakeApp
from ..cookies_kit import SAME, Browser, cookies_of, make_cookie_app, raw
from ..guards.kinds_kit import looked_up

BOTH = "Authorization, Cookie"


@pytest.fixture(params=["refresh", "all"])
def api(request: pytest.FixtureRequest, make_app: MakeApp, store: MemoryStore) -> Flask:
    """An application with cookies. Its name is not ``app``, since pytest-flask would push a request of it."""
    app = make_cookie_app(make_app, store, request.param)
    app.add_url_rule("/shared", "shared", shareable(lambda: with_control("public, max-age=60")))
    app.add_url_rule("/cached", "cached", login_required(lambda: with_control("public, max-age=60")))
    app.add_url_rule("/public", "public", public(lambda: with_control("public, max-age=60")))
    return app


def with_control(control: str) -> Response:
    answer = Response("x")
    answer.headers["Cache-Control"] = control
    return answer


def cached(answer: Any) -> tuple[list[str], list[str]]:
    """Return the lines of ``Vary`` and of ``Cache-Control``."""
    return answer.headers.getlist("Vary"), answer.headers.getlist("Cache-Control")


def test_answers_depend_on_both_headers(api: Flask) -> None:
    client = api.test_client()

    assert cached(client.get("/open")) == ([BOTH], [])
    assert cached(client.get("/public")) == ([BOTH], ["public, max-age=60"])
    assert cached(client.get("/guarded")) == ([BOTH], ["no-store"])
    assert cached(client.get("/missing")) == ([BOTH], [])


@pytest.mark.parametrize("path", ["/open", "/public", "/missing"])
def test_every_answer_to_a_request_with_one_of_the_cookies_is_private(api: Flask, path: str) -> None:
    vary, control = cached(raw(api, f"a=b; {cookies_of(api).refresh}=x", path))

    assert (vary, "private" in control[0], "public" in control[0]) == ([BOTH], True, False)


def test_a_request_with_other_cookies_is_not_private(api: Flask) -> None:
    assert cached(raw(api, "a=b", "/public")) == ([BOTH], ["public, max-age=60"])


def test_a_guarded_answer_is_private(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_cookie_app(make_app, store)
    app.add_url_rule("/cached", "cached", login_required(lambda: with_control("public, max-age=60")))
    browser = Browser(app)
    browser.sign_in()

    assert cached(browser("GET", "/cached")) == ([BOTH], ["max-age=60, private"])
    assert cached(browser("GET", "/guarded")) == ([BOTH], ["private"])


def test_a_shareable_answer_stays_as_it_is(api: Flask) -> None:
    assert cached(raw(api, f"{cookies_of(api).refresh}=x", "/shared")) == ([], ["public, max-age=60"])


def test_an_answer_that_deletes_a_cookie_is_never_shared(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_cookie_app(make_app, store)
    app.add_url_rule("/shared", "shared", shareable(lambda: with_control("public, max-age=60")))

    answer = raw(app, f"{cookies_of(app).access}=x", "/shared")

    assert len(answer.headers.getlist("Set-Cookie")) == 1
    assert cached(answer) == ([BOTH], ["max-age=60, private"])


def test_the_session_of_flask_stays_beside_a_deleted_cookie(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_cookie_app(make_app, store)

    def remember() -> str:
        session["theme"] = "dark"
        return "x"

    app.add_url_rule("/theme", "theme", remember)

    names = {
        header.partition("=")[0]
        for header in raw(app, f"{cookies_of(app).access}=x", "/theme").headers.getlist("Set-Cookie")
    }

    assert names == {"session", cookies_of(app).access}


def test_all_three_headers_are_named(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_cookie_app(make_app, store, auth=TokenAuth(), **looked_up(store))

    assert cached(app.test_client().get("/open"))[0] == ["Authorization, X-API-Key, Cookie"]


def test_without_cookies_nothing_changes(make_app: MakeApp, store: MemoryStore) -> None:
    app = make_app(TOKENAUTH_STORE=store)
    app.add_url_rule("/x", "x", lambda: "x")

    assert cached(app.test_client().get("/x", headers={**SAME, "Cookie": "a=b"})) == (["Authorization"], [])


def test_nothing_is_noted_where_flask_is_called_in_another_way() -> None:
    environ: dict[str, Any] = {}

    note_cookie(environ, "a=b")

    assert environ == {}
