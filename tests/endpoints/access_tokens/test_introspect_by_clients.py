"""``POST /auth/introspect`` by a client with an ID and a secret instead of a token (RFC 7662 section 2.1)."""

from typing import Any

import pytest
from flask import Blueprint, Flask, Response, g
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from flask_tokenauth import NotAuthenticated, TokenAuth, get_token, login_required, token_accepted
from flask_tokenauth.core.opaque.client_secret import write_hash

from ...authentication.basic import basic, percent_encode
from ...conftest import AUDIENCE, bearer
from ...lifecycle.conftest import MakeSessionApp
from ...lifecycle.kit import MOSTLY_IN_MEMORY, missing, sign_in, store_of, unavailable
from ...lifecycle.revocation.kit import ALL_MODES, issue, revoke_current
from .clients_kit import (
    GOOD,
    NEW_SECRET,
    OF_REPORTS,
    REPORTS,
    REPORTS_SECRET,
    SCOPE,
    SECRET,
    WITH_CLIENTS,
    app,
    ask,
    is_active,
)

__all__ = ["app"]  # a fixture

pytestmark = MOSTLY_IN_MEMORY


# Good clients


def test_a_client_gets_the_answer_that_a_token_gets(app: Flask) -> None:
    token = issue(app, "alice", ["a", "b"])

    answer = ask(app, GOOD, token)

    assert answer.status_code == 200
    assert answer.get_json() == ask(app, f"Bearer {issue(app, 'service', [SCOPE])}", token).get_json()
    assert answer.get_json()["active"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers


def test_a_client_may_send_its_secret_encoded_as_in_a_form(app: Flask) -> None:
    assert is_active(app, basic(percent_encode("billing"), percent_encode(SECRET)), issue(app))


def test_both_secrets_are_good_while_a_secret_is_changed(app: Flask) -> None:
    assert is_active(app, GOOD, issue(app))
    assert is_active(app, basic("billing", NEW_SECRET), issue(app))


def test_a_token_with_the_scope_is_still_good(app: Flask) -> None:
    assert is_active(app, f"Bearer {issue(app, 'service', [SCOPE])}", issue(app))


@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_client_learns_of_an_ended_session(make_session_app: MakeSessionApp, mode: str) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION=mode, **WITH_CLIENTS)
    token = sign_in(app)["access_token"]
    assert is_active(app, GOOD, token)

    app.test_client().post("/auth/logout", headers=bearer(token))

    assert not is_active(app, GOOD, token)


def test_a_client_learns_of_a_revoked_token(app: Flask) -> None:
    token = issue(app)
    revoke_current(app, token)

    assert not is_active(app, GOOD, token)


def test_a_client_that_asks_without_a_token_parameter_is_told_so(app: Flask) -> None:
    answer = app.test_client().post("/auth/introspect", headers={"Authorization": GOOD})

    assert (answer.status_code, answer.get_json()) == (400, missing("token"))


def test_a_client_is_no_user(app: Flask) -> None:
    seen: list[object] = []

    @app.after_request
    def look(response: Response) -> Response:
        seen.extend([g.user_id, g.scopes, g.token, get_token()])
        return response

    assert is_active(app, GOOD, issue(app))
    assert seen == [None, frozenset(), None, None]


def test_a_client_sends_no_signal_of_an_accepted_token(app: Flask) -> None:
    accepted: list[object] = []

    def note(sender: object, **facts: object) -> None:
        accepted.append(facts)

    token = issue(app)
    with token_accepted.connected_to(note):
        assert is_active(app, GOOD, token)
        assert is_active(app, f"Bearer {issue(app, 'service', [SCOPE])}", token)

    assert len(accepted) == 1


def test_a_cookie_changes_nothing(app: Flask) -> None:
    assert ask(app, GOOD, issue(app), headers={"Cookie": "session=x"}).get_json()["active"]


def test_a_client_that_asks_during_an_outage_is_to_come_again(app: Flask) -> None:
    token = issue(app)

    with unavailable(store_of(app)):
        answer = ask(app, GOOD, token)

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


# Audiences


def test_a_client_sees_tokens_for_the_audience_of_the_application(app: Flask) -> None:
    assert is_active(app, GOOD, issue(app))
    assert is_active(app, GOOD, issue(app, audience=[REPORTS, AUDIENCE]))
    assert not is_active(app, GOOD, issue(app, audience=REPORTS))


def test_a_client_with_an_audience_sees_tokens_for_that_only(app: Flask) -> None:
    assert is_active(app, OF_REPORTS, issue(app, audience=REPORTS))
    assert is_active(app, OF_REPORTS, issue(app, audience=[REPORTS, AUDIENCE]))
    assert not is_active(app, OF_REPORTS, issue(app))


