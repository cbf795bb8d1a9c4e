"""``auth.revoke_session``: one session, by its ID or the current; and where nothing can be ended or listed at all."""

from collections.abc import Callable

import pytest
from flask import Flask

from flask_tokenauth import NotAuthenticated, SettingsError, StoreUnavailable, TokenAuth, create_token
from flask_tokenauth.core.errors import MissingCredential, MissingSession, Refusal, TokenExpired

from ..conftest import NOW, MakeApp, StandingClock, bearer
from .conftest import Auth
from .devices import id_of, in_view, me
from .kit import IDLE, INVALID_GRANT, Backend, Heard, away, is_live, refresh, sign_in, store_of

# Ending one


def test_an_operator_ends_any_session_by_its_id(api: Flask, auth: Auth, heard: Heard) -> None:
    login, other = sign_in(api), sign_in(api)
    heard.sessions.clear()

    with api.app_context():
        assert auth.revoke_session(id_of(login)) is True

    assert [me(api, each["access_token"]) for each in (login, other)] == [401, 200]
    assert refresh(api, login["refresh_token"]).get_json() == INVALID_GRANT
    assert heard.sessions == [
        ("tokenauth-session-ended", {"session_id": id_of(login), "user_id": "alice", "reason": "revoked"})
    ]


def test_a_view_may_end_the_session_of_another_user(api: Flask, auth: Auth) -> None:
    alice, bob = sign_in(api), sign_in(api, "bob")

    assert in_view(api, lambda: auth.revoke_session(id_of(bob)), alice["access_token"]) == (200, {"result": True})

    assert [me(api, each["access_token"]) for each in (alice, bob)] == [200, 401]


def test_nobody_has_to_be_logged_in_to_end_one_by_its_id(api: Flask, auth: Auth) -> None:
    login = sign_in(api)

    assert in_view(api, lambda: auth.revoke_session(id_of(login)), None) == (200, {"result": True})


@pytest.mark.parametrize("session_id", ["unknown", "", "é", "x" * 1000, "\0", "\ud800"])
def test_where_there_is_none_none_is_ended(api: Flask, auth: Auth, heard: Heard, session_id: str) -> None:
    with api.app_context():
        assert auth.revoke_session(session_id) is False

    assert heard.sessions == []


def test_none_is_ended_twice(api: Flask, auth: Auth, heard: Heard) -> None:
    login = sign_in(api)
    heard.sessions.clear()

    with api.app_context():
        assert [auth.revoke_session(id_of(login)) for _ in range(2)] == [True, False]

    assert len(heard.sessions) == 1


def test_a_session_that_has_expired_is_ended_for_its_access_tokens(api: Flask, auth: Auth, backend: Backend) -> None:
    login = sign_in(api)
    backend.age(id_of(login), IDLE)
    assert me(api, login["access_token"]) == 200

    with api.app_context():
        assert auth.revoke_session(id_of(login)) is True

    assert me(api, login["access_token"]) == 401


def test_a_session_is_named_by_its_id(api: Flask, auth: Auth) -> None:
    login = sign_in(api)

    with api.app_context():
        [session] = auth.list_sessions("alice")
        with pytest.raises(TypeError, match="must be a string, got Session"):
            auth.revoke_session(session)  # type: ignore[arg-type]  # the mistake
        with pytest.raises(TypeError, match="must be a string, got bytes"):
            auth.revoke_session(session.session_id.encode())  # type: ignore[arg-type]  # as above

    assert is_live(api, login["refresh_token"])


# The current one


def test_without_an_id_the_current_session_ends(api: Flask, auth: Auth, heard: Heard) -> None:
    login, other = sign_in(api), sign_in(api)
    heard.sessions.clear()

    assert in_view(api, auth.revoke_session, login["access_token"]) == (200, {"result": True})

    assert [me(api, each["access_token"]) for each in (login, other)] == [401, 200]
    assert [told["session_id"] for _, told in heard.sessions] == [id_of(login)]


def test_who_asks_twice_in_one_request_has_no_current_session_any_more(api: Flask, auth: Auth) -> None:
    status, body = in_view(api, lambda: [auth.revoke_session(), auth.revoke_session()], sign_in(api)["access_token"])

    assert (status, body["error"]) == (401, "invalid_token")


@pytest.mark.parametrize(("kind", "error"), [("none", "unauthorized"), ("bare", "invalid_token")])
def test_who_has_no_session_is_refused(api: Flask, auth: Auth, kind: str, error: str) -> None:
    login = sign_in(api)
    with api.app_context():
        token = {"none": None, "bare": create_token("alice")}[kind]

    status, body = in_view(api, auth.revoke_session, token)

    assert (status, body["error"]) == (401, error)
    assert is_live(api, login["refresh_token"])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("none", MissingCredential), ("bare", MissingSession), ("over", MissingSession), ("expired", TokenExpired)],
)
def test_the_refusal_says_why(
    api: Flask, auth: Auth, backend: Backend, clock: StandingClock, heard: Heard, *, kind: str, reason: type[Refusal]
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
    assert heard.reasons == [reason.reason]


def test_without_a_request_there_is_no_current_session(api: Flask, auth: Auth) -> None:
    with api.app_context(), pytest.raises(RuntimeError, match="request context"):
        auth.revoke_session()


# Where it cannot work

CALLS: dict[str, Callable[[Auth], object]] = {
    "list_sessions": lambda auth: auth.list_sessions("alice"),
    "revoke_session": lambda auth: auth.revoke_session("x"),
    "revoke_session, the current": lambda auth: auth.revoke_session(),
    "revoke_user": lambda auth: auth.revoke_user("alice", api_keys=True),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_without_a_store_the_setting_is_named(make_app: MakeApp, call: Callable[[Auth], object]) -> None:
    auth = TokenAuth()
    stateless = make_app(auth=auth)

    with stateless.test_request_context(), pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        call(auth)


@every_call
def test_where_nothing_is_set_up_that_is_said(call: Callable[[Auth], object]) -> None:
    with Flask("plain").test_request_context(), pytest.raises(SettingsError, match="not set up"):
        call(TokenAuth())


@every_call
def test_while_the_store_is_away_nothing_is_taken_for_done(
    api: Flask, auth: Auth, heard: Heard, call: Callable[[Auth], object]
) -> None:
    login = sign_in(api)
    heard.sessions.clear()

    with api.test_request_context(headers=bearer(login["access_token"])):
        api.preprocess_request()
        with away(store_of(api)), pytest.raises(StoreUnavailable):
            call(auth)

    assert heard.sessions == []
    assert me(api, login["access_token"]) == 200
