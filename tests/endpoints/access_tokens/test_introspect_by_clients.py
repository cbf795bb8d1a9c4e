"""``POST /auth/introspect`` by a client with an ID and a secret instead of a token (RFC 7662 section 2.1)."""

import logging
from traceback import walk_tb
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, g
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client, TestResponse

from flask_tokenauth import AuthError, NotAuthenticated, TokenAuth, get_token, login_required, token_accepted
from flask_tokenauth.core.opaque.client_secret import write_hash

from ...authentication.basic import basic, basic_of, percent_encode
from ...authentication.challenges import Challenge, parse_challenge
from ...conftest import AUDIENCE, ISSUER, bearer
from ...lifecycle.conftest import MakeSessionApp
from ...lifecycle.kit import MOSTLY_IN_MEMORY, SignalLog, missing, sign_in, store_of, unavailable
from ...lifecycle.revocation.kit import ALL_MODES, issue, revoke_current

pytestmark = MOSTLY_IN_MEMORY

SCOPE = "tokenauth:introspect"
REPORTS = "https://reports.example"  # another service
SECRET, REPORTS_SECRET, NEW_SECRET = (f"cs1_{letter * 43}" for letter in "abc")
CLIENTS = {
    "billing": [write_hash(SECRET), write_hash(NEW_SECRET)],
    "reports": {"secret_hash": write_hash(REPORTS_SECRET), "audience": REPORTS},
}
WITH_CLIENTS = {"TOKENAUTH_INTROSPECTION_CLIENTS": CLIENTS}
GOOD, OF_REPORTS = basic("billing", SECRET), basic("reports", REPORTS_SECRET)
INVALID_CLIENT = {
    "error": "invalid_client",
    "error_description": "The client ID or the client secret is not valid.",
}
REFUSED = {
    "unknown ID": (basic("stranger", SECRET), "client_unknown"),
    "empty ID": (basic("", SECRET), "client_unknown"),
    "wrong secret": (basic("billing", REPORTS_SECRET), "client_secret_wrong"),
    "empty secret": (basic("billing", ""), "client_secret_wrong"),
    "weak secret": (basic("billing", "hunter2"), "client_secret_wrong"),
    "no secret": (basic_of(b"billing"), "client_header_malformed"),
    "no base64": ("Basic hunter2!", "client_header_malformed"),
    "two": (f"{GOOD},{GOOD}", "client_header_malformed"),
    "a token too": (f"{GOOD}, Bearer a.b.c", "client_header_malformed"),
    "NUL": (basic("billing\0", SECRET), "client_unknown"),
    "not UTF-8": (basic_of(b"\xff:\xff"), "client_header_malformed"),
    "long": (basic("billing", SECRET * 1000), "client_header_malformed"),
}
refused = pytest.mark.parametrize(("header", "reason"), REFUSED.values(), ids=REFUSED)


@pytest.fixture
def app(make_session_app: MakeSessionApp) -> Flask:
    return make_session_app(**WITH_CLIENTS)


def ask(app: Flask, header: str, token: str, **options: Any) -> TestResponse:
    """Introspect a token with this ``Authorization`` header."""
    headers = {"Authorization": header, **options.pop("headers", {})}
    return app.test_client().post("/auth/introspect", data={"token": token}, headers=headers, **options)


def is_active(app: Flask, header: str, token: str) -> bool:
    answer = ask(app, header, token)
    assert answer.status_code == 200
    return bool(answer.get_json()["active"])


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


# Clients that are refused


@refused
def test_every_refused_client_gets_the_same_answer(app: Flask, header: str, reason: str) -> None:
    answer = ask(app, header, issue(app))

    assert (answer.status_code, answer.get_json()) == (401, INVALID_CLIENT)
    assert answer.headers["Cache-Control"] == "no-store"
    [challenge] = answer.headers.getlist("WWW-Authenticate")
    assert parse_challenge(challenge.encode()) == Challenge("Basic", {"realm": ISSUER})


@refused
def test_the_reason_is_in_the_signal(app: Flask, signal_log: SignalLog, header: str, reason: str) -> None:
    ask(app, header, "x")

    assert signal_log.reasons == [reason]


@refused
def test_no_part_of_the_credential_is_in_the_log(
    app: Flask, caplog: pytest.LogCaptureFixture, header: str, reason: str
) -> None:
    app.debug = True

    with caplog.at_level(logging.DEBUG):
        ask(app, header, "x")

    assert f"refused: {reason}: " in caplog.text
    for part in (header, header.partition(" ")[2], SECRET, REPORTS_SECRET, "hunter2", "stranger"):
        assert part not in caplog.text


