"""``auth.revoke_session``: end one session, by its ID or the current one; and the errors of all such calls."""

from collections.abc import Callable

import pytest
from flask import Flask

from flask_tokenauth import NotAuthenticated, SettingsError, StoreUnavailable, TokenAuth, create_token
from flask_tokenauth.core.claim_errors import TokenExpired
from flask_tokenauth.core.errors import MissingCredential, Refusal
from flask_tokenauth.core.token_errors import MissingSession

from ..conftest import NOW, MakeApp, StandingClock, bearer
from .conftest import Auth
from .devices import id_of, me, run_in_view
from .kit import IDLE, INVALID_GRANT, Backend, SignalLog, is_live, refresh, sign_in, store_of, unavailable

# By ID


def test_revoke_session_ends_a_session_by_its_id(api: Flask, auth: Auth, signal_log: SignalLog) -> None:
    login, other = sign_in(api), sign_in(api)
    signal_log.sessions.clear()

    with api.app_context():
        assert auth.revoke_session(id_of(login)) is True

    assert [me(api, tokens["access_token"]) for tokens in (login, other)] == [401, 200]
    assert refresh(api, login["refresh_token"]).get_json() == INVALID_GRANT
    assert signal_log.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(login), "user_id": "alice", "reason": "revoked"})
    ]


def test_a_view_may_end_the_session_of_another_user(api: Flask, auth: Auth) -> None:
    alice, bob = sign_in(api), sign_in(api, "bob")

    assert run_in_view(api, lambda: auth.revoke_session(id_of(bob)), alice["access_token"]) == (200, {"result": True})

    assert [me(api, login["access_token"]) for login in (alice, bob)] == [200, 401]


def test_ending_a_session_by_its_id_needs_no_login(api: Flask, auth: Auth) -> None:
    login = sign_in(api)

    assert run_in_view(api, lambda: auth.revoke_session(id_of(login)), None) == (200, {"result": True})


@pytest.mark.parametrize("session_id", ["unknown", "", "é", "x" * 1000, "\0", "\ud800"])
def test_revoke_session_returns_false_for_an_unknown_id(
    api: Flask, auth: Auth, signal_log: SignalLog, session_id: str
) -> None:
    with api.app_context():
        assert auth.revoke_session(session_id) is False

    assert signal_log.sessions == []


def test_revoke_session_returns_false_the_second_time(api: Flask, auth: Auth, signal_log: SignalLog) -> None:
    login = sign_in(api)
    signal_log.sessions.clear()

    with api.app_context():
        assert [auth.revoke_session(id_of(login)) for _ in range(2)] == [True, False]

    assert len(signal_log.sessions) == 1


def test_revoke_session_ends_the_access_tokens_of_an_expired_session(api: Flask, auth: Auth, backend: Backend) -> None:
    login = sign_in(api)
    backend.age(id_of(login), IDLE)
    assert me(api, login["access_token"]) == 200

    with api.app_context():
        assert auth.revoke_session(id_of(login)) is True

    assert me(api, login["access_token"]) == 401


def test_revoke_session_takes_an_id_and_no_session(api: Flask, auth: Auth) -> None:
    login = sign_in(api)

    with api.app_context():
        [session] = auth.list_sessions("alice")
        with pytest.raises(TypeError, match="must be a string, got Session"):
            auth.revoke_session(session)  # type: ignore[arg-type]  # the error under test
        with pytest.raises(TypeError, match="must be a string, got bytes"):
            auth.revoke_session(session.session_id.encode())  # type: ignore[arg-type]  # as above

    assert is_live(api, login["refresh_token"])


# The current session


def test_revoke_session_without_an_id_ends_the_current_session(api: Flask, auth: Auth, signal_log: SignalLog) -> None:
    login, other = sign_in(api), sign_in(api)
    signal_log.sessions.clear()

    assert run_in_view(api, auth.revoke_session, login["access_token"]) == (200, {"result": True})

    assert [me(api, tokens["access_token"]) for tokens in (login, other)] == [401, 200]
    assert [facts["session_id"] for _, facts in signal_log.sessions] == [id_of(login)]


def test_revoke_session_twice_in_one_request_raises(api: Flask, auth: Auth) -> None:
    status, body = run_in_view(
        api, lambda: [auth.revoke_session(), auth.revoke_session()], sign_in(api)["access_token"]
    )

    assert (status, body["error"]) == (401, "invalid_token")


@pytest.mark.parametrize(("kind", "error"), [("none", "unauthorized"), ("bare", "invalid_token")])
def test_revoke_session_without_a_current_session_raises(api: Flask, auth: Auth, kind: str, error: str) -> None:
    login = sign_in(api)
    with api.app_context():
        token = {"none": None, "bare": create_token("alice")}[kind]

    status, body = run_in_view(api, auth.revoke_session, token)

    assert (status, body["error"]) == (401, error)
    assert is_live(api, login["refresh_token"])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("none", MissingCredential), ("bare", MissingSession), ("over", MissingSession), ("expired", TokenExpired)],
)
def test_the_error_has_the_reason(
    api: Flask,
    auth: Auth,
    backend: Backend,
    clock: StandingClock,
    signal_log: SignalLog,
    *,
    kind: str,
    reason: type[Refusal],
) -> None:
    login = sign_in(api)
    with api.app_context():
        headers = {} if kind == "none" else bearer(create_token("alice") if kind == "bare" else login["access_token"])
    if kind == "over":
        backend.age(id_of(login), IDLE)
    clock.now = NOW + (3600 if kind == "expired" else 0)

    with api.test_request_context(headers=headers), pytest.raises(NotAuthenticated) as refused:
        auth.revoke_session()

    assert type(refused.value.error) is reason
    assert signal_log.reasons == [reason.reason]


def test_revoke_session_without_an_id_needs_a_request(api: Flask, auth: Auth) -> None:
    with api.app_context(), pytest.raises(RuntimeError, match="needs a request"):
        auth.revoke_session()


# Errors

CALLS: dict[str, Callable[[Auth], object]] = {
    "list_sessions": lambda auth: list(auth.list_sessions("alice")),
    "revoke_session": lambda auth: auth.revoke_session("x"),
    "revoke_session, the current": lambda auth: auth.revoke_session(),
    "revoke_user": lambda auth: auth.revoke_user("alice", api_keys=True),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_each_call_without_a_store_names_the_setting(make_app: MakeApp, call: Callable[[Auth], object]) -> None:
    auth = TokenAuth()
    stateless = make_app(auth=auth)

    with stateless.test_request_context(), pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        call(auth)


@every_call
def test_each_call_without_the_extension_raises(call: Callable[[Auth], object]) -> None:
    with Flask("plain").test_request_context(), pytest.raises(SettingsError, match="not set up"):
        call(TokenAuth())


@every_call
def test_each_call_during_an_outage_raises_and_sends_no_signal(
    api: Flask, auth: Auth, signal_log: SignalLog, call: Callable[[Auth], object]
) -> None:
    login = sign_in(api)
    signal_log.sessions.clear()

    with api.test_request_context(headers=bearer(login["access_token"])):
        api.preprocess_request()
        with unavailable(store_of(api)), pytest.raises(StoreUnavailable):
            call(auth)

    assert signal_log.sessions == []
    assert me(api, login["access_token"]) == 200
