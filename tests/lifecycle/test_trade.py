"""A refresh token of the library used before becomes a session with everything that a login gives."""

import hmac
from datetime import timedelta

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, login_required
from flask_tokenauth.core import Key
from flask_tokenauth.core.encoding import base64url

from ..conftest import ISSUER, SECRET, bearer, whoami
from .conftest import MakeTradingApp
from .devices import me
from .kit import (
    IDLE,
    INVALID_GRANT,
    Backend,
    SignalLog,
    claims_of,
    refresh,
    refreshed,
    session_id_of,
    session_of,
    sessions_of,
    sign_in,
)
from .old_libraries import (
    OLD_SECRET,
    entry,
    issue_jwt_extended,
    issue_simple_jwt,
    old_claims,
    sign_old,
    trade,
    traded,
)

SIMPLE_JWT = entry(profile="simplejwt")


@pytest.fixture
def app(trading_app: Flask) -> Flask:
    return trading_app


def test_a_refresh_token_of_flask_jwt_extended_becomes_a_session(app: Flask, backend: Backend) -> None:
    body = traded(app, issue_jwt_extended(backend.now))

    session = session_of(app, body["refresh_token"])
    assert session is not None
    assert (session.user_id, session.generation, session.grant.scopes) == ("alice", 0, ("a", "b"))
    assert sorted(body) == ["access_token", "expires_in", "refresh_expires_in", "refresh_token", "scope", "token_type"]
    assert body["refresh_expires_in"] == IDLE.total_seconds()
    assert me(app, body["access_token"]) == 200
    assert refreshed(app, body["refresh_token"])["scope"] == "a b"


def test_a_refresh_token_of_simple_jwt_becomes_a_session(make_trading_app: MakeTradingApp, backend: Backend) -> None:
    app = make_trading_app(SIMPLE_JWT)

    body = traded(app, issue_simple_jwt(backend.now))

    assert claims_of(body["access_token"])["sub"] == "42"
    assert refresh(app, body["refresh_token"]).status_code == 200


def test_a_type_claim_of_another_name_is_given_as_that_of_access_tokens(
    make_trading_app: MakeTradingApp, backend: Backend
) -> None:
    """Simple JWT has a setting for its name."""
    app = make_trading_app(entry(profile="simplejwt", expected={"kind": ["access"], "realm": ["x"]}))
    claims = old_claims(backend.now, kind="refresh", realm="x", user_id=42, type=..., sub=...)

    assert trade(app, sign_old(claims | {"kind": "access"})).get_json() == INVALID_GRANT
    assert trade(app, sign_old(claims | {"realm": "y"})).get_json() == INVALID_GRANT
    assert trade(app, sign_old(claims)).status_code == 200


def test_the_scopes_may_come_from_a_function_of_the_user_id(make_trading_app: MakeTradingApp, backend: Backend) -> None:
    asked: list[object] = []

    def find_scopes(user_id: int) -> list[str]:
        asked.append(user_id)
        return ["reports:read"]

    app = make_trading_app(SIMPLE_JWT, options={"scopes": find_scopes}, auth=TokenAuth(user_id_type=int))

    assert traded(app, issue_simple_jwt(backend.now))["scope"] == "reports:read"
    assert asked == [42]


def test_the_scopes_may_come_from_a_coroutine_function(make_trading_app: MakeTradingApp, old: str) -> None:
    async def find_scopes(_: str) -> set[str]:
        return {"reports:read"}

    assert traded(make_trading_app(options={"scopes": find_scopes}), old)["scope"] == "reports:read"


def test_the_session_has_the_label_the_claims_and_the_user_agent(make_trading_app: MakeTradingApp, old: str) -> None:
    app = make_trading_app(options={"label": "phone", "claims": {"team": "red"}})

    body = trade(app, old, headers={"User-Agent": "app/1"}).get_json()

    [session] = sessions_of(app)
    assert (session.label, session.user_agent) == ("phone", "app/1")
    assert claims_of(body["access_token"])["team"] == "red"


def test_a_trade_is_no_login(app: Flask, old: str) -> None:
    app.add_url_rule("/fresh", view_func=login_required(max_age=300)(whoami()), endpoint="fresh")

    body = traded(app, old)

    assert "auth_time" not in claims_of(body["access_token"])
    answer = app.test_client().get("/fresh", headers=bearer(body["access_token"]))
    assert "insufficient_user_authentication" in answer.headers["WWW-Authenticate"]


def test_no_cache_may_store_the_answer(app: Flask, old: str) -> None:
    good, bad = trade(app, old), trade(app, "x")

    assert good.headers["Cache-Control"] == bad.headers["Cache-Control"] == "no-store"


def test_the_signals_are_those_of_a_login(app: Flask, old: str, signal_log: SignalLog) -> None:
    body = traded(app, old)

    facts = {"session_id": session_id_of(body["refresh_token"]), "user_id": "alice"}
    assert signal_log.sessions == [("tokenauth-session-started", facts)]
    assert [told["user_id"] for told in signal_log.issued] == ["alice"]


def test_a_user_with_too_many_sessions_loses_the_one_that_was_idle_longest(
    make_trading_app: MakeTradingApp, old: str, backend: Backend, signal_log: SignalLog
) -> None:
    app = make_trading_app(TOKENAUTH_SESSIONS_PER_USER=1)
    before = sign_in(app)["refresh_token"]
    backend.age(session_id_of(before), timedelta(hours=1))

    traded(app, old)

    assert refresh(app, before).get_json() == INVALID_GRANT
    assert len(sessions_of(app)) == 1
    assert [told["reason"] for name, told in signal_log.sessions if name == "tokenauth-session-ended"] == ["displaced"]


def test_each_old_token_has_a_session_of_its_own(app: Flask, backend: Backend) -> None:
    bodies = [traded(app, sign_old(old_claims(backend.now, jti=jti))) for jti in "abc"]

    assert len({body["refresh_token"] for body in bodies}) == len(sessions_of(app)) == 3


def test_the_handle_is_an_hmac_of_the_signed_part(app: Flask, old: str) -> None:
    """With the secret of this application: the old token alone is not enough to make the new one."""
    secret = Key.derive(SECRET.encode(), purpose="refresh", issuer=ISSUER).to_jwk(private=True)["k"]
    signed = old.rpartition(".")[0].encode()

    body = traded(app, old)

    message = b"flask-tokenauth traded token v1\0" + signed
    handle = hmac.digest(base64url.decode(str(secret).encode()), message, "sha256")[:16]
    assert base64url.decode(body["refresh_token"].removeprefix("rt1_").encode())[:20] == handle + bytes(4)


def test_a_secret_for_both_libraries_is_enough(make_trading_app: MakeTradingApp, backend: Backend) -> None:
    """Flask-JWT-Extended signs with ``SECRET_KEY`` by default."""
    app = make_trading_app(entry(secret=OLD_SECRET), SECRET_KEY=OLD_SECRET)

    assert me(app, traded(app, sign_old(old_claims(backend.now)))["access_token"]) == 200