@refused
def test_no_frame_of_a_refusal_has_a_secret_in_a_variable(app: Flask, header: str, reason: str) -> None:
    """Tools that collect errors send the variables of all frames away."""
    shown: list[str] = []

    @app.errorhandler(NotAuthenticated)
    def look(error: NotAuthenticated) -> Response:
        for each in (error, error.error):
            shown.extend(f"{frame.f_locals}" for frame, _ in walk_tb(each.__traceback__))
        return error.response

    ask(app, header, "x")

    assert len(shown) > 1
    for part in (header.partition(" ")[2], SECRET, REPORTS_SECRET, "hunter2"):
        assert [frame for frame in shown if part in frame] == []


def test_the_log_names_a_client_of_the_settings_whose_secret_was_wrong(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    app.debug = True

    ask(app, basic("billing", REPORTS_SECRET), "x")

    assert "client billing must send a secret whose hash is in TOKENAUTH_INTROSPECTION_CLIENTS" in caplog.text
    assert "or make both with: python -m flask_tokenauth client-secret" in caplog.text


@pytest.mark.parametrize("header", [{}, {"Authorization": "x"}, {"Authorization": "Token x"}])
def test_the_log_says_how_a_service_sends_a_client_id_and_a_secret(
    app: Flask, caplog: pytest.LogCaptureFixture, header: dict[str, str]
) -> None:
    """Libraries may send both in the body, which is not read."""
    app.debug = True
    body = {"token": "x", "client_id": "billing", "client_secret": SECRET}

    assert app.test_client().post("/auth/introspect", data=body, headers=header).status_code == 401
    assert "as HTTP Basic (client_secret_basic) and not in the body, if TOKENAUTH_INTROSPECTION_CLIENTS" in caplog.text
    assert SECRET not in caplog.text


def test_a_request_without_a_credential_gets_a_challenge_for_a_token(app: Flask) -> None:
    answer = app.test_client().post("/auth/introspect", data={"token": issue(app)})

    assert answer.status_code == 401
    assert answer.headers.getlist("WWW-Authenticate") == [f'Bearer realm="{ISSUER}", scope="{SCOPE}"']


def test_without_the_setting_a_client_is_refused(make_session_app: MakeSessionApp) -> None:
    app = make_session_app()

    assert ask(app, GOOD, issue(app)).status_code == 401


@pytest.mark.parametrize("sent", ["form", "json"])
def test_a_secret_in_the_body_is_not_read(app: Flask, sent: str) -> None:
    body: dict[str, Any] = {"token": issue(app), "client_id": "billing", "client_secret": SECRET}
    options = {"data": body} if sent == "form" else {"json": body}

    answer = app.test_client().post("/auth/introspect", **options)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "unauthorized")


def test_a_secret_in_the_body_beside_basic_changes_nothing(app: Flask) -> None:
    form = {"token": issue(app), "client_id": "reports", "client_secret": "hunter2"}

    answer = app.test_client().post("/auth/introspect", data=form, headers={"Authorization": GOOD})

    assert answer.get_json()["active"]


def test_a_secret_in_the_url_is_not_read(app: Flask) -> None:
    url = f"/auth/introspect?client_id=billing&client_secret={SECRET}"

    assert app.test_client().post(url, data={"token": issue(app)}).status_code == 401


def test_a_secret_sent_as_bearer_is_refused(app: Flask) -> None:
    assert ask(app, f"Bearer {SECRET}", issue(app)).status_code == 401


# HTTPS


def test_a_client_over_plain_http_is_refused_before_its_secret_is_checked(
    make_session_app: MakeSessionApp, signal_log: SignalLog
) -> None:
    app = make_session_app(TOKENAUTH_ENFORCE_HTTPS="refuse", **WITH_CLIENTS)

    answers = [ask(app, header, "x") for header in (GOOD, basic("billing", "hunter2"))]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert signal_log.reasons == ["transport_insecure"] * 2


def test_a_client_over_https_is_answered(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_ENFORCE_HTTPS="refuse", **WITH_CLIENTS)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]

    assert ask(app, GOOD, issue(app), headers={"X-Forwarded-Proto": "https"}).get_json()["active"]


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


# Error handlers


def test_a_handler_keeps_one_challenge(app: Flask) -> None:
    app.register_error_handler(AuthError, lambda error: error.response)

    assert ask(app, basic("stranger", SECRET), "x").headers.getlist("WWW-Authenticate") == [f'Basic realm="{ISSUER}"']


def test_a_challenge_of_a_handler_for_basic_is_replaced(app: Flask) -> None:
    app.register_error_handler(401, lambda error: ("handled", 401, {"WWW-Authenticate": 'BASIC realm="pages"'}))

    answer = ask(app, basic("stranger", SECRET), "x")

    assert answer.headers.getlist("WWW-Authenticate") == [f'Basic realm="{ISSUER}"']


def test_a_challenge_of_a_handler_for_another_scheme_stays(app: Flask) -> None:
    app.register_error_handler(401, lambda error: ("handled", 401, {"WWW-Authenticate": "Negotiate"}))

    answer = ask(app, basic("stranger", SECRET), "x")

    assert answer.headers.getlist("WWW-Authenticate") == [f'Basic realm="{ISSUER}"', "Negotiate"]
