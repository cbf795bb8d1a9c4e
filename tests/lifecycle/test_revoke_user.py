"""``auth.list_sessions`` and ``auth.revoke_user``: all sessions and tokens of one user."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import Session, TokenAuth, create_token

from .conftest import Auth, MakeSessionApp
from .devices import id_of, list_session_ids, me, run_in_view
from .kit import DAY, INVALID_GRANT, Backend, SignalLog, refresh, sign_in


@pytest.fixture
def int_auth() -> Auth:
    return TokenAuth(user_id_type=int)


# Listing


def test_list_sessions_returns_the_sessions_of_a_user(api: Flask, auth: Auth, backend: Backend) -> None:
    old, new = sign_in(api, label="old"), sign_in(api, label="new")
    sign_in(api, "bob")
    backend.age(id_of(old), DAY)

    with api.app_context():
        found = list(auth.list_sessions("alice"))

    assert all(isinstance(session, Session) for session in found)
    assert [(session.session_id, session.label) for session in found] == [(id_of(new), "new"), (id_of(old), "old")]


def test_list_sessions_returns_no_session_for_an_unknown_user(api: Flask, auth: Auth) -> None:
    with api.app_context():
        assert list(auth.list_sessions("nobody")) == []


def test_list_sessions_and_revoke_user_take_the_declared_type_and_strings(
    make_session_app: MakeSessionApp, int_auth: Auth
) -> None:
    api = make_session_app(auth=int_auth)
    login = sign_in(api, 42)

    with api.app_context():
        assert [session.session_id for session in int_auth.list_sessions(42)] == [id_of(login)]
        assert [session.session_id for session in int_auth.list_sessions("42")] == [id_of(login)]
        int_auth.revoke_user(42, api_keys=False)
        assert list(int_auth.list_sessions(42)) == []


NO_USERS = [None, True, 4.2, b"42", [], object()]


@pytest.mark.parametrize("user_id", NO_USERS, ids=range(len(NO_USERS)))
def test_a_user_id_of_another_type_raises(api: Flask, auth: Auth, user_id: Any) -> None:
    with api.app_context():
        with pytest.raises(TypeError, match="user_id must be a str, int, UUID"):
            auth.list_sessions(user_id)
        with pytest.raises(TypeError, match="user_id must be a str, int, UUID"):
            auth.revoke_user(user_id, api_keys=False)


@pytest.mark.parametrize("user_id", ["alice", "042", "4_2", "", "\uff14\uff12"])
def test_a_user_id_that_does_not_convert_raises(make_session_app: MakeSessionApp, int_auth: Auth, user_id: Any) -> None:
    with make_session_app(auth=int_auth).app_context():
        with pytest.raises(ValueError, match="user_id"):
            int_auth.list_sessions(user_id)
        with pytest.raises(ValueError, match="user_id"):
            int_auth.revoke_user(user_id, api_keys=False)


@pytest.mark.parametrize("user_id", ["", "a\n", "x" * 256])
def test_revoke_user_refuses_ids_that_tokens_cannot_have(api: Flask, auth: Auth, user_id: str) -> None:
    with api.app_context(), pytest.raises(ValueError, match="user_id"):
        auth.revoke_user(user_id, api_keys=False)


# Ending all


def test_revoke_user_ends_all_sessions_of_the_user_and_no_others(api: Flask, auth: Auth, signal_log: SignalLog) -> None:
    logins, bob = [sign_in(api) for _ in range(3)], sign_in(api, "bob")
    signal_log.sessions.clear()

    with api.app_context():
        auth.revoke_user("alice", api_keys=True)

        assert list(auth.list_sessions("alice")) == []
        assert len(list(auth.list_sessions("bob"))) == 1
    assert [me(api, login["access_token"]) for login in (*logins, bob)] == [401, 401, 401, 200]
    assert [refresh(api, login["refresh_token"]).status_code for login in (*logins, bob)] == [400, 400, 400, 200]
    assert [name for name, _ in signal_log.sessions] == ["tokenauth-user-revoked", "tokenauth-session-refreshed"]


def test_revoke_user_refuses_tokens_without_a_session(api: Flask, auth: Auth) -> None:
    with api.app_context():
        alice, bob = create_token("alice"), create_token("bob")
        auth.revoke_user("alice", api_keys=True)

    assert [me(api, token) for token in (alice, bob)] == [401, 200]


def test_a_login_in_the_moment_of_the_revocation_is_good(api: Flask, auth: Auth, signal_log: SignalLog) -> None:
    stolen = sign_in(api)
    with api.app_context():
        bare = create_token("alice")
        assert [me(api, token) for token in (stolen["access_token"], bare)] == [200, 200]

        auth.revoke_user("alice", api_keys=False)
        login, again = sign_in(api), create_token("alice")

    assert [me(api, token) for token in (stolen["access_token"], bare)] == [401, 401]
    assert [me(api, token) for token in (login["access_token"], again)] == [200, 200]
    assert list_session_ids(api, login["access_token"]) == [id_of(login)]
    assert refresh(api, stolen["refresh_token"]).get_json() == INVALID_GRANT
    assert refresh(api, login["refresh_token"]).status_code == 200
    assert signal_log.reasons == ["token_revoked", "token_revoked", "session_over"]


def test_a_view_may_revoke_its_user_and_sign_in_again(api: Flask, auth: Auth) -> None:
    stolen = sign_in(api)

    def new_password() -> str:
        auth.revoke_user("alice", api_keys=True)
        return str(sign_in(api)["access_token"])

    status, body = run_in_view(api, new_password, stolen["access_token"])

    assert status == 200
    assert [me(api, token) for token in (stolen["access_token"], body["result"])] == [401, 200]


def test_a_user_without_sessions_can_be_revoked_and_log_in(api: Flask, auth: Auth) -> None:
    with api.app_context():
        auth.revoke_user("carol", api_keys=True)

    assert me(api, sign_in(api, "carol")["access_token"]) == 200


@pytest.mark.parametrize("api_keys", [0, 1, "yes", "", []], ids=repr)
def test_api_keys_must_be_true_or_false(api: Flask, auth: Auth, api_keys: Any) -> None:
    login = sign_in(api)

    with api.app_context(), pytest.raises(TypeError, match="api_keys must be True or False"):
        auth.revoke_user("alice", api_keys=api_keys)

    assert me(api, login["access_token"]) == 200


def test_api_keys_may_be_left_out_where_there_are_none(api: Flask, auth: Auth) -> None:
    login, bob = sign_in(api), sign_in(api, "bob")

    with api.app_context():
        auth.revoke_user("alice")
        auth.revoke_user("bob", api_keys=None)

    assert [me(api, each["access_token"]) for each in (login, bob)] == [401, 401]


def test_api_keys_is_required_where_there_are_some(make_session_app: MakeSessionApp, auth: Auth) -> None:
    api = make_session_app(TOKENAUTH_API_KEYS=True)
    login = sign_in(api)

    with api.app_context():
        with pytest.raises(TypeError, match="api_keys must be True or False, got NoneType: say whether"):
            auth.revoke_user("alice")
        with pytest.raises(TypeError, match="api_keys must be True or False"):
            auth.revoke_user("alice", api_keys=None)

    assert me(api, login["access_token"]) == 200


def test_api_keys_is_a_keyword(api: Flask, auth: Auth) -> None:
    with api.app_context(), pytest.raises(TypeError, match="positional"):
        auth.revoke_user("alice", True)  # type: ignore[call-arg]  # noqa: FBT003  # the error under test


@pytest.mark.parametrize("api_keys", [True, False])
def test_both_values_of_api_keys_revoke_the_tokens(api: Flask, auth: Auth, *, api_keys: bool) -> None:
    login = sign_in(api)

    with api.app_context():
        auth.revoke_user("alice", api_keys=api_keys)

    assert me(api, login["access_token"]) == 401
