"""The blueprint of all endpoints: methods, outages, guards and URLs."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth import SettingsError, StoreUnavailable, TokenAuth, require_scope
from flask_tokenauth.application.declared_scopes import INTROSPECT

from ..conftest import MakeApp, bearer
from ..lifecycle.conftest import MakeSessionApp
from ..lifecycle.devices import ENDPOINTS, Login, end_device, id_of, introspect, list_devices, log_out, me, revoke
from ..lifecycle.kit import (
    MOSTLY_IN_MEMORY,
    UNAVAILABLE,
    SignalLog,
    is_live,
    load_revocations,
    record_calls,
    sign_in,
    store_of,
    unavailable,
)

# Arguments: the application, the login of the caller, another login of the same user.
Call = Callable[[Flask, Login, Login], TestResponse]

CALLS: dict[str, Call] = {
    "logout": lambda app, login, other: log_out(app, login["access_token"]),
    "list": lambda app, login, other: list_devices(app, login["access_token"]),
    "end": lambda app, login, other: end_device(app, login["access_token"], id_of(other)),
    "revoke": lambda app, login, other: revoke(app, login["refresh_token"]),
    "revoke an access token": lambda app, login, other: revoke(app, login["access_token"]),
    "introspect": lambda app, login, other: introspect(app, login["access_token"], other["access_token"]),
}
EXPECTED_CALLS = {
    "logout": ["find_session", "end_session"],
    "list": ["find_session", "list_sessions"],
    "end": ["find_session", "find_session", "end_session"],
    "revoke": ["end_session"],
    "revoke an access token": ["is_revoked", "longest_leeway", "revoke"],
    "introspect": ["is_revoked"],
}

every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)

PATHS = {
    "/auth/refresh": {"OPTIONS", "POST"},
    "/auth/revoke": {"OPTIONS", "POST"},
    "/auth/introspect": {"OPTIONS", "POST"},
    "/auth/logout": {"OPTIONS", "POST"},
    "/auth/sessions": {"GET", "HEAD", "OPTIONS"},
    "/auth/sessions/x": {"DELETE", "OPTIONS"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
every_path = pytest.mark.parametrize(("path", "allowed"), PATHS.items(), ids=PATHS)


def log_in_twice(app: Flask) -> tuple[Login, Login]:
    """Return two logins of a user who may call all endpoints; the application has loaded all revocations."""
    load_revocations(app)
    return sign_in(app, scopes=[INTROSPECT]), sign_in(app)


# Methods


@pytest.mark.slow
@every_path
@MOSTLY_IN_MEMORY
@pytest.mark.parametrize("method", METHODS)
def test_other_methods_are_not_allowed(app: Flask, path: str, allowed: set[str], method: str) -> None:
    login = sign_in(app)

    answer = app.test_client().open(path, method=method, headers=bearer(login["access_token"]))

    assert (answer.status_code == 405) is (method not in allowed)
    assert method in allowed or set(answer.allow) == allowed


@every_path
def test_options_is_answered_without_a_token(app: Flask, path: str, allowed: set[str]) -> None:
    answer = app.test_client().options(path)

    assert answer.status_code == 200
    assert set(answer.allow) == allowed


def test_head_returns_the_headers_of_the_list(app: Flask) -> None:
    headers = bearer(sign_in(app)["access_token"])

    head, get = (app.test_client().open("/auth/sessions", method=method, headers=headers) for method in ("HEAD", "GET"))

    assert (head.status_code, head.data) == (200, b"")
    assert head.headers == get.headers


def test_head_of_the_list_is_guarded(app: Flask) -> None:
    assert app.test_client().head("/auth/sessions").status_code == 401


# Outages


@pytest.mark.parametrize("name", CALLS)
def test_each_endpoint_makes_few_calls_of_the_store(app: Flask, name: str) -> None:
    login, other = log_in_twice(app)

    with record_calls(store_of(app)) as called:
        CALLS[name](app, login, other)

    assert called == EXPECTED_CALLS[name]


@pytest.mark.parametrize(
    ("name", "method"), [(name, method) for name in EXPECTED_CALLS for method in dict.fromkeys(EXPECTED_CALLS[name])]
)
def test_an_outage_is_answered_with_503_and_changes_nothing(
    app: Flask, signal_log: SignalLog, name: str, method: str
) -> None:
    login, other = log_in_twice(app)
    signal_log.sessions.clear()

    with unavailable(store_of(app), method):
        answer = CALLS[name](app, login, other)

    assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
    assert answer.headers["Retry-After"] == "5"
    assert "WWW-Authenticate" not in answer.headers
    assert signal_log.reasons == ["store_unavailable"]
    assert signal_log.sessions == []
    assert [me(app, tokens["access_token"]) for tokens in (login, other)] == [200, 200]
    assert CALLS[name](app, login, other).status_code == success_status(name)


def success_status(name: str) -> int:
    """Return the status of the endpoint's success."""
    return 204 if name in ("logout", "end") else 200


@every_call
def test_an_error_handler_of_the_application_does_not_change_the_status(app: Flask, call: Call) -> None:
    app.register_error_handler(StoreUnavailable, lambda error: ("sorry", 500))
    login, other = log_in_twice(app)

    with unavailable(store_of(app)):
        answer = call(app, login, other)

    assert (answer.status_code, answer.text) == (503, "sorry")
    assert answer.headers["Retry-After"] == "5"


