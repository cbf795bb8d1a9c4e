"""``POST /auth/exchange`` (RFC 8693): the answer, the parameters, and the applications that have the endpoint."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import SettingsError, TokenAuth, token_exchanged
from flask_tokenauth.application.app_state import state_of

from ...conftest import AUDIENCE, ISSUER, NOW, MakeApp, Mint, StandingClock, bearer
from ...lifecycle.conftest import signal_log
from ...lifecycle.exchange.conftest import MakeWorker
from ...lifecycle.exchange.kit import KEYS, PUBLIC_KEYS, REPORTS, token_for, verify
from ...lifecycle.kit import SignalLog, claims_of, missing, not_a_string, repeated, sign_in, store_of, unavailable
from .conftest import MakeApi
from .kit import ACCESS_TOKEN, CLIENT, GRANT_TYPE, JWT, MAIL, WITH_EXCHANGE, ask, caller_of, error_of, exchanged

__all__ = ["signal_log"]  # a fixture

SCOPES = {"admin": {"description": "All", "implies": ["reports:read"]}, "reports:read": "Read", "other": "Other"}


@pytest.fixture(params=["a token", "a client"])
def caller(request: pytest.FixtureRequest, api: Flask) -> dict[str, str]:
    return CLIENT if request.param == "a client" else caller_of(api)


def test_a_caller_gets_a_token_whose_actor_it_is(api: Flask, caller: dict[str, str]) -> None:
    subject = sign_in(api, scopes=["reports:read", "b"])["access_token"]
    parent = claims_of(subject)

    answer = ask(api, caller, subject, scope="b")

    body = answer.get_json()
    child = claims_of(body.pop("access_token"))
    assert body == {"token_type": "Bearer", "expires_in": 300, "scope": "b", "issued_token_type": ACCESS_TOKEN}
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert child == {
        **{name: parent[name] for name in ("iss", "sub", "sid", "auth_time", "client_id")},
        "aud": REPORTS,
        "iat": int(NOW),
        "exp": int(NOW) + 300,
        "jti": child["jti"],
        "scope": "b",
        "act": {"sub": "billing"},
        "parent": {"jti": parent["jti"], "exp": parent["exp"]},
    }


def test_the_next_service_sees_the_actor(api: Flask, caller: dict[str, str]) -> None:
    token = verify(api, exchanged(api, caller, token_for(api)))

    assert (token.subject, token.actor, sorted(token.scopes)) == ("alice", "billing", ["reports:read"])


def test_each_audience_of_the_caller_is_a_target(api: Flask, caller: dict[str, str]) -> None:
    assert claims_of(exchanged(api, caller, token_for(api), audience=MAIL))["aud"] == MAIL


@pytest.mark.parametrize("kind", [ACCESS_TOKEN, JWT])
@pytest.mark.parametrize("parameter", ["subject_token_type", "requested_token_type"])
def test_an_access_token_is_a_jwt_too(api: Flask, parameter: str, kind: str) -> None:
    """RFC 8693 section 3: the answer names the type that was asked for."""
    answer = ask(api, CLIENT, token_for(api), **{parameter: kind})

    expected = kind if parameter == "requested_token_type" else ACCESS_TOKEN
    assert (answer.status_code, answer.get_json()["issued_token_type"]) == (200, expected)


def test_the_parameters_may_come_as_json(api: Flask) -> None:
    body = {
        "grant_type": GRANT_TYPE, "subject_token": token_for(api), "subject_token_type": JWT, "audience": REPORTS,
    }  # fmt: skip

    assert api.test_client().post("/auth/exchange", json=body, headers=CLIENT).status_code == 200


def test_the_lifetime_ends_with_that_of_the_subject_token(api: Flask, mint: Mint, clock: StandingClock) -> None:
    token = mint(exp=NOW + 900)
    for left, lifetime in ((301, 300), (300, 300), (299, 299), (1, 1)):
        clock.now = NOW + 900 - left

        assert ask(api, CLIENT, token).get_json()["expires_in"] == lifetime
    clock.now = NOW + 900
    assert error_of(ask(api, CLIENT, token)) == (400, "invalid_request")


# Scopes


@pytest.mark.parametrize(
    ("held", "asked", "granted"),
    [
        ("b a", ..., "a b"),
        ("a b", "", "a b"),
        ("a b", "b a b", "b a"),
        (..., ..., ""),
        ("a", "b", None),
        ("a", "a b", None),
        ("a", "a  a", None),
        ("a", '"a"', None),
        (..., "a", None),
    ],
)
def test_no_scope_is_granted_that_the_subject_token_lacks(
    api: Flask, mint: Mint, signal_log: SignalLog, *, held: object, asked: Any, granted: str | None
) -> None:
    answer = ask(api, CLIENT, mint(scope=held), scope=asked)

    if granted is None:
        assert error_of(answer) == (400, "invalid_scope")
        assert signal_log.reasons == ["scope_not_granted"]
    else:
        assert answer.get_json()["scope"] == granted
        assert claims_of(answer.get_json()["access_token"]).get("scope", "") == granted


@pytest.mark.parametrize(
    ("held", "asked", "granted"),
    [
        ("admin", "reports:read", "reports:read"),
        ("admin old", ..., "admin"),
        ("reports:read", "admin", None),
        ("admin", "other", None),
        ("admin old", "old", None),
    ],
)
def test_implied_scopes_are_granted_and_undeclared_ones_are_not(
    make_api: MakeApi, mint: Mint, *, held: str, asked: Any, granted: str | None
) -> None:
    answer = ask(make_api(TOKENAUTH_SCOPES=SCOPES), CLIENT, mint(scope=held), scope=asked)

    if granted is None:
        assert error_of(answer) == (400, "invalid_scope")
    else:
        assert answer.get_json()["scope"] == granted


# Parameters


@pytest.mark.parametrize("name", ["grant_type", "subject_token", "subject_token_type", "audience"])
@pytest.mark.parametrize("value", [..., ""])
def test_a_required_parameter_must_have_a_value(api: Flask, name: str, value: Any) -> None:
    answer = ask(api, CLIENT, token_for(api), **{name: value})

    assert (answer.status_code, answer.get_json()) == (400, missing(name))


@pytest.mark.parametrize(
    "name",
    ["grant_type", "subject_token", "subject_token_type", "audience", "scope", "requested_token_type", "resource",
     "actor_token", "actor_token_type"],
)  # fmt: skip
def test_no_parameter_comes_twice(api: Flask, name: str) -> None:
    answer = ask(api, CLIENT, token_for(api), **{name: ["x", "y"]})

    assert (answer.status_code, answer.get_json()) == (400, repeated(name))


def test_one_audience_is_a_string_in_json(api: Flask) -> None:
    body = {"grant_type": GRANT_TYPE, "subject_token": "x", "subject_token_type": JWT, "audience": [REPORTS]}

    answer = api.test_client().post("/auth/exchange", json=body, headers=CLIENT)

    assert (answer.status_code, answer.get_json()) == (400, not_a_string("audience"))


OF_TYPE = "urn:ietf:params:oauth:token-type:"
WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    "another grant type": ({"grant_type": "refresh_token"}, "unsupported_grant_type", "grant_type_unsupported"),
    "a longer grant type": ({"grant_type": f"{GRANT_TYPE}s"}, "unsupported_grant_type", "grant_type_unsupported"),
    "another audience": ({"audience": "https://third.example"}, "invalid_target", "target_not_allowed"),
    "our own audience": ({"audience": AUDIENCE}, "invalid_target", "target_not_allowed"),
    "two audiences in one": ({"audience": f"{REPORTS} {MAIL}"}, "invalid_target", "target_not_allowed"),
    "a slash more": ({"audience": f"{REPORTS}/"}, "invalid_target", "target_not_allowed"),
    "a resource": ({"resource": REPORTS}, "invalid_target", "resource_not_supported"),
    "an actor token": ({"actor_token": "x", "actor_token_type": JWT}, "invalid_request", "actor_token_sent"),
    "an actor token alone": ({"actor_token": "x"}, "invalid_request", "actor_token_sent"),
    "an actor type alone": ({"actor_token_type": JWT}, "invalid_request", "actor_token_sent"),
    "an ID token": ({"subject_token_type": f"{OF_TYPE}id_token"}, "invalid_request", "parameter_value_wrong"),
    "a refresh token": ({"subject_token_type": f"{OF_TYPE}refresh_token"}, "invalid_request", "parameter_value_wrong"),
    "SAML": ({"subject_token_type": f"{OF_TYPE}saml2"}, "invalid_request", "parameter_value_wrong"),
    "a wish for SAML": ({"requested_token_type": f"{OF_TYPE}saml2"}, "invalid_request", "parameter_value_wrong"),
    "a wish for more": (
        {"requested_token_type": f"{OF_TYPE}refresh_token"},
        "invalid_request",
        "parameter_value_wrong",
    ),
}


@pytest.mark.parametrize(("changes", "error", "reason"), WRONG.values(), ids=WRONG)
def test_another_wish_is_refused(
    api: Flask, signal_log: SignalLog, changes: dict[str, str], error: str, reason: str
) -> None:
    answer = ask(api, CLIENT, token_for(api), **changes)

    assert error_of(answer) == (400, error)
    assert signal_log.reasons == [reason]


# Outages, signals, other applications


@pytest.mark.parametrize("mode", ["feed", "strict", "off"])
def test_an_outage_of_the_store_gives_no_token(make_api: MakeApi, mode: str) -> None:
    api = make_api(TOKENAUTH_REVOCATION=mode)
    subject = token_for(api)

    with unavailable(store_of(api), "is_revoked"):
        answer = ask(api, CLIENT, subject)

    assert error_of(answer) == (503, "temporarily_unavailable")


def test_signals_tell_of_the_exchange(api: Flask, signal_log: SignalLog) -> None:
    subject = token_for(api)
    del signal_log.issued[:]
    told: list[dict[str, Any]] = []
    with token_exchanged.connected_to(lambda _, **facts: told.append(facts), api):
        ask(api, CLIENT, subject)
        ask(api, CLIENT, subject, audience="https://third.example")

    audience = frozenset({REPORTS})
    scopes, lifetime = frozenset({"reports:read"}), timedelta(minutes=5)
    assert signal_log.issued == [{"user_id": "alice", "scopes": scopes, "audience": audience, "expires_in": lifetime}]
    parent = claims_of(subject)["jti"]
    assert told == [{"user_id": "alice", "actor": "billing", "audience": audience, "parent_id": parent}]


def test_a_token_over_plain_http_is_refused(make_api: MakeApi, signal_log: SignalLog) -> None:
    api = make_api(TOKENAUTH_ENFORCE_HTTPS="refuse")

    answer = ask(api, CLIENT, token_for(api))

    assert (answer.status_code, signal_log.reasons) == (400, ["transport_insecure"])


def test_an_application_without_callers_has_no_endpoint(make_api: MakeApi) -> None:
    assert ask(make_api(TOKENAUTH_EXCHANGE=None), CLIENT, "x").status_code == 404
    assert ask(make_api(TOKENAUTH_EXCHANGE={}), CLIENT, "x").status_code == 404


def test_an_application_that_is_set_up_later_answers_404_without_callers(make_worker: MakeWorker) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    app = Flask("tests")
    app.register_blueprint(auth.endpoints)
    name = "TOKENAUTH_INTROSPECTION_CLIENTS"
    app.config |= make_worker().config | {name: WITH_EXCHANGE[name]}
    auth.init_app(app)

    assert ask(app, CLIENT, "x").status_code == 404


def test_the_endpoint_is_not_announced_as_one_for_tokens(api: Flask) -> None:
    """A client would send an exchange to ``token_endpoint``, which redeems refresh tokens."""
    api.register_blueprint(TokenAuth().well_known)

    document = api.test_client().get("/.well-known/oauth-authorization-server").get_json()

    assert document["grant_types_supported"] == ["refresh_token"]


def test_routes_show_its_guard(api: Flask) -> None:
    output = api.test_cli_runner().invoke(args=["tokenauth", "routes"]).output

    [line] = [line for line in output.splitlines() if "exchange" in line]
    assert line.split(maxsplit=2)[2] == (
        "tokenauth:exchange (only jwt, reference), or a client of TOKENAUTH_INTROSPECTION_CLIENTS"
    )


# Settings


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"TOKENAUTH_KEYS": None},
            "EXCHANGE: an exchange of tokens needs TOKENAUTH_KEYS with a private key, got a secret",
        ),
        ({"TOKENAUTH_KEYS": PUBLIC_KEYS}, "EXCHANGE: an exchange of tokens needs .*, got no key that signs"),
        ({"TOKENAUTH_STORE": None, "TOKENAUTH_KEYS": KEYS}, "EXCHANGE needs TOKENAUTH_STORE, which is not set"),
    ],
)
def test_it_needs_a_private_key_and_a_store(make_app: MakeApp, config: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=f"^TOKENAUTH_{message}"):
        make_app(**{"TOKENAUTH_STORE": "memory://", **WITH_EXCHANGE, **config})


def test_keys_that_become_secret_while_it_runs_exchange_nothing(api: Flask) -> None:
    """A file of keys may be replaced at any time."""
    subject, state = token_for(api), state_of(api)
    secret = Flask("other")
    secret.config |= {"SECRET_KEY": api.config["SECRET_KEY"], "TOKENAUTH_ISSUER": ISSUER}
    TokenAuth(secret)
    state.settings.keys.exchange(state_of(secret).settings.keys)

    with pytest.raises(SettingsError, match="got a secret"), api.test_request_context(headers=bearer(subject)):
        _ = state.exchange_issuer
