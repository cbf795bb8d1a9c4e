"""The recipe of docs/extensions.rst for Flask-WTF: only a token that was accepted replaces a CSRF token."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Blueprint, Flask, render_template_string
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect, FlaskForm  # type: ignore[import-untyped]  # it ships no types

from flask_tokenauth.testing import at, logged_in, token_headers

from ..conftest import bearer
from .conftest import Follow, Names

PASSWORD = {"username": "alice", "password": "wonderland"}
DARK = {"theme": "dark"}
FOREIGN = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}


@pytest.fixture
def names(follow: Follow) -> Names:
    return follow("from flask_wtf.csrf import")


@pytest.fixture
def forms(names: Names) -> Flask:
    """The application of the recipe, with a page that has a CSRF token."""
    form = "<input name=csrf_token value={{ csrf_token() }}>"
    names["app"].add_url_rule("/form", view_func=lambda: render_template_string(form))
    app: Flask = names["app"]
    return app


def read_form(client: FlaskClient) -> str:
    """Return the CSRF token of the page; the client keeps the cookie that belongs to it."""
    return client.get("/form").text.partition("value=")[2].rstrip(">")


# Requests with a token


@pytest.mark.parametrize(
    ("url", "answer"), [("/reports", {"created by": "alice"}), ("/api/drafts", {"drafted by": "alice"})]
)
def test_a_request_with_a_token_needs_no_csrf_token(names: Names, url: str, answer: dict[str, str]) -> None:
    got = logged_in(names["app"], "alice").post(url)

    assert (got.status_code, got.json) == (201, answer)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_with_a_token_need_no_csrf_token(names: Names, method: str) -> None:
    view = names["login_required"](lambda: "done")
    names["app"].add_url_rule("/report", "report", view, methods=[method])

    assert names["app"].test_client().open("/report", method=method).status_code == 400
    assert logged_in(names["app"], "alice").open("/report", method=method).status_code == 200


def test_a_request_with_a_token_needs_no_referer_over_https(names: Names) -> None:
    client = logged_in(names["app"], "alice")

    assert client.post("/reports", base_url="https://localhost").status_code == 201


@pytest.mark.parametrize(
    ("token", "error"),
    [("x.y.z", "invalid_token"), ("", "invalid_request"), ("a b", "invalid_request")],
    ids=["forged", "empty", "malformed"],
)
@pytest.mark.parametrize("url", ["/reports", "/theme", "/api/drafts"])
def test_a_client_with_a_bad_token_learns_that_it_is_bad(names: Names, url: str, token: str, error: str) -> None:
    answer = names["app"].test_client().post(url, data=DARK, headers=bearer(token))

    assert answer.status_code == {"invalid_token": 401, "invalid_request": 400}[error]
    assert answer.get_json()["error"] == error
    assert f'error="{error}"' in answer.headers["WWW-Authenticate"]


def test_a_client_whose_token_has_expired_gets_401_and_can_refresh(names: Names) -> None:
    headers = token_headers(names["app"], "alice")

    with at(names["app"], timedelta(minutes=16)):
        answer = names["app"].test_client().post("/reports", headers=headers)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_token")


def test_a_form_with_its_own_csrf_token_is_accepted_beside_a_bad_token(forms: Flask) -> None:
    client = forms.test_client()
    sent = DARK | {"csrf_token": read_form(client)}

    assert client.post("/theme", data=sent, headers=bearer("x.y.z")).json == DARK


def test_a_login_with_an_old_token_needs_no_csrf_token(names: Names) -> None:
    answer = names["app"].test_client().post("/login", data=PASSWORD, headers=bearer("x.y.z"))

    assert (answer.status_code, "access_token" in answer.get_json()) == (200, True)


def test_a_page_is_shown_to_a_client_with_a_bad_token(forms: Flask) -> None:
    assert forms.test_client().get("/form", headers=bearer("x.y.z")).status_code == 200


# Requests that a foreign page makes a browser send


@pytest.fixture
def victim(forms: Flask) -> FlaskClient:
    """A browser whose user has a session."""
    client = forms.test_client()
    assert client.post("/theme", data={"theme": "light", "csrf_token": read_form(client)}).json == {"theme": "light"}
    return client


def theme_of(victim: FlaskClient) -> Any:
    with victim.session_transaction() as kept:
        return kept["theme"]


def test_a_form_of_a_foreign_page_is_refused(victim: FlaskClient) -> None:
    assert victim.post("/theme", data=DARK, headers=FOREIGN).status_code == 400
    assert theme_of(victim) == "light"


@pytest.mark.parametrize("scheme", ["Basic YTpi", "Negotiate YIIG", 'Digest username="alice"', "Bearer2 x", "x"])
def test_another_scheme_replaces_no_csrf_token(victim: FlaskClient, scheme: str) -> None:
    """A browser sends some of these by itself."""
    assert victim.post("/theme", data=DARK, headers=FOREIGN | {"Authorization": scheme}).status_code == 400
    assert theme_of(victim) == "light"


@pytest.mark.parametrize("value", ["Bearer", "bearer x.y.z", "Bearer x.y.z, Bearer x.y.z", "Bearer\tx.y.z"])
def test_a_bad_token_replaces_no_csrf_token(victim: FlaskClient, value: str) -> None:
    assert victim.post("/theme", data=DARK, headers=FOREIGN | {"Authorization": value}).status_code in (400, 401)
    assert theme_of(victim) == "light"


@pytest.mark.parametrize("place", ["form", "query", "cookie"])
def test_a_token_elsewhere_replaces_no_csrf_token(victim: FlaskClient, forms: Flask, place: str) -> None:
    token = token_headers(forms, "mallory")["Authorization"]
    data, query = dict(DARK), dict[str, str]()
    if place == "cookie":
        victim.set_cookie("Authorization", token)
    else:
        {"form": data, "query": query}[place]["access_token"] = token.removeprefix("Bearer ")

    assert victim.post("/theme", data=data, query_string=query, headers=FOREIGN).status_code == 400
    assert theme_of(victim) == "light"


def test_the_csrf_token_of_another_session_is_refused(victim: FlaskClient, forms: Flask) -> None:
    sent = DARK | {"csrf_token": read_form(forms.test_client())}

    assert victim.post("/theme", data=sent, headers=FOREIGN).status_code == 400
    assert theme_of(victim) == "light"


@pytest.fixture
def gateway(follow: Follow) -> Callable[[Flask], dict[str, str]]:
    """Return a function that puts an application behind a gateway, and returns the header that the gateway adds.

    The gateway recognizes the browser by a cookie, so it adds the header to the requests of foreign pages too.
    """
    middleware = follow("class TokenFromGateway", page="recipes")["TokenFromGateway"]

    def put(app: Flask) -> dict[str, str]:
        app.wsgi_app = middleware(app.wsgi_app, "X-Gateway-Token")  # type: ignore[method-assign]
        return {"X-Gateway-Token": token_headers(app, "alice")["Authorization"]}

    return put


def test_behind_a_gateway_the_class_of_flask_wtf_refuses_a_foreign_page(
    follow: Follow, gateway: Callable[[Flask], dict[str, str]]
) -> None:
    app = follow('@app.get("/statistics")')["app"]
    CSRFProtect(app)
    app.add_url_rule("/new", "new", app.view_functions["reports"], methods=["POST"])

    assert app.test_client().post("/new", headers=FOREIGN | gateway(app)).status_code == 400


def test_behind_a_gateway_the_recipe_must_not_be_used(names: Names, gateway: Callable[[Flask], dict[str, str]]) -> None:
    """The page says so: this is the reason."""
    assert names["app"].test_client().post("/reports", headers=FOREIGN | gateway(names["app"])).status_code == 201


# Views and blueprints that are exempted


@pytest.mark.parametrize("headers", [{}, bearer("x.y.z")], ids=["none", "bad"])
def test_an_exempted_view_still_needs_a_token(names: Names, headers: dict[str, str]) -> None:
    assert names["app"].test_client().post("/api/drafts", headers=headers).status_code == 401


def test_a_login_that_returns_a_token_needs_no_csrf_token(names: Names) -> None:
    answer = names["app"].test_client().post("/login", data=PASSWORD)

    assert (answer.status_code, "access_token" in answer.get_json(), "Set-Cookie" in answer.headers) == (
        200,
        True,
        False,
    )


def test_a_guarded_view_that_is_not_exempted_asks_for_a_csrf_token_first(names: Names) -> None:
    assert names["app"].test_client().post("/reports").status_code == 400


def test_a_csrf_token_alone_opens_no_guarded_view(forms: Flask) -> None:
    client = forms.test_client()

    assert client.post("/reports", data={"csrf_token": read_form(client)}).status_code == 401


def test_a_nested_blueprint_is_exempted_by_itself(names: Names) -> None:
    inner, outer = Blueprint("inner", "reporting"), Blueprint("outer", "reporting")
    inner.add_url_rule("/inner", view_func=lambda: "inner", methods=["POST"])
    outer.register_blueprint(inner)
    names["csrf"].exempt(outer)
    names["app"].register_blueprint(outer)
    client = names["app"].test_client()

    assert client.post("/inner").status_code == 400
    names["csrf"].exempt(inner)
    assert client.post("/inner").status_code == 200


def test_the_endpoints_of_sessions_are_exempted_with_their_blueprint(follow: Follow) -> None:
    names = follow("from flask_wtf.csrf import", TOKENAUTH_STORE="memory://", TOKENAUTH_ISSUER="reporting")
    names["app"].register_blueprint(names["auth"].endpoints)
    client = names["app"].test_client()
    tokens = client.post("/login", data=PASSWORD).get_json()
    sent = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}

    assert client.post("/auth/refresh", data=sent).status_code == 400
    names["csrf"].exempt(names["auth"].endpoints)
    renewed = client.post("/auth/refresh", data=sent)
    assert renewed.status_code == 200
    assert client.post("/auth/logout", headers=bearer(renewed.get_json()["access_token"])).status_code == 204


@pytest.mark.parametrize(("meta", "answer"), [({}, "refused"), ({"csrf": False}, "accepted")])
def test_a_form_object_checks_the_csrf_token_once_more(names: Names, meta: dict[str, bool], answer: str) -> None:
    def fill_in() -> str:
        return "accepted" if FlaskForm(meta=meta).validate() else "refused"

    names["app"].add_url_rule("/fill-in", "fill_in", names["login_required"](fill_in), methods=["POST"])

    assert logged_in(names["app"], "alice").post("/fill-in").text == answer
