"""``auth.list_sessions``, ``auth.revoke_session`` and ``auth.revoke_user``: what views and operators call."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import NotAuthenticated, Session, SettingsError, StoreUnavailable, TokenAuth, create_token
from flask_tokenauth.core.errors import MissingCredential, MissingSession, Refusal, TokenExpired

from ..conftest import NOW, MakeApp, StandingClock, bearer
from .conftest import MakeSessionApp
from .devices import id_of, listed, me
from .kit import DAY, IDLE, INVALID_GRANT, Backend, Heard, away, is_live, refresh, sign_in, store_of

Auth = TokenAuth[Any]


@pytest.fixture
def api(make_session_app: MakeSessionApp) -> Flask:
    """An application that ends things. Not called ``app``: pytest-flask would push a request of it."""
    return make_session_app()


@pytest.fixture
def numbered() -> Auth:
    return TokenAuth(user_id_type=int)


def in_view(app: Flask, work: Callable[[], Any], token: str | None) -> tuple[int, Any]:
    """Run *work* in a view that anyone may ask, and return the status and what it answered."""
    app.add_url_rule("/work", view_func=lambda: {"result": work()}, methods=["POST"])
    answer = app.test_client().post("/work", headers=bearer(token) if token else {})
    return answer.status_code, answer.get_json()


# Listing


def test_the_sessions_of_a_user_are_listed(api: Flask, auth: Auth, backend: Backend) -> None:
    old, new = sign_in(api, label="old"), sign_in(api, label="new")
    sign_in(api, "bob")
    backend.age(id_of(old), DAY)

    with api.app_context():
        found = auth.list_sessions("alice")

    assert all(isinstance(each, Session) for each in found)
    assert [(each.session_id, each.label) for each in found] == [(id_of(new), "new"), (id_of(old), "old")]


def test_of_who_has_none_none_are_listed(api: Flask, auth: Auth) -> None:
    with api.app_context():
        assert auth.list_sessions("nobody") == []


def test_users_are_named_as_elsewhere(make_session_app: MakeSessionApp, numbered: Auth) -> None:
    api = make_session_app(auth=numbered)
    login = sign_in(api, 42)

    with api.app_context():
        assert [each.session_id for each in numbered.list_sessions(42)] == [id_of(login)]
        assert [each.session_id for each in numbered.list_sessions("42")] == [id_of(login)]
        numbered.revoke_user(42, api_keys=False)
        assert numbered.list_sessions(42) == []


NO_USERS = [None, True, 4.2, b"42", [], object()]


@pytest.mark.parametrize("user_id", NO_USERS, ids=range(len(NO_USERS)))
def test_what_is_no_user_id_is_a_mistake(api: Flask, auth: Auth, user_id: Any) -> None:
    with api.app_context():
        with pytest.raises(TypeError, match="a user ID is"):
            auth.list_sessions(user_id)
        with pytest.raises(TypeError, match="a user ID is"):
            auth.revoke_user(user_id, api_keys=False)


@pytest.mark.parametrize("user_id", ["alice", "042", "4_2", "", "\uff14\uff12"])
def test_what_stands_for_no_user_is_a_mistake(make_session_app: MakeSessionApp, numbered: Auth, user_id: Any) -> None:
    with make_session_app(auth=numbered).app_context():
        with pytest.raises(ValueError, match="user_id"):
            numbered.list_sessions(user_id)
        with pytest.raises(ValueError, match="user_id"):
            numbered.revoke_user(user_id, api_keys=False)


@pytest.mark.parametrize("user_id", ["", "a\n", "x" * 256])
def test_nobody_is_revoked_who_can_have_no_token(api: Flask, auth: Auth, user_id: str) -> None:
    with api.app_context(), pytest.raises(ValueError, match="user_id"):
        auth.revoke_user(user_id, api_keys=False)


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
        with pytest.raises(TypeError, match="text, not Session"):
            auth.revoke_session(session)  # type: ignore[arg-type]  # the mistake
        with pytest.raises(TypeError, match="text, not bytes"):
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


# All that a user has


def test_all_sessions_of_a_user_end_and_those_of_others_do_not(api: Flask, auth: Auth, heard: Heard) -> None:
    logins, bob = [sign_in(api) for _ in range(3)], sign_in(api, "bob")
    heard.sessions.clear()

    with api.app_context():
        auth.revoke_user("alice", api_keys=True)

        assert auth.list_sessions("alice") == []
        assert len(auth.list_sessions("bob")) == 1
    assert [me(api, each["access_token"]) for each in (*logins, bob)] == [401, 401, 401, 200]
    assert [refresh(api, each["refresh_token"]).status_code for each in (*logins, bob)] == [400, 400, 400, 200]
    assert [name for name, _ in heard.sessions] == ["tokenauth-user-revoked", "tokenauth-session-refreshed"]


def test_tokens_that_belong_to_no_session_end_too(api: Flask, auth: Auth) -> None:
    with api.app_context():
        alice, bob = create_token("alice"), create_token("bob")
        auth.revoke_user("alice", api_keys=True)

    assert [me(api, each) for each in (alice, bob)] == [401, 200]


def test_a_login_in_the_same_moment_is_good(api: Flask, auth: Auth, heard: Heard) -> None:
    stolen = sign_in(api)
    with api.app_context():
        bare = create_token("alice")
        assert [me(api, each) for each in (stolen["access_token"], bare)] == [200, 200]

        auth.revoke_user("alice", api_keys=False)
        login, again = sign_in(api), create_token("alice")

    assert [me(api, each) for each in (stolen["access_token"], bare)] == [401, 401]
    assert [me(api, each) for each in (login["access_token"], again)] == [200, 200]
    assert listed(api, login["access_token"]) == [id_of(login)]
    assert refresh(api, stolen["refresh_token"]).get_json() == INVALID_GRANT
    assert refresh(api, login["refresh_token"]).status_code == 200
    assert heard.reasons == ["token_revoked", "token_revoked", "session_over"]


def test_the_view_that_revokes_its_user_may_sign_in_again(api: Flask, auth: Auth) -> None:
    stolen = sign_in(api)

    def new_password() -> str:
        auth.revoke_user("alice", api_keys=True)
        return str(sign_in(api)["access_token"])

    status, body = in_view(api, new_password, stolen["access_token"])

    assert status == 200
    assert [me(api, each) for each in (stolen["access_token"], body["result"])] == [401, 200]


def test_who_never_had_anything_can_be_revoked_and_log_in(api: Flask, auth: Auth) -> None:
    with api.app_context():
        auth.revoke_user("carol", api_keys=True)

    assert me(api, sign_in(api, "carol")["access_token"]) == 200


@pytest.mark.parametrize("api_keys", [None, 0, 1, "yes", "", []], ids=repr)
def test_what_happens_to_api_keys_is_yes_or_no(api: Flask, auth: Auth, api_keys: Any) -> None:
    login = sign_in(api)

    with api.app_context(), pytest.raises(TypeError, match="api_keys is True or False"):
        auth.revoke_user("alice", api_keys=api_keys)

    assert me(api, login["access_token"]) == 200


def test_what_happens_to_api_keys_has_to_be_said_by_name(api: Flask, auth: Auth) -> None:
    login = sign_in(api)

    with api.app_context():
        with pytest.raises(TypeError, match="api_keys"):
            auth.revoke_user("alice")  # type: ignore[call-arg]  # the mistake
        with pytest.raises(TypeError, match="positional"):
            auth.revoke_user("alice", True)  # type: ignore[call-arg]  # noqa: FBT003  # as above

    assert me(api, login["access_token"]) == 200


@pytest.mark.parametrize("api_keys", [True, False])
def test_without_api_keys_either_answer_does_the_same(api: Flask, auth: Auth, *, api_keys: bool) -> None:
    login = sign_in(api)

    with api.app_context():
        auth.revoke_user("alice", api_keys=api_keys)

    assert me(api, login["access_token"]) == 401


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
        api.extensions["tokenauth"].authenticate()
        with away(store_of(api)), pytest.raises(StoreUnavailable):
            call(auth)

    assert heard.sessions == []
    assert me(api, login["access_token"]) == 200
