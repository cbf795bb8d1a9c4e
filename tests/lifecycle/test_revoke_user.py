"""``auth.list_sessions`` and ``auth.revoke_user``: all that one user has."""

from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import Session, TokenAuth, create_token

from .conftest import Auth, MakeSessionApp
from .devices import id_of, in_view, listed, me
from .kit import DAY, INVALID_GRANT, Backend, Heard, refresh, sign_in


@pytest.fixture
def numbered() -> Auth:
    return TokenAuth(user_id_type=int)


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
        with pytest.raises(TypeError, match="user_id must be a str, int, UUID"):
            auth.list_sessions(user_id)
        with pytest.raises(TypeError, match="user_id must be a str, int, UUID"):
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


# Ending all


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

    with api.app_context(), pytest.raises(TypeError, match="api_keys must be True or False"):
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
