"""The recipes of docs/extensions.rst do what they are for, each executed as the page prints it."""

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_tokenauth.testing import logged_in, token_headers

from ..authentication.challenges import Challenge, parse_challenge
from ..conftest import bearer
from .conftest import Follow

RESTX = "from flask_restx"
SMOREST = "from flask_smorest"
APIFLASK = "from apiflask"
OPENAPI3 = "from flask_openapi3"
LIMITER = "from flask_limiter import"
CORS = "from flask_cors"
LOGIN = "import flask_login"
SESSION = "from flask import abort"
SOCK = "from flask_sock"
RECIPES = [RESTX, SMOREST, APIFLASK, OPENAPI3, LIMITER, CORS, LOGIN, SESSION, SOCK]

PASSWORD = {"username": "alice", "password": "wonderland"}

# What all of them do

ROUTES = [
    (RESTX, "GET", "/reports"),
    (RESTX, "POST", "/reports"),
    (SMOREST, "POST", "/reports"),
    (APIFLASK, "POST", "/reports"),
    (OPENAPI3, "POST", "/reports"),
    (LIMITER, "GET", "/reports"),
    (CORS, "GET", "/reports"),
    (CORS, "GET", "/statistics"),
    (LOGIN, "GET", "/api"),
    (SESSION, "GET", "/api"),
]
opened = pytest.mark.parametrize(("recipe", "method", "url"), ROUTES)
guarded = pytest.mark.parametrize(("recipe", "method", "url"), [*ROUTES, (SOCK, "GET", "/programs")])
JSON = {"title": "Looking-glass"}
NEEDED = {"GET": {}, "POST": {"scope": "reports:write"}}
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}


def ask(client: FlaskClient, method: str, url: str, **headers: str) -> TestResponse:
    """Send a report, or ask for a socket where there is one."""
    upgrade = UPGRADE if url == "/programs" else {}
    return client.open(url, method=method, headers=upgrade | headers, json=JSON)


def challenge_of(answer: TestResponse) -> Challenge:
    """Return the one challenge of a refusal."""
    [raw] = answer.headers.getlist("WWW-Authenticate")
    return parse_challenge(raw.encode("latin-1"))


@guarded
def test_a_recipe_refuses_who_has_no_token(follow: Follow, recipe: str, method: str, url: str) -> None:
    answer = ask(follow(recipe)["app"].test_client(), method, url)

    assert answer.status_code == 401
    assert challenge_of(answer) == Challenge("Bearer", {"realm": "reporting"} | NEEDED[method])


@guarded
def test_a_recipe_refuses_who_has_a_bad_token(follow: Follow, recipe: str, method: str, url: str) -> None:
    answer = ask(follow(recipe)["app"].test_client(), method, url, **bearer("x.y.z"))

    assert answer.status_code == 401
    assert challenge_of(answer).parameters["error"] == "invalid_token"


@opened
def test_a_recipe_lets_a_good_token_in(follow: Follow, recipe: str, method: str, url: str) -> None:
    client = logged_in(follow(recipe)["app"], "alice", ["reports:write"])

    assert ask(client, method, url).status_code == (201 if method == "POST" else 200)


# Extensions that describe an API


@pytest.mark.parametrize("recipe", [RESTX, SMOREST, APIFLASK, OPENAPI3])
def test_a_token_without_the_scope_is_refused_with_the_scope(follow: Follow, recipe: str) -> None:
    answer = logged_in(follow(recipe)["app"], "alice").post("/reports", json=JSON)

    assert answer.status_code == 403
    assert challenge_of(answer).parameters["scope"] == "reports:write"


@pytest.mark.parametrize("recipe", [SMOREST, APIFLASK, OPENAPI3])
def test_payloads_are_judged_after_tokens(follow: Follow, recipe: str) -> None:
    app = follow(recipe)["app"]

    assert app.test_client().post("/reports", json={}).status_code == 401
    assert logged_in(app, "alice", ["reports:write"]).post("/reports", json={}).status_code == 422


@pytest.mark.parametrize(
    ("recipe", "url"),
    [(RESTX, "/swagger.json"), (APIFLASK, "/openapi.json"), (OPENAPI3, "/openapi/openapi.json")],
)
def test_the_documentation_names_the_token(follow: Follow, recipe: str, url: str) -> None:
    document = follow(recipe)["app"].test_client().get(url).get_json()

    assert document["paths"]["/reports"]["post"]["security"] == [{"bearer": []}]
    assert "bearer" in (document.get("securityDefinitions") or document["components"]["securitySchemes"])


