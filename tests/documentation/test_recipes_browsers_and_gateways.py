"""The recipes of docs/recipes.rst: the login page, the header of a gateway, and method override."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, abort, redirect, request
from flask.testing import FlaskClient

from flask_tokenauth.testing import logged_in, token_headers

from ..conftest import bearer
from .conftest import Follow

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def follow_app(follow: Follow, recipe: str) -> Flask:
    """Return the application after a recipe of this page."""
    app: Flask = follow(recipe, page="recipes")["app"]
    return app


# The login page


@pytest.fixture
def pages(follow: Follow) -> Flask:
    return follow_app(follow, "@app.errorhandler(NotAuthenticated)")


@pytest.mark.parametrize("headers", [{}, bearer("x.y.z")], ids=["none", "bad"])
def test_a_browser_is_sent_to_the_login_page(pages: Flask, headers: dict[str, str]) -> None:
    answer = pages.test_client().get("/reports?year=2026&page=2", headers=BROWSER | headers)

    assert answer.status_code == 302
    where = urlsplit(answer.headers["Location"])
    assert (where.scheme, where.netloc, where.path) == ("", "", "/login")
    assert parse_qs(where.query) == {"next": ["/reports?year=2026&page=2"]}
    assert "Accept" in answer.vary


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html;q=0.5"])
def test_a_program_gets_the_challenge(pages: Flask, accept: str | None) -> None:
    answer = pages.test_client().get("/reports", headers={"Accept": accept} if accept else {})

    assert (answer.status_code, answer.get_json()["error"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "Accept" in answer.vary


def test_a_form_of_a_browser_is_not_redirected(pages: Flask) -> None:
    pages.add_url_rule("/new", "new", pages.view_functions["reports"], methods=["POST"])

    assert pages.test_client().post("/new", headers=BROWSER).status_code == 401


def test_a_browser_without_the_scope_is_not_sent_to_the_login_page(follow: Follow) -> None:
    names = follow("@app.errorhandler(NotAuthenticated)", page="recipes")
    names["app"].add_url_rule("/admin", "admin", names["require_scope"]("admin")(lambda: "admin"))

    assert logged_in(names["app"], "alice").get("/admin", headers=BROWSER).status_code == 403


def test_a_browser_with_a_token_gets_the_page(pages: Flask) -> None:
    assert logged_in(pages, "alice").get("/reports", headers=BROWSER).json == {"reports": [], "of": "alice"}


def test_an_application_below_a_prefix_keeps_it_in_next(pages: Flask) -> None:
    answer = pages.test_client().get("/reports", headers=BROWSER, environ_overrides={"SCRIPT_NAME": "/app"})

    where = urlsplit(answer.headers["Location"])
    assert (where.path, parse_qs(where.query)) == ("/app/login", {"next": ["/app/reports"]})


def target_of(client: FlaskClient, **query: str) -> str:
    """Return where the login page continues."""
    return client.get("/login", query_string=query).text.partition('data-next="')[2].partition('"')[0]


@pytest.mark.parametrize("target", ["/", "/reports", "/reports?year=2026", "/a b/é", "/reports?to=https://x.example"])
def test_the_login_page_continues_at_a_path_of_the_application(pages: Flask, target: str) -> None:
    assert target_of(pages.test_client(), next=target) == target


def test_the_login_page_continues_at_the_root_without_next(pages: Flask) -> None:
    assert target_of(pages.test_client()) == "/"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "evil.example",
        "https:evil.example",
        "/reports\n",
        "",
    ],
)
def test_the_login_page_never_continues_elsewhere(pages: Flask, target: str) -> None:
    assert target_of(pages.test_client(), next=target) == "/"


def test_the_login_page_writes_next_as_an_attribute(pages: Flask) -> None:
    assert target_of(pages.test_client(), next='/"><script>') == "/&#34;&gt;&lt;script&gt;"


def test_an_address_with_two_slashes_does_not_lead_elsewhere(pages: Flask) -> None:
    """Two slashes would begin the address of another host."""
    pages.url_map.merge_slashes = False
    pages.add_url_rule("/<path:rest>", "rest", pages.view_functions["reports"])
    address = {"PATH_INFO": "//evil.example/"}

    answer = pages.test_client().get("/", headers=BROWSER, environ_overrides=address)

    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"next": ["/evil.example/"]}


def test_a_redirect_that_a_hook_returns_is_replaced_by_the_refusal(follow: Follow) -> None:
    app = follow_app(follow, "class MethodOverride")
    app.before_request(lambda: redirect("/login"))

    assert app.test_client().get("/reports", headers=BROWSER).status_code == 401


def test_a_redirect_that_a_hook_raises_stands(follow: Follow) -> None:
    app = follow_app(follow, "class MethodOverride")
    app.before_request(lambda: abort(redirect("/login")))

    assert app.test_client().get("/reports", headers=BROWSER).status_code == 302


# The header of a gateway

HEADER = "X-Amzn-Oidc-Accesstoken"


@pytest.fixture
def behind(follow: Follow) -> Flask:
    return follow_app(follow, "class TokenFromGateway")


def token_of(app: Flask, user_id: str) -> str:
    return token_headers(app, user_id)["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
def test_the_token_of_the_gateway_is_accepted(behind: Flask, prefix: str) -> None:
    answer = behind.test_client().get("/reports", headers={HEADER: prefix + token_of(behind, "alice")})

    assert answer.json == {"reports": [], "of": "alice"}


def test_the_token_of_the_gateway_counts_if_both_headers_come(behind: Flask) -> None:
    headers = {HEADER: token_of(behind, "alice"), "Authorization": f"Bearer {token_of(behind, 'mallory')}"}

    assert behind.test_client().get("/reports", headers=headers).get_json()["of"] == "alice"


def test_a_bad_token_of_the_gateway_is_not_replaced_by_another(behind: Flask) -> None:
    headers = {HEADER: "x.y.z", "Authorization": f"Bearer {token_of(behind, 'mallory')}"}

    assert behind.test_client().get("/reports", headers=headers).status_code == 401


@pytest.mark.parametrize("headers", [{}, {HEADER: ""}], ids=["none", "empty"])
def test_a_client_cannot_send_the_usual_header(behind: Flask, headers: dict[str, str]) -> None:
    headers = headers | bearer(token_of(behind, "alice"))

    answer = behind.test_client().get("/reports", headers=headers)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "unauthorized")


@pytest.mark.parametrize("value", ["x.y.z", "null", "eyJhbGciOiJub25lIn0.e30."])
def test_the_token_of_the_gateway_is_verified(behind: Flask, value: str) -> None:
    assert behind.test_client().get("/reports", headers={HEADER: value}).status_code == 401


@pytest.mark.parametrize("value", ["Basic YTpi", "{0},{0}", "{0}, {0}", "Bearer {0}, Bearer {0}", " ", "Bearer "])
def test_two_headers_or_another_scheme_are_refused(behind: Flask, value: str) -> None:
    """A server joins two headers of one name by a comma."""
    token = token_of(behind, "alice")

    assert behind.test_client().get("/reports", headers={HEADER: value.format(token)}).status_code in (400, 401)


def test_the_header_is_not_passed_on(behind: Flask) -> None:
    seen: list[str] = []
    behind.before_request(lambda: seen.extend(key for key, value in request.headers if key == HEADER))
    behind.test_client().get("/reports", headers={HEADER: token_of(behind, "alice")})

    assert seen == []


# Method override

URL = "/reports/7"


@pytest.fixture
def overriding(follow: Follow) -> Flask:
    return follow_app(follow, "class MethodOverride")


def override(method: str, *, by: str) -> dict[str, Any]:
    """Return the arguments for a client that asks for another method, in the header or in the URL."""
    if by == "header":
        return {"headers": {"X-HTTP-Method-Override": method}}
    return {"query_string": {"_method": method}}


both = pytest.mark.parametrize("by", ["header", "url"])


@both
@pytest.mark.parametrize("method", ["DELETE", "delete"])
def test_a_post_reaches_the_view_of_the_other_method(overriding: Flask, by: str, method: str) -> None:
    client = logged_in(overriding, "alice", ["reports:delete"])

    assert client.post(URL, **override(method, by=by)).json == {"deleted": 7}


@both
def test_the_guard_of_the_other_method_refuses(overriding: Flask, by: str) -> None:
    arguments = override("DELETE", by=by)

    assert overriding.test_client().post(URL, **arguments).status_code == 401
    answer = logged_in(overriding, "alice", ["reports:write"]).post(URL, **arguments)
    assert (answer.status_code, answer.get_json()["scope"]) == (403, "reports:delete")


@both
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT", "POST", "", "X", "PUT,DELETE"])
def test_a_post_becomes_no_method_outside_of_the_list(overriding: Flask, by: str, method: str) -> None:
    arguments = override(method, by=by)

    assert overriding.test_client().post(URL, **arguments).status_code == 401
    assert logged_in(overriding, "alice", ["reports:write"]).post(URL, **arguments).json == {"changed": 7}


@both
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH"])
def test_only_a_post_is_changed(overriding: Flask, by: str, method: str) -> None:
    client = logged_in(overriding, "alice", ["reports:delete", "reports:write"])
    answer = client.open(URL, method=method, **override("DELETE", by=by))

    assert answer.status_code == (200 if method == "OPTIONS" else 405)
    assert answer.text == "" or "deleted" not in answer.text


@both
def test_a_delete_stays_a_delete(overriding: Flask, by: str) -> None:
    arguments = override("POST", by=by)

    assert overriding.test_client().delete(URL, **arguments).status_code == 401
    assert logged_in(overriding, "alice", ["reports:write"]).delete(URL, **arguments).status_code == 403


def test_the_header_counts_more_than_the_url(overriding: Flask) -> None:
    arguments = override("POST", by="header") | override("DELETE", by="url")

    assert logged_in(overriding, "alice", ["reports:write"]).post(URL, **arguments).json == {"changed": 7}


def test_a_field_of_a_form_changes_nothing(overriding: Flask) -> None:
    client = logged_in(overriding, "alice", ["reports:write"])

    assert client.post(URL, data={"_method": "DELETE"}).json == {"changed": 7}


@pytest.mark.parametrize("token", [None, "x.y.z"], ids=["none", "bad"])
def test_an_open_post_view_does_not_open_the_guarded_delete_view(follow: Follow, token: str | None) -> None:
    names = follow("class MethodOverride", page="recipes")
    names["app"].add_url_rule("/open/<int:number>", "open", lambda number: f"{number}", methods=["POST"])
    guarded = names["login_required"](lambda number: f"deleted {number}")
    names["app"].add_url_rule("/open/<int:number>", "delete", guarded, methods=["DELETE"])
    client = names["app"].test_client()
    headers = bearer(token) if token else {}

    assert client.post("/open/7", headers=headers).text == "7"
    assert client.post("/open/7?_method=DELETE", headers=headers).status_code == 401
