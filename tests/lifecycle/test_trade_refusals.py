"""A token that is not traded: the answer is always the same, no session starts, and the log has the reason."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth, create_token

from ..conftest import MakeApp, StandingClock, bearer
from .conftest import Auth, MakeTradingApp
from .kit import INVALID_GRANT, Backend, SignalLog, session_id_of, sessions_of, sign_in, store_of
from .old_libraries import (
    OLD_SECRET,
    OTHER_SECRET,
    REFRESH_LIFETIME,
    add_trade_view,
    entry,
    issue_jwt_extended,
    issue_simple_jwt,
    old_claims,
    sign_old,
    trade,
    traded,
)

# An issuer that is no old library, and has the same kinds of tokens.
SISTER = {
    "issuer": "https://sister.example",
    "audience": "api",
    "users": "shared",
    "secret": OTHER_SECRET,
    "types": "*",
    "expected": {"type": "access"},
}

LEEWAY = timedelta(seconds=10)  # the default
MOMENT = timedelta(milliseconds=1)
YEAR = timedelta(days=365)


@pytest.fixture
def app(trading_app: Flask) -> Flask:
    return trading_app


def change(**changes: object) -> Callable[[float], str]:
    """Return a function that signs the claims of a good old token with *changes*."""
    return lambda now: sign_old(old_claims(now, **changes))


BAD: dict[str, tuple[Callable[[float], object], str]] = {
    "an access token": (lambda now: issue_jwt_extended(now, access=True), "token_not_tradable"),
    "an access token by hand": (change(type="access"), "token_not_tradable"),
    "another type": (change(type="Refresh"), "token_not_tradable"),
    "two types": (change(type=["refresh"]), "token_not_tradable"),
    "no type": (change(type=...), "token_not_tradable"),
    "the type of another library": (change(type=..., token_type="refresh"), "token_not_tradable"),
    "a named issuer": (change(iss="https://old.example"), "token_not_tradable"),
    "an issuer that is null": (change(iss=None), "token_not_tradable"),
    "an issuer that is no string": (change(iss=["https://old.example"]), "token_not_tradable"),
    "another secret": (lambda now: sign_old(old_claims(now), OTHER_SECRET), "signature_invalid"),
    "no expiry": (change(exp=...), "claim_missing"),
    "no user": (change(sub=...), "claim_missing"),
    "a user that is null": (change(sub=None), "claim_malformed"),
    "a binding": (change(cnf={"jkt": "x"}), "binding_unproven"),
    "an empty string": (lambda _: "", "token_malformed"),
    "no token": (lambda _: "abc", "token_malformed"),
    "no payload": (lambda now: sign_old(old_claims(now)).replace(".ey", ".xx"), "token_malformed"),
    "too much": (lambda _: "x" * 8001, "token_too_large"),
    "beyond ASCII": (lambda now: sign_old(old_claims(now)) + "é", "token_malformed"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_token_is_not_traded(app: Flask, backend: Backend, signal_log: SignalLog, kind: str) -> None:
    make, reason = BAD[kind]
    text = make(backend.now)

    answer = trade(app, str(text))

    assert (answer.status_code, answer.get_json()) == (400, INVALID_GRANT)
    assert "WWW-Authenticate" not in answer.headers
    assert (signal_log.reasons, signal_log.sessions) == ([reason], [])


def test_a_refresh_token_of_another_library_is_not_traded(app: Flask, backend: Backend) -> None:
    assert trade(app, issue_simple_jwt(backend.now)).get_json() == INVALID_GRANT


def trade_value(app: Flask, text: Any) -> Any:
    """Trade a value that the view found anywhere, and return the answer."""
    with app.test_request_context("/trade"):
        return TokenAuth().trade(text)


@pytest.mark.parametrize("text", [None, 7, b"abc", ["abc"], {}])
def test_a_value_that_is_no_string_is_a_bad_token(app: Flask, text: object, signal_log: SignalLog) -> None:
    """A view may read it from a JSON object of the client."""
    answer = trade_value(app, text)

    assert (answer.status_code, answer.get_json()) == (400, INVALID_GRANT)
    assert signal_log.reasons == ["token_malformed"]


def test_our_own_tokens_are_not_traded(app: Flask, signal_log: SignalLog) -> None:
    login = sign_in(app)
    with app.app_context():
        tokens = [login["refresh_token"], login["access_token"], create_token("alice")]

    assert [trade(app, token).get_json() for token in tokens] == [INVALID_GRANT] * 3
    assert signal_log.reasons == ["token_not_tradable"] * 3
    assert len(sessions_of(app)) == 1


def test_tokens_of_other_trusted_issuers_are_not_traded(
    make_trading_app: MakeTradingApp, backend: Backend, signal_log: SignalLog
) -> None:
    """Their refresh tokens belong to them, and go on."""
    app = make_trading_app(entry(issuer="https://old.example"), SISTER)
    sister = old_claims(backend.now, iss="https://sister.example", aud="api")

    for claims in (sister, sister | {"iss": "https://old.example"}):
        assert trade(app, sign_old(claims, OTHER_SECRET)).get_json() == INVALID_GRANT
    access = sign_old(sister | {"type": "access", "exp": backend.now + 60}, OTHER_SECRET)
    assert app.test_client().get("/me", headers=bearer(access)).status_code == 200

    assert signal_log.reasons == ["token_not_tradable", "signature_invalid"]


def test_the_entry_is_the_one_that_the_issuer_of_the_token_names(
    make_trading_app: MakeTradingApp, backend: Backend
) -> None:
    named = entry(issuer=["https://old.example", "old"], secret=OTHER_SECRET, audience="api")
    app = make_trading_app(entry(), named)
    claims = old_claims(backend.now, aud="api")

    assert trade(app, sign_old(claims | {"iss": "old"}, OTHER_SECRET)).status_code == 200
    assert trade(app, sign_old(claims | {"iss": "old"}, OLD_SECRET)).get_json() == INVALID_GRANT
    assert trade(app, sign_old(claims | {"iss": "old", "aud": "x"}, OTHER_SECRET)).get_json() == INVALID_GRANT
    assert trade(app, sign_old(old_claims(backend.now), OLD_SECRET)).status_code == 200
    assert trade(app, sign_old(old_claims(backend.now), OTHER_SECRET)).get_json() == INVALID_GRANT


def test_the_issuer_loader_is_not_asked(make_trading_app: MakeTradingApp, backend: Backend, auth: Auth) -> None:
    asked: list[str] = []
    auth.issuer_loader(r".*")(asked.append)
    app = make_trading_app(auth=auth)

    assert trade(app, sign_old(old_claims(backend.now, iss="tenant"))).get_json() == INVALID_GRANT
    assert asked == []


@pytest.mark.parametrize("kind", ["api", "refresh"])
def test_an_entry_with_an_unknown_name_for_access_tokens_trades_none(
    make_trading_app: MakeTradingApp, backend: Backend, kind: str
) -> None:
    """Nothing proves a refresh token then: an access token could be traded."""
    app = make_trading_app(entry(expected={"type": "api"}))

    assert trade(app, sign_old(old_claims(backend.now, type=kind))).get_json() == INVALID_GRANT


def test_other_expected_claims_must_be_in_a_refresh_token_too(
    make_trading_app: MakeTradingApp, backend: Backend
) -> None:
    app = make_trading_app(entry(expected={"use": "api"}))

    assert trade(app, sign_old(old_claims(backend.now))).get_json() == INVALID_GRANT
    assert trade(app, sign_old(old_claims(backend.now, use="api", type="access"))).get_json() == INVALID_GRANT
    assert trade(app, sign_old(old_claims(backend.now, use="api"))).status_code == 200


@pytest.mark.parametrize(
    ("off", "reasons"), [(-MOMENT, []), (0 * MOMENT, ["token_expired"]), (MOMENT, ["token_expired"])]
)
def test_a_token_is_traded_until_it_expires(
    app: Flask, old: str, clock: StandingClock, signal_log: SignalLog, *, off: timedelta, reasons: list[str]
) -> None:
    clock.now += (REFRESH_LIFETIME + LEEWAY + off).total_seconds()

    trade(app, old)

    assert signal_log.reasons == reasons


@pytest.mark.parametrize(("off", "reasons"), [(-MOMENT, []), (0 * MOMENT, ["trust_over"]), (MOMENT, ["trust_over"])])
def test_a_token_is_traded_until_the_trust_ends(
    make_trading_app: MakeTradingApp, backend: Backend, clock: StandingClock, signal_log: SignalLog, *, off: timedelta,
    reasons: list[str],
) -> None:  # fmt: skip
    app = make_trading_app(entry(until=datetime.fromtimestamp(backend.now, UTC)))
    clock.now += off.total_seconds()

    trade(app, sign_old(old_claims(backend.now - 60)))

    assert signal_log.reasons == reasons


def test_a_refresh_token_may_live_longer_than_the_access_tokens_of_the_entry(
    make_trading_app: MakeTradingApp, backend: Backend, signal_log: SignalLog
) -> None:
    app = make_trading_app(entry(max_lifetime=300))
    claims = old_claims(backend.now, exp=backend.now + 20 * YEAR.total_seconds())

    assert trade(app, sign_old(claims)).status_code == 200
    assert app.test_client().get("/me", headers=bearer(sign_old(claims | {"type": "access"})))
    assert signal_log.reasons == ["lifetime_too_long"]


def test_a_revoked_token_is_not_traded(
    make_trading_app: MakeTradingApp, backend: Backend, signal_log: SignalLog
) -> None:
    blocklist = {"stolen"}
    app = make_trading_app(entry(revoked=lambda token: token.token_id in blocklist))

    assert trade(app, sign_old(old_claims(backend.now, jti="stolen"))).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["token_revoked"]
    assert trade(app, sign_old(old_claims(backend.now, jti="other"))).status_code == 200


def test_a_token_that_is_revoked_after_its_trade_gets_no_second_answer(
    make_trading_app: MakeTradingApp, old: str, signal_log: SignalLog
) -> None:
    answers = iter([False, True])
    app = make_trading_app(entry(revoked=lambda _: next(answers)))
    traded(app, old)

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["token_revoked"]


def test_a_user_who_is_none_of_ours_gets_no_session(
    make_trading_app: MakeTradingApp, old: str, signal_log: SignalLog
) -> None:
    app = make_trading_app(entry(users=lambda _: None))

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["user_unknown"]


def test_a_user_id_of_another_type_gets_no_session(
    make_trading_app: MakeTradingApp, old: str, signal_log: SignalLog
) -> None:
    app = make_trading_app(auth=TokenAuth(user_id_type=int))

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["user_id_wrong"]


def test_the_session_is_that_of_our_user(make_trading_app: MakeTradingApp, old: str) -> None:
    app = make_trading_app(entry(users=lambda token: f"old-{token.subject}"))

    traded(app, old)

    assert len(sessions_of(app, "old-alice")) == 1


def test_a_token_that_the_token_check_refuses_is_not_traded(
    make_trading_app: MakeTradingApp, auth: Auth, old: str, signal_log: SignalLog
) -> None:
    """It may refuse tokens that were issued before the password changed."""
    app = make_trading_app(auth=auth)
    auth.token_check(lambda token: token.claims.get("type") != "refresh")

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["token_rejected"]


@pytest.mark.parametrize(
    ("issued", "good"), [(-60, False), (0, False), (10, False), (10.001, True), (11, True), (..., False)]
)
def test_a_token_that_was_issued_before_revoke_user_is_not_traded(
    app: Flask, backend: Backend, clock: StandingClock, signal_log: SignalLog, *, issued: Any, good: bool
) -> None:
    """Otherwise a thief would trade it for a session after the revocation. The clocks may differ by the leeway."""
    store_of(app).revoke_user("alice", retention=REFRESH_LIFETIME, api_keys=False)
    clock.now += 60
    changes = {"iat": ..., "nbf": ...} if issued is ... else {"iat": backend.now + issued, "nbf": backend.now + issued}

    answer = trade(app, sign_old(old_claims(backend.now, **changes)))

    assert answer.status_code == (200 if good else 400)
    assert signal_log.reasons == ([] if good else ["token_revoked"])
    assert len(sessions_of(app)) == int(good)


def test_a_token_without_the_time_of_its_issue_is_traded_if_its_user_was_never_revoked(
    app: Flask, backend: Backend
) -> None:
    store_of(app).revoke_user("bob", retention=REFRESH_LIFETIME, api_keys=False)

    assert trade(app, sign_old(old_claims(backend.now, iat=...))).status_code == 200


def test_without_trusted_issuers_no_token_is_traded(make_app: MakeApp, old: str, signal_log: SignalLog) -> None:
    auth: Auth = TokenAuth()
    app = add_trade_view(make_app(auth=auth, TOKENAUTH_STORE="memory://"), auth)

    assert trade(app, old).get_json() == INVALID_GRANT
    assert signal_log.reasons == ["token_not_tradable"]


def test_the_refresh_token_that_was_traded_opens_no_view(app: Flask, old: str) -> None:
    session_id = session_id_of(traded(app, old)["refresh_token"])

    assert app.test_client().get("/me", headers=bearer(old)).status_code == 401
    assert session_id not in old