def test_the_documentation_of_smorest_names_the_token(follow: Follow) -> None:
    document = follow(SMOREST)["api"].spec.to_dict()

    assert document["paths"]["/reports"]["post"]["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_a_challenge_of_flask_restx_comes_beside_that_of_the_refusal(follow: Follow) -> None:
    names = follow(RESTX)
    names["api"].serve_challenge_on_401 = True

    assert names["app"].test_client().get("/reports").headers.getlist("WWW-Authenticate") == [
        'Bearer realm="reporting"',
        'Basic realm="flask-restx"',
    ]


# Flask-Limiter


def repeat(client: FlaskClient, url: str, times: int, address: str = "192.0.2.1") -> list[int]:
    """Return the statuses of so many requests."""
    return [client.get(url, environ_base={"REMOTE_ADDR": address}).status_code for _ in range(times)]


def test_a_user_reaches_the_limit_and_another_at_the_same_address_does_not(follow: Follow) -> None:
    app = follow(LIMITER)["app"]

    assert repeat(logged_in(app, "alice"), "/reports", 4) == [200, 200, 200, 429]
    assert repeat(logged_in(app, "alice"), "/reports", 1, "192.0.2.2") == [429]
    assert repeat(logged_in(app, "bob"), "/reports", 1) == [200]


def test_the_anonymous_reach_the_limit_by_address(follow: Follow) -> None:
    app = follow(LIMITER)["app"]

    assert repeat(app.test_client(), "/search", 4) == [200, 200, 200, 429]
    assert repeat(app.test_client(), "/search", 1, "192.0.2.2") == [200]
    assert repeat(logged_in(app, "192.0.2.1"), "/search", 1) == [200]


@pytest.mark.parametrize("limits", ["default_limits", "application_limits"])
def test_refused_requests_are_counted_by_limits_of_the_application(follow: Follow, limits: str) -> None:
    names = follow(LIMITER)
    options = {limits: ["2 per minute"], "storage_uri": "memory://"}
    names["Limiter"](names["get_caller"], app=names["app"], **options)
    names["app"].add_url_rule("/plain", "plain", names["login_required"](lambda: "plain"))

    assert repeat(names["app"].test_client(), "/plain", 3) == [401, 401, 429]
    assert repeat(logged_in(names["app"], "alice"), "/plain", 1) == [200]


def test_refused_requests_are_not_counted(follow: Follow) -> None:
    app = follow(LIMITER)["app"]

    assert repeat(app.test_client(), "/reports", 5) == [401] * 5


# Flask-CORS

APP, PARTNER = "https://app.example.com", "https://partner.example.com"
origins = pytest.mark.parametrize(
    ("url", "origin", "allowed"),
    [
        ("/reports", APP, APP),
        ("/reports", PARTNER, None),
        ("/statistics", PARTNER, PARTNER),
        ("/statistics", APP, None),
    ],
)


@origins
def test_preflights_pass_without_a_token(follow: Follow, url: str, origin: str, allowed: str | None) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "Authorization",
    }

    answer = follow(CORS)["app"].test_client().options(url, headers=asked)

    assert answer.status_code == 200
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed
    assert answer.headers.get("Access-Control-Allow-Headers") == (allowed and "Authorization")


@origins
def test_answers_are_for_the_origins_allowed(follow: Follow, url: str, origin: str, allowed: str | None) -> None:
    answer = logged_in(follow(CORS)["app"], "alice").get(url, headers={"Origin": origin})

    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (200, allowed)


def test_scripts_of_the_origin_can_read_a_refusal(follow: Follow) -> None:
    answer = follow(CORS)["app"].test_client().get("/reports", headers={"Origin": APP})

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, APP)
    assert answer.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate"


def test_refusals_carry_nothing_of_cross_origin(follow: Follow) -> None:
    answer = follow(CORS)["app"].test_client().get("/statistics", headers={"Origin": PARTNER})

    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (401, None)


# Cookies beside tokens

cookies = pytest.mark.parametrize("recipe", [LOGIN, SESSION])


def sign_in(app: Flask) -> FlaskClient:
    """Return a client with the cookie of a user, over HTTPS."""
    client = app.test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    assert client.post("/sign-in", data=PASSWORD).json == {"message": "Welcome."}
    return client


@cookies
def test_a_cookie_opens_the_page_and_not_the_api(follow: Follow, recipe: str) -> None:
    client = sign_in(follow(recipe)["app"])

    assert client.get("/page").json == {"from the cookie": "alice"}
    assert client.get("/api").status_code == 401


@cookies
def test_a_token_opens_the_api_and_not_the_page(follow: Follow, recipe: str) -> None:
    client = logged_in(follow(recipe)["app"], "bob")

    assert client.get("/api").get_json() == {"from the token": "bob"}
    assert client.get("/page").status_code == 401
    assert client.get_cookie("session") is None


@cookies
def test_the_users_of_a_cookie_and_of_a_token_stay_apart_in_one_client(follow: Follow, recipe: str) -> None:
    app = follow(recipe)["app"]
    client, headers = sign_in(app), token_headers(app, "bob")

    assert client.get("/page", headers=headers).json == {"from the cookie": "alice"}
    assert client.get("/api", headers=headers).json == {"from the token": "bob"}


@pytest.mark.parametrize(("recipe", "url"), [(LOGIN, "/sign-in"), (SESSION, "/sign-in"), (SESSION, "/token")])
def test_a_wrong_password_is_refused(follow: Follow, recipe: str, url: str) -> None:
    answer = follow(recipe)["app"].test_client().post(url, data=PASSWORD | {"password": "?"})

    assert (answer.status_code, answer.json["error_description"]) == (401, "Wrong user name or password.")


def test_the_password_that_makes_a_session_makes_a_token(follow: Follow) -> None:
    client = follow(SESSION)["app"].test_client()

    token = client.post("/token", data=PASSWORD).json["access_token"]

    assert client.get("/api", headers=bearer(token)).json == {"from the token": "alice"}


def test_the_cookie_of_the_session_stays_at_home(follow: Follow) -> None:
    answer = follow(SESSION)["app"].test_client().post("/sign-in", data=PASSWORD)

    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))


def test_templates_have_the_current_user_of_flask_login(follow: Follow) -> None:
    app = follow(LOGIN)["app"]
    app.add_url_rule("/hello", view_func=lambda: render_template_string("{{ current_user.id }}"))

    assert sign_in(app).get("/hello").text == "alice"