# Other endpoints, other guards, other applications


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/me"),
        ("POST", "/auth/logout"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions/x"),
    ],
)
def test_a_client_may_use_no_other_endpoint(app: Flask, method: str, path: str) -> None:
    answer = app.test_client().open(path, method=method, headers={"Authorization": GOOD})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("header", [GOOD, basic("stranger", SECRET), "Basic hunter2!"])
def test_basic_is_ignored_where_no_token_is_needed(app: Flask, header: str) -> None:
    client, headers = app.test_client(), {"Authorization": header}

    assert client.get("/open", headers=headers).get_json()["user_id"] is None
    assert client.get("/maybe", headers=headers).get_json()["user_id"] is None
    assert client.post("/auth/revoke", data={"token": "x"}, headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_client_can_only_post(app: Flask, method: str) -> None:
    assert app.test_client().open("/auth/introspect", method=method, headers={"Authorization": GOOD}).status_code == 405


def test_a_preflight_gets_its_answer(app: Flask) -> None:
    answer = app.test_client().options("/auth/introspect", headers={"Authorization": "Basic hunter2!"})

    assert (answer.status_code, answer.allow) == (200, {"OPTIONS", "POST"})


def test_a_scope_of_protect_refuses_clients(make_session_app: MakeSessionApp, auth: TokenAuth[Any]) -> None:
    app = make_session_app(**WITH_CLIENTS)

    auth.protect(auth.endpoints, "admin")

    assert ask(app, GOOD, issue(app)).status_code == 401
    assert is_active(app, f"Bearer {issue(app, 'service', [SCOPE, 'admin'])}", issue(app))


def test_the_scope_of_introspection_in_protect_refuses_clients_too(
    make_session_app: MakeSessionApp, auth: TokenAuth[Any]
) -> None:
    app = make_session_app(**WITH_CLIENTS)

    auth.protect(auth.endpoints, SCOPE)

    assert ask(app, GOOD, issue(app)).status_code == 401


def test_a_guarded_function_before_requests_refuses_clients(app: Flask) -> None:
    app.before_request(login_required(lambda: None))

    assert ask(app, GOOD, issue(app)).status_code == 401


@pytest.mark.parametrize("header", [GOOD, basic("stranger", SECRET)])
def test_the_endpoint_decides_alike_without_the_hook(app: Flask, header: str) -> None:
    """The wrapper of the guard decides if other code calls the view."""

    @app.post("/other")
    def other() -> Any:
        return app.view_functions["tokenauth.introspect"]()

    headers = {"Authorization": header}
    answer = app.test_client().post("/other", data={"token": issue(app)}, headers=headers)

    assert answer.status_code == ask(app, header, issue(app)).status_code


def test_a_client_may_ask_a_nested_blueprint(make_session_app: MakeSessionApp) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = make_session_app(auth=auth, **WITH_CLIENTS)
    parent = Blueprint("parent", "tests", url_prefix="/api")
    parent.register_blueprint(auth.endpoints)
    app.register_blueprint(parent)

    answer = app.test_client().post("/api/auth/introspect", data={"token": issue(app)}, headers={"Authorization": GOOD})

    assert answer.get_json()["active"]


def test_a_client_of_one_application_is_a_stranger_to_another(make_session_app: MakeSessionApp) -> None:
    one = make_session_app(**WITH_CLIENTS)
    other = make_session_app(auth=TokenAuth(), TOKENAUTH_INTROSPECTION_CLIENTS={"billing": write_hash(REPORTS_SECRET)})
    mounted = Client(DispatcherMiddleware(one, {"/other": other}))
    token, headers = issue(one), {"Authorization": GOOD}

    assert mounted.post("/auth/introspect", data={"token": token}, headers=headers).status_code == 200
    assert mounted.post("/other/auth/introspect", data={"token": token}, headers=headers).status_code == 401


def test_a_client_that_one_application_let_in_is_refused_by_another_within_its_request(
    make_session_app: MakeSessionApp,
) -> None:
    one, other = make_session_app(**WITH_CLIENTS), make_session_app(auth=TokenAuth())
    refusals: list[str] = []

    @one.after_request
    def ask_the_other(response: Response) -> Response:
        with other.app_context(), pytest.raises(NotAuthenticated) as caught:
            other.view_functions["tokenauth.introspect"]()
        refusals.append(caught.value.reason)
        return response

    assert is_active(one, GOOD, issue(one))
    assert refusals == ["scheme_unsupported"]
