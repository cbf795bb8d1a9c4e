"""``@auth.before_refresh``: the application decides about each refresh, before a refresh token is spent."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, abort

from flask_tokenauth import Grant, NotPermitted, Session, SettingsError, StoreUnavailable

from ..conftest import AUDIENCE, ISSUER, NOW
from .conftest import Auth
from .kit import (
    INVALID_GRANT,
    INVALID_SCOPE,
    WINDOW,
    Backend,
    SignalLog,
    claims_of,
    generation_of,
    is_live,
    refresh,
    refreshed,
    session_id_of,
    session_of,
    sign_in,
    successor,
)

WHOLE = Grant(
    scopes=("c",),
    claims={"team": "red"},
    audience=frozenset({"x"}),
    client_id="web",
    lifetime=timedelta(seconds=60),
    auth_time=int(NOW) - 60,
)


def test_the_callback_gets_the_session(app: Flask, auth: Auth) -> None:
    seen: list[Session] = []

    @auth.before_refresh
    def save_session(session: Session) -> Grant:
        seen.append(session)
        return session.grant

    token = sign_in(app, claims={"team": "blue"}, label="phone")["refresh_token"]
    before = session_of(app, token)

    refreshed(app, token)

    assert seen == [before]
    assert (seen[0].user_id, seen[0].session_id, seen[0].label) == ("alice", session_id_of(token), "phone")
    assert seen[0].grant.claims == {"team": "blue"}


def test_the_decorator_returns_the_callback(auth: Auth) -> None:
    assert auth.before_refresh(fail) is fail


def test_the_callback_can_remove_scopes(app: Flask, auth: Auth) -> None:
    auth.before_refresh(lambda session: session.grant.replace(scopes=("b",)))

    body = refreshed(app, sign_in(app)["refresh_token"])

    assert body["scope"] == claims_of(body["access_token"])["scope"] == "b"


@pytest.mark.parametrize("scopes", [("b", "b"), ["b", "a", "b"]])
def test_a_scope_that_the_callback_repeats_is_granted_once(app: Flask, auth: Auth, scopes: Any) -> None:
    auth.before_refresh(lambda session: session.grant.replace(scopes=scopes))

    body = refreshed(app, sign_in(app)["refresh_token"])

    assert body["scope"] == claims_of(body["access_token"])["scope"] == " ".join(dict.fromkeys(scopes))


def test_the_callback_can_replace_the_whole_grant(app: Flask, auth: Auth) -> None:
    auth.before_refresh(lambda session: WHOLE)

    body = refreshed(app, sign_in(app, claims={"team": "blue"})["refresh_token"])

    claims = claims_of(body["access_token"])
    assert claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "x",
        "iat": NOW,
        "exp": NOW + 60,
        "jti": claims["jti"],
        "client_id": "web",
        "scope": "c",
        "auth_time": NOW - 60,
        "sid": session_id_of(body["refresh_token"]),
        "team": "red",
    }
    assert (body["scope"], body["expires_in"]) == ("c", 60)


def test_the_callback_can_return_an_empty_grant(app: Flask, auth: Auth) -> None:
    auth.before_refresh(lambda session: Grant())

    claims = claims_of(refreshed(app, sign_in(app, claims={"team": "blue"})["refresh_token"])["access_token"])

    assert claims["aud"] == AUDIENCE
    assert not {"scope", "team", "auth_time"} & claims.keys()


def test_the_grant_of_the_callback_is_not_stored(app: Flask, auth: Auth) -> None:
    grants = [WHOLE, None]
    auth.before_refresh(lambda session: grants.pop(0) or session.grant)

    body = refreshed(app, sign_in(app)["refresh_token"])

    assert body["scope"] == "c"
    assert refreshed(app, body["refresh_token"])["scope"] == "a b"


@pytest.mark.parametrize(("scope", "granted"), [("c", "c"), ("a", None), ("c a", None)])
def test_the_client_may_ask_only_for_scopes_that_the_callback_grants(
    app: Flask, auth: Auth, scope: str, granted: str | None
) -> None:
    auth.before_refresh(lambda session: WHOLE)
    token = sign_in(app)["refresh_token"]

    body = refresh(app, token, scope=scope).get_json()

    assert (body.get("scope"), body.get("error")) == (granted, None if granted else INVALID_SCOPE["error"])


@pytest.mark.parametrize("refusal", [None, False])
def test_a_refusal_of_the_callback_spends_no_refresh_token(
    app: Flask, auth: Auth, signal_log: SignalLog, refusal: Any
) -> None:
    auth.before_refresh(lambda session: refusal)
    token = sign_in(app)["refresh_token"]

    answer = refresh(app, token)

    assert (answer.status_code, answer.get_json()) == (400, INVALID_GRANT)
    assert signal_log.reasons == ["refresh_refused"]
    assert generation_of(app, token) == 0
    auth.before_refresh(lambda session: session.grant)
    assert refresh(app, token).status_code == 200


def test_the_callback_may_be_a_coroutine_function(app: Flask, auth: Auth) -> None:
    @auth.before_refresh
    async def callback(session: Session) -> Grant | None:
        return session.grant.replace(scopes=("b",)) if session.user_id == "alice" else None

    assert refreshed(app, sign_in(app)["refresh_token"])["scope"] == "b"
    assert refresh(app, sign_in(app, "bob")["refresh_token"]).get_json() == INVALID_GRANT


@pytest.mark.parametrize("nonsense", [True, 0, "", "a", {}, {"scopes": ["a"]}, ("a",), object()])
def test_any_other_return_value_of_the_callback_raises(app: Flask, auth: Auth, nonsense: Any) -> None:
    auth.before_refresh(lambda session: nonsense)
    token = sign_in(app)["refresh_token"]

    with pytest.raises(SettingsError, match=r"before_refresh must return session\.grant"):
        refresh(app, token)

    assert generation_of(app, token) == 0


def test_a_callback_that_returns_the_session_raises(app: Flask, auth: Auth) -> None:
    callback: Any = lambda session: session  # noqa: E731  # a mistake that is easy to make
    auth.before_refresh(callback)

    with pytest.raises(SettingsError, match=r"session\.grant"):
        refresh(app, sign_in(app)["refresh_token"])


class Broken(Exception):
    """A bug in the application."""


def fail(session: Session) -> Grant:
    raise Broken


def test_an_error_of_the_callback_is_raised_and_spends_no_refresh_token(app: Flask, auth: Auth) -> None:
    auth.before_refresh(fail)
    token = sign_in(app)["refresh_token"]

    with pytest.raises(Broken):
        refresh(app, token)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert refresh(app, token).status_code == 500

    assert generation_of(app, token) == 0


def refuse_with_own_message(session: Session) -> Grant:
    raise NotPermitted("Ask for an account.")


def fail_with_own_store(session: Session) -> Grant:
    raise StoreUnavailable("of the application")


@pytest.mark.parametrize(
    ("callback", "status"),
    [(lambda session: abort(418), 418), (refuse_with_own_message, 403), (fail_with_own_store, 503)],
)
def test_the_callback_may_raise_an_answer_of_its_own(
    app: Flask, auth: Auth, callback: Callable[[Session], Grant], status: int
) -> None:
    auth.before_refresh(callback)
    token = sign_in(app)["refresh_token"]

    assert refresh(app, token).status_code == status
    assert generation_of(app, token) == 0


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"claims": {"sub": "bob"}}, "reserved names, got sub"),
        ({"claims": {"at": 1j}}, "claims must be JSON"),
        ({"claims": {"filler": "x" * 8000}}, "bytes long"),
        ({"lifetime": timedelta(days=2)}, "lifetime_too_long"),
        ({"lifetime": timedelta(milliseconds=1)}, "expires_in"),
        ({"auth_time": 0, "client_id": "a" * 256}, "client_id"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_grant_that_cannot_be_issued_raises_and_spends_no_refresh_token(
    app: Flask, auth: Auth, changes: dict[str, Any], mistake: str
) -> None:
    auth.before_refresh(lambda session: session.grant.replace(**changes))
    token = sign_in(app)["refresh_token"]

    with pytest.raises(ValueError, match=mistake):
        refresh(app, token)

    assert generation_of(app, token) == 0


def test_the_callback_is_called_for_a_repeat_within_the_window(app: Flask, auth: Auth) -> None:
    token = sign_in(app)["refresh_token"]
    second = successor(app, token)
    auth.before_refresh(lambda session: None)

    assert refresh(app, token).get_json() == INVALID_GRANT
    assert is_live(app, second)


def test_the_callback_is_not_called_for_a_reused_token(app: Flask, auth: Auth) -> None:
    token = sign_in(app)["refresh_token"]
    successor(app, successor(app, token))
    auth.before_refresh(fail)

    assert refresh(app, token).get_json() == INVALID_GRANT
    assert not is_live(app, token)


@pytest.mark.parametrize("further", [{}, {"scope": "nonsense"}, {"scope": "\\"}])
def test_a_repeat_after_the_window_ends_the_session_with_any_parameters(
    app: Flask, auth: Auth, backend: Backend, further: dict[str, str]
) -> None:
    token = sign_in(app)["refresh_token"]
    successor(app, token)
    backend.age(session_id_of(token), WINDOW)
    auth.before_refresh(fail)

    assert refresh(app, token, **further).get_json() == INVALID_GRANT
    assert not is_live(app, token)


@pytest.mark.parametrize("token", ["x", "rt1_", "x" * 74])
def test_the_callback_is_not_called_for_an_invalid_token(app: Flask, auth: Auth, token: str) -> None:
    auth.before_refresh(fail)

    assert refresh(app, token).get_json() == INVALID_GRANT


def test_the_callback_is_not_called_at_sign_in(app: Flask, auth: Auth) -> None:
    auth.before_refresh(fail)

    assert sign_in(app)["scope"] == "a b"
