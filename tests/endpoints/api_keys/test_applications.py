"""The endpoints for API keys are there only in applications that have API keys."""

from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_tokenauth import TokenAuth, require_scope

from ...conftest import MakeApp, bearer
from ...lifecycle.kit import sign_in
from ...lifecycle.looked_up.conftest import MakeWorker
from ...lifecycle.looked_up.kit import make_key
from .kit import PATH, create, end, list_own

RULES = [
    ("DELETE", "/auth/api-keys/<key_id>", "tokenauth.api_key"),
    ("GET", "/auth/api-keys", "tokenauth.api_keys"),
    ("POST", "/auth/api-keys", "tokenauth.create_api_key"),
]


def rules_of(app: Flask) -> list[tuple[str, str, str]]:
    found = [rule for rule in app.url_map.iter_rules() if "api-keys" in rule.rule]
    return sorted((*({"GET", "POST", "DELETE"} & (rule.methods or set())), rule.rule, rule.endpoint) for rule in found)


def test_an_application_with_api_keys_has_three_rules(api: Flask) -> None:
    assert rules_of(api) == RULES


def test_an_application_without_them_has_none(make_worker: MakeWorker) -> None:
    app = make_worker(TOKENAUTH_API_KEYS=False)
    token = sign_in(app)["access_token"]

    assert rules_of(app) == []
    assert [answer.status_code for answer in (create(app, token), list_own(app, token), end(app, token, "x"))] == [
        404
    ] * 3


def test_two_applications_share_one_blueprint(make_app: MakeApp) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    apps = [
        make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=with_keys) for with_keys in (True, False)
    ]
    for app in apps:
        app.register_blueprint(auth.endpoints)

    assert [rules_of(app) for app in apps] == [RULES, []]
    assert [create(app, sign_in(app)["access_token"]).status_code for app in apps] == [201, 404]


def test_a_guard_in_one_application_does_not_guard_another(make_app: MakeApp) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    one, two = (make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=True) for _ in range(2))
    for app in (one, two):
        app.register_blueprint(auth.endpoints)
    one.view_functions["tokenauth.api_keys"] = require_scope("admin")(one.view_functions["tokenauth.api_keys"])

    assert [list_own(app, sign_in(app)["access_token"]).status_code for app in (one, two)] == [403, 200]


@pytest.mark.parametrize(("with_keys", "codes"), [(True, [201, 200, 404]), (False, [404, 404, 404])])
def test_an_application_that_is_set_up_later_decides_at_the_request(*, with_keys: bool, codes: list[int]) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    early = Flask("early")
    early.register_blueprint(auth.endpoints)
    early.config |= {
        "SECRET_KEY": "91c05d7be2af4368" * 3,
        "TOKENAUTH_ISSUER": "x",
        "TOKENAUTH_STORE": "memory://",
        "TOKENAUTH_API_KEYS": with_keys,
    }
    auth.init_app(early)
    token = sign_in(early)["access_token"]

    answers = [create(early, token), list_own(early, token), end(early, token, "x")]

    assert [answer.status_code for answer in answers] == codes


def test_the_endpoints_follow_the_prefix_and_the_name_of_the_blueprint(make_app: MakeApp) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=True)
    app.register_blueprint(auth.endpoints, url_prefix="/account", name="account")
    headers = bearer(sign_in(app)["access_token"])

    assert app.test_client().get("/account/api-keys", headers=headers).status_code == 200
    assert app.test_client().get("/auth/api-keys", headers=headers).status_code == 404
    assert ("GET", "/account/api-keys", "account.api_keys") in rules_of(app)


def test_a_blueprint_inside_another_has_them_too(make_app: MakeApp) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=True)
    outer = Blueprint("outer", __name__, url_prefix="/v1")
    outer.register_blueprint(auth.endpoints)
    app.register_blueprint(outer)

    headers = bearer(sign_in(app)["access_token"])
    assert app.test_client().get("/v1/auth/api-keys", headers=headers).get_json() == {"api_keys": []}


@pytest.mark.parametrize("protected_first", [True, False])
def test_protect_adds_a_scope_to_them(make_app: MakeApp, *, protected_first: bool) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=True)
    if protected_first:
        auth.protect(auth.endpoints, "keys")
    app.register_blueprint(auth.endpoints)
    if not protected_first:
        auth.protect(auth.endpoints, "keys")

    tokens = [sign_in(app, scopes=scopes)["access_token"] for scopes in (["keys"], ["other"])]

    assert [create(app, token).status_code for token in tokens] == [201, 403]
    assert [list_own(app, token).status_code for token in tokens] == [200, 403]


def test_protect_with_a_scope_does_not_let_api_keys_make_api_keys(make_app: MakeApp) -> None:
    """A key with the scope passes the guard of the blueprint, and still has neither a login nor a session."""
    auth: TokenAuth[Any] = TokenAuth()
    auth.protect(auth.endpoints, "keys")
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://", TOKENAUTH_API_KEYS=True)
    app.register_blueprint(auth.endpoints)
    key = make_key(app, scopes=["keys"])

    assert [create(app, key.text).status_code, list_own(app, key.text).status_code] == [401, 401]
    assert end(app, key.text, key.id).status_code == 401


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [(PATH, "PUT", {"GET", "HEAD", "OPTIONS", "POST"}), (f"{PATH}/x", "GET", {"DELETE", "OPTIONS"})],
)
def test_other_methods_are_not_allowed(api: Flask, path: str, method: str, allowed: set[str]) -> None:
    answer = api.test_client().open(path, method=method, headers=bearer(sign_in(api)["access_token"]))

    assert answer.status_code == 405
    assert set(answer.allow) == allowed


@pytest.mark.parametrize("path", [PATH, f"{PATH}/x"])
def test_options_is_answered_without_a_token(api: Flask, path: str) -> None:
    assert api.test_client().options(path).status_code == 200


def test_the_report_of_routes_shows_their_needs(api: Flask) -> None:
    lines = api.test_cli_runner().invoke(args=["tokenauth", "routes"]).output.splitlines()

    assert [line.split(maxsplit=2) for line in lines if "api-keys" in line] == [
        ["GET", "/auth/api-keys", "login"],
        ["POST", "/auth/api-keys", "login within 600 s"],
        ["DELETE", "/auth/api-keys/<key_id>", "login"],
    ]


@pytest.mark.usefixtures("no_other_guards")
@pytest.mark.parametrize("with_keys", [True, False])
def test_no_guard_of_them_is_reported_as_useless(make_worker: MakeWorker, *, with_keys: bool) -> None:
    app = make_worker(TOKENAUTH_API_KEYS=with_keys)

    assert "REACHES NO ROUTE" not in app.test_cli_runner().invoke(args=["tokenauth", "routes"]).output
