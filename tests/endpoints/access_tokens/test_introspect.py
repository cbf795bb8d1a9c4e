"""``POST /auth/introspect`` (RFC 7662): another service asks about a token of this issuer."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth

from ...conftest import AUDIENCE, ISSUER, SECRET, Mint, StandingClock, bearer
from ...lifecycle.conftest import MakeSessionApp
from ...lifecycle.devices import introspect, log_out
from ...lifecycle.kit import MOSTLY_IN_MEMORY, SignalLog, claims_of, missing, repeated, sign_in, store_of
from ...lifecycle.revocation.kit import ALL_MODES, issue, revoke_current

pytestmark = MOSTLY_IN_MEMORY

SCOPE = "tokenauth:introspect"
REPORTS = "https://reports.example"  # another service
INACTIVE = {"active": False}


@pytest.fixture
def caller(app: Flask) -> str:
    """Return the token of a service that may introspect."""
    return issue(app, "reports", [SCOPE])


def is_active(app: Flask, caller: str, token: str) -> bool:
    """Introspect a token, and check that an inactive one gets no other facts."""
    answer = introspect(app, caller, token)
    assert answer.status_code == 200
    body = answer.get_json()
    if not body["active"]:
        assert body == INACTIVE
    return bool(body["active"])


# Active tokens


def test_the_answer_has_all_claims_of_a_good_token(app: Flask, caller: str, clock: StandingClock) -> None:
    token = issue(app, "alice", ["a", "b"], claims={"team": {"id": 7}})

    answer = introspect(app, caller, token)

    assert answer.get_json() == {
        "active": True,
        "token_type": "Bearer",
        "scope": "a b",
        "client_id": ISSUER,
        "sub": "alice",
        "aud": AUDIENCE,
        "iss": ISSUER,
        "iat": int(clock.now),
        "exp": int(clock.now) + 900,
        "jti": claims_of(token)["jti"],
        "team": {"id": 7},
    }
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_token_of_a_session_is_active_too(make_session_app: MakeSessionApp, mode: str) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION=mode)
    login = sign_in(app)

    body = introspect(app, issue(app, "reports", [SCOPE]), login["access_token"]).get_json()

    assert (body["active"], body["sid"]) == (True, claims_of(login["access_token"])["sid"])


def test_a_caller_may_introspect_its_own_token(app: Flask, caller: str) -> None:
    assert is_active(app, caller, caller)


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_a_hint_changes_nothing(app: Flask, caller: str, hint: str) -> None:
    """RFC 7662 section 2.1: "the authorization server MUST extend its search"."""
    assert introspect(app, caller, issue(app), token_type_hint=hint).get_json()["active"]


def test_custom_claims_cannot_change_active_or_token_type(app: Flask, caller: str) -> None:
    claims = {"active": False, "token_type": "mac"}

    body = introspect(app, caller, issue(app, claims=claims)).get_json()

    assert (body["active"], body["token_type"]) == (True, "Bearer")


def test_the_token_may_be_sent_as_json(app: Flask, caller: str) -> None:
    headers = {"Authorization": f"Bearer {caller}"}

    answer = app.test_client().post("/auth/introspect", json={"token": issue(app)}, headers=headers)

    assert answer.get_json()["active"]


# Inactive tokens


def forged(app: Flask) -> str:
    return issue(app)[:-8] + "AAAAAAAA"


def of_another_issuer(app: Flask) -> str:
    other = Flask("other")
    other.config |= {"SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": "https://other.example", "TOKENAUTH_AUDIENCE": AUDIENCE}
    TokenAuth(other)
    return issue(other)


def revoked(app: Flask) -> str:
    token = issue(app)
    revoke_current(app, token)
    return token


def of_an_ended_session(app: Flask) -> str:
    token: str = sign_in(app)["access_token"]
    log_out(app, token)
    return token


def of_a_revoked_user(app: Flask) -> str:
    token = issue(app)
    with app.app_context():
        TokenAuth().revoke_user("alice", api_keys=True)
    return token


BAD: dict[str, Callable[[Flask], str]] = {
    "garbage": lambda app: "x",
    "dots": lambda app: "x.y.z",
    "not ASCII": lambda app: "é",
    "long": lambda app: "x" * 9000,
    "forged": forged,
    "of another issuer": of_another_issuer,
    "for another audience": lambda app: issue(app, audience=REPORTS),
    "a refresh token": lambda app: str(sign_in(app)["refresh_token"]),
    "revoked": revoked,
    "of a session that has ended": of_an_ended_session,
    "of a user who was revoked": of_a_revoked_user,
}


NEEDS_REVOCATION = ("revoked", "of a user who was revoked")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "make"),
    [(mode, BAD[name]) for name in BAD for mode in ALL_MODES if mode != "off" or name not in NEEDS_REVOCATION],
)
def test_any_other_string_is_inactive_without_further_facts(
    make_session_app: MakeSessionApp, signal_log: SignalLog, make: Callable[[Flask], str], mode: str
) -> None:
    app = make_session_app(TOKENAUTH_REVOCATION=mode)
    caller, text = issue(app, "reports", [SCOPE]), make(app)
    signal_log.reasons.clear()

    assert not is_active(app, caller, text)

    assert signal_log.reasons == []  # the caller was not refused


@pytest.mark.parametrize(("passed", "active"), [(909, True), (910, False)])
def test_a_token_is_active_until_its_last_second(
    app: Flask, clock: StandingClock, passed: int, *, active: bool
) -> None:
    token = issue(app)
    clock.now += passed

    assert is_active(app, issue(app, "reports", [SCOPE]), token) is active


def test_a_token_that_token_check_refuses_is_inactive(app: Flask, auth: TokenAuth[Any], caller: str) -> None:
    auth.token_check(lambda token: token.subject != "alice")

    assert not is_active(app, caller, issue(app, "alice"))
    assert is_active(app, caller, issue(app, "bob"))


def test_a_token_whose_user_id_does_not_convert_is_inactive(make_session_app: MakeSessionApp) -> None:
    with_int_ids = make_session_app(auth=TokenAuth(user_id_type=int))
    with_string_ids = make_session_app(auth=TokenAuth())
    caller = issue(with_int_ids, 1, [SCOPE])

    assert is_active(with_int_ids, caller, issue(with_int_ids, 42))
    assert not is_active(with_int_ids, caller, issue(with_string_ids, "alice"))


def test_introspection_asks_the_store_each_time(app: Flask, make_session_app: MakeSessionApp) -> None:
    other = make_session_app(auth=TokenAuth())
    caller, token = issue(app, "reports", [SCOPE]), issue(app)
    assert is_active(other, caller, token)

    revoke_current(app, token)

    assert not is_active(other, caller, token)


# Audiences


def test_a_caller_may_introspect_tokens_for_its_audience(app: Flask) -> None:
    caller = issue(app, "reports", [SCOPE], audience=[AUDIENCE, REPORTS])

    assert is_active(app, caller, issue(app, audience=REPORTS))
    assert is_active(app, caller, issue(app))
    assert is_active(app, caller, issue(app, audience=["https://third.example", REPORTS]))
    assert not is_active(app, caller, issue(app, audience="https://third.example"))


def test_tokens_for_another_audience_are_inactive(app: Flask, caller: str) -> None:
    assert not is_active(app, caller, issue(app, audience=REPORTS))
    assert is_active(app, caller, issue(app, audience=[REPORTS, AUDIENCE]))


# Callers


def test_a_caller_without_the_scope_is_refused(app: Flask) -> None:
    answer = introspect(app, issue(app, scopes=["admin", "tokenauth"]), issue(app))

    assert answer.status_code == 403
    assert f'scope="{SCOPE}"' in answer.headers["WWW-Authenticate"]
    assert answer.get_json()["scope"] == SCOPE


@pytest.mark.parametrize("make", [BAD[name] for name in BAD if name != "not ASCII"])
def test_a_caller_without_a_good_token_is_refused(app: Flask, make: Callable[[Flask], str]) -> None:
    answer = introspect(app, make(app), issue(app))

    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers


def test_a_caller_with_client_credentials_learns_which_scope_a_token_needs(app: Flask) -> None:
    """Many resource servers introspect with a client ID and a secret."""
    answer = app.test_client().post("/auth/introspect", data={"token": issue(app)}, auth=("reports", "hunter2"))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="{ISSUER}", scope="{SCOPE}"'


def test_a_caller_whose_token_was_revoked_is_refused(app: Flask, caller: str) -> None:
    revoke_current(app, caller)

    assert introspect(app, caller, issue(app)).status_code == 401


def test_the_scope_needs_no_declaration(make_session_app: MakeSessionApp) -> None:
    app = make_session_app(TOKENAUTH_SCOPES={"a": "A", "b": "B", "admin": {"implies": [SCOPE]}})

    assert is_active(app, issue(app, "reports", [SCOPE]), issue(app))
    assert is_active(app, issue(app, "reports", ["admin"]), issue(app))
    assert introspect(app, issue(app, "reports", ["a"]), issue(app)).status_code == 403


@pytest.mark.parametrize(
    ("body", "refused"),
    [({}, missing("token")), ({"token": ""}, missing("token")), ({"tokens": "x"}, missing("token"))],
)
def test_a_request_without_a_token_parameter_is_refused(
    app: Flask, caller: str, body: dict[str, str], refused: dict[str, str]
) -> None:
    headers = {"Authorization": f"Bearer {caller}"}

    answer = app.test_client().post("/auth/introspect", data=body, headers=headers)

    assert (answer.status_code, answer.get_json()) == (400, refused)


def test_parameters_that_introspection_does_not_use_may_come_twice(app: Flask, caller: str) -> None:
    form = {"token": issue(app), "token_type_hint": ["a", "b"], "resource": ["a", "b"]}

    assert app.test_client().post("/auth/introspect", data=form, headers=bearer(caller)).get_json()["active"]


def test_a_second_token_is_refused_by_name(app: Flask, caller: str) -> None:
    answer = app.test_client().post("/auth/introspect", data={"token": ["a", "b"]}, headers=bearer(caller))

    assert (answer.status_code, answer.get_json()) == (400, repeated("token"))


def test_a_revocation_that_the_store_has_lost_still_counts(app: Flask, caller: str) -> None:
    token = issue(app)
    revoke_current(app, token)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_of(app), "is_revoked", lambda **token_facts: False)
        assert not is_active(app, caller, token)


def test_an_empty_audience_is_answered(app: Flask, mint: Mint, clock: StandingClock) -> None:
    caller = mint(aud=["", AUDIENCE], scope=SCOPE, iat=clock.now, exp=clock.now + 900)
    empty = mint(aud="", iat=clock.now, exp=clock.now + 900)

    assert is_active(app, caller, issue(app))
    assert not is_active(app, caller, empty)