@every_call
def test_the_log_has_the_cause_and_no_token(app: Flask, caplog: pytest.LogCaptureFixture, call: Call) -> None:
    login, other = log_in_twice(app)

    with unavailable(store_of(app)):
        call(app, login, other)

    assert "the store cannot be asked: nobody answers" in caplog.messages
    assert not any(login[kind] in caplog.text for kind in ("access_token", "refresh_token"))


# Guards


@pytest.mark.parametrize("guard", [None, "login_required"])
def test_the_default_guard_does_not_change_the_endpoints(make_session_app: MakeSessionApp, guard: str | None) -> None:
    app = make_session_app(**({"TOKENAUTH_DEFAULT_GUARD": guard} if guard else {}))
    TokenAuth().check(app)
    client = app.test_client()
    login = {"refresh_token": "x"}

    assert client.post("/auth/revoke", data={"token": "x"}).status_code == 200
    assert client.post("/auth/refresh", data={"grant_type": "refresh_token", **login}).status_code == 400
    assert client.post("/auth/logout").status_code == 401
    assert client.post("/auth/introspect", data={"token": "x"}).status_code == 401
    assert client.get("/auth/sessions").status_code == 401
    assert client.delete("/auth/sessions/x").status_code == 401
    assert client.get("/auth/else").status_code == 404


@pytest.mark.parametrize("guard", [None, "login_required"])
def test_the_report_of_routes_shows_the_needs_of_each_endpoint(
    make_session_app: MakeSessionApp, guard: str | None
) -> None:
    api = make_session_app(**({"TOKENAUTH_DEFAULT_GUARD": guard} if guard else {}))

    lines = api.test_cli_runner().invoke(args=["tokenauth", "routes"]).output.splitlines()

    assert [line.split(maxsplit=2) for line in lines if "/auth/" in line] == [
        ["POST", "/auth/introspect", "tokenauth:introspect, or a client of TOKENAUTH_INTROSPECTION_CLIENTS"],
        ["POST", "/auth/logout", "login"],
        ["POST", "/auth/refresh", "public"],
        ["POST", "/auth/revoke", "public"],
        ["GET", "/auth/sessions", "login"],
        ["DELETE", "/auth/sessions/<session_id>", "login"],
    ]


def test_a_guard_on_an_endpoint_counts_in_one_application_only(make_session_app: MakeSessionApp) -> None:
    """Each blueprint has its own views, so that a guard in one application does not guard another."""
    one, two = make_session_app(), make_session_app(auth=TokenAuth())
    one.view_functions["tokenauth.sessions"] = require_scope("admin")(one.view_functions["tokenauth.sessions"])

    assert list_devices(one, sign_in(one)["access_token"]).status_code == 403
    assert list_devices(two, sign_in(two)["access_token"]).status_code == 200


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_protect_adds_a_scope_to_the_endpoints(
    make_session_app: MakeSessionApp, auth: TokenAuth[Any], endpoint: Callable[..., TestResponse]
) -> None:
    auth.protect(auth.endpoints, "a")
    app = make_session_app()
    login, without_scope = sign_in(app, scopes=["a"]), sign_in(app, scopes=["b"])

    assert endpoint(app, without_scope["access_token"], id_of(without_scope)).status_code == 403
    assert is_live(app, without_scope["refresh_token"])
    assert endpoint(app, login["access_token"], id_of(login)).status_code < 300


# URLs


def test_the_endpoints_may_have_another_url_prefix(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    app = make_app(auth=auth, TOKENAUTH_STORE="memory://")
    app.register_blueprint(auth.endpoints, url_prefix="/account", name="account")
    login = sign_in(app)
    client, headers = app.test_client(), bearer(login["access_token"])

    assert len(client.get("/account/sessions", headers=headers).get_json()["sessions"]) == 1
    assert client.get("/auth/sessions", headers=headers).status_code == 404
    assert client.delete(f"/account/sessions/{id_of(login)}", headers=headers).status_code == 204
    assert client.post("/account/revoke", data={"token": login["refresh_token"]}).status_code == 200
    assert client.post("/account/logout", headers=headers).status_code == 401


def test_registering_without_a_store_raises(make_app: MakeApp, auth: TokenAuth[Any]) -> None:
    stateless = make_app(auth=auth)

    with pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        stateless.register_blueprint(auth.endpoints)


def test_the_blueprint_may_be_registered_before_init_app(auth: TokenAuth[Any]) -> None:
    early = Flask("early")
    early.register_blueprint(auth.endpoints)
    early.config |= {"SECRET_KEY": "91c05d7be2af4368" * 3, "TOKENAUTH_ISSUER": "x", "TOKENAUTH_STORE": "memory://"}
    auth.init_app(early)

    login = sign_in(early)

    assert list_devices(early, login["access_token"]).status_code == 200


def test_an_early_blueprint_without_a_store_raises_at_the_first_use(auth: TokenAuth[Any]) -> None:
    early = Flask("early")
    early.register_blueprint(auth.endpoints)
    early.config |= {"SECRET_KEY": "91c05d7be2af4368" * 3, "TOKENAUTH_ISSUER": "x", "TESTING": True}
    auth.init_app(early)

    with pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        revoke(early, "x")
