"""``auth.exchange``: the new token, and the tokens that are not exchanged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import (
    AuthError,
    NotAuthenticated,
    NotPermitted,
    SettingsError,
    TokenAuth,
    login_required,
    token_exchanged,
)
from flask_tokenauth.lifecycle.exchange import exchange_current

from ...conftest import AUDIENCE, ISSUER, NOW, MakeApp, Mint, StandingClock, bearer
from ...core.trusted_issuers.rules_kit import issuer_with, sign
from ...guards.ticket_kit import make_ticket
from ..kit import SignalLog, claims_of, sign_in
from ..looked_up.kit import make_key, make_reference
from .conftest import MakeWorker
from .kit import AUTH, KEYS, PUBLIC_KEYS, REPORTS, exchange, token_for, verify

SCOPES = {"admin": {"description": "All", "implies": ["reports:read"]}, "reports:read": "Read", "other": "Other"}


def test_the_new_token_has_the_user_and_the_session_of_the_old_one(worker: Flask) -> None:
    token = sign_in(worker, scopes=["a", "b"], client_id="phone")["access_token"]
    parent = claims_of(token)

    child = claims_of(exchange(worker, token, scopes=["b"]))

    assert child == {
        "iss": ISSUER,
        "aud": REPORTS,
        "sub": "alice",
        "iat": int(NOW),
        "exp": int(NOW) + 300,
        "jti": child["jti"],
        "client_id": "phone",
        "scope": "b",
        "sid": parent["sid"],
        "auth_time": parent["auth_time"],
        "act": {"sub": ISSUER},
        "parent": {"jti": parent["jti"], "exp": parent["exp"]},
    }
    assert child["jti"] != parent["jti"]


def test_it_is_verified_as_a_token_of_its_service(worker: Flask) -> None:
    token = verify(worker, exchange(worker, token_for(worker)))

    assert (token.subject, sorted(token.scopes), token.actor) == ("alice", ["reports:read"], ISSUER)
    assert token.kind == "jwt"


def test_the_token_of_the_request_has_no_actor(worker: Flask) -> None:
    assert verify(worker, token_for(worker), AUDIENCE).actor is None


def test_the_application_that_made_it_does_not_take_it(worker: Flask, signal_log: SignalLog) -> None:
    child = exchange(worker, token_for(worker))

    with worker.test_request_context(headers=bearer(child)), pytest.raises(NotAuthenticated):
        _ = AUTH.user_id

    assert signal_log.reasons == ["audience_wrong"]


def test_several_services_may_get_one_token(worker: Flask) -> None:
    child = exchange(worker, token_for(worker), [REPORTS, "https://mail.example"])

    assert sorted(claims_of(child)["aud"]) == ["https://mail.example", REPORTS]


def test_it_has_no_claims_of_the_application(worker: Flask) -> None:
    assert "team" not in claims_of(exchange(worker, token_for(worker, claims={"team": "blue"})))


def test_it_has_the_epoch_of_its_user(worker: Flask, mint: Mint) -> None:
    assert claims_of(exchange(worker, mint(epoch=5)))["epoch"] == 5


def test_a_token_without_a_session_gives_one_without_a_session(worker: Flask, mint: Mint) -> None:
    assert not {"sid", "auth_time", "epoch"} & claims_of(exchange(worker, mint())).keys()


def test_a_reference_token_gives_a_signed_one(make_worker: MakeWorker) -> None:
    worker = make_worker(TOKENAUTH_TOKEN_FORMAT="reference")

    child = exchange(worker, make_reference(worker))

    assert verify(worker, child).kind == "jwt"


def test_a_token_that_is_exchanged_twice_gives_two_ids(worker: Flask) -> None:
    token = token_for(worker)

    assert claims_of(exchange(worker, token))["jti"] != claims_of(exchange(worker, token))["jti"]


# Lifetimes


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [(None, 300), (1, 1), (1.9, 1), (timedelta(minutes=1), 60), (899, 899), (900, 900), (901, 900), (10**9, 900)],
)
def test_it_lives_for_as_long_as_asked_and_never_outlives_its_parent(
    worker: Flask, expires_in: Any, lifetime: int
) -> None:
    child = claims_of(exchange(worker, token_for(worker), expires_in=expires_in))

    assert child["exp"] - child["iat"] == lifetime


@pytest.mark.parametrize(("left", "lifetime"), [(301, 300), (300, 300), (299, 299), (1, 1)])
def test_it_expires_with_its_parent(worker: Flask, mint: Mint, clock: StandingClock, left: int, lifetime: int) -> None:
    token = mint(exp=NOW + 900.5)
    clock.now = NOW + 900 - left

    child = claims_of(exchange(worker, token))

    assert child["exp"] - child["iat"] == lifetime
    assert child["exp"] <= NOW + 900


@pytest.mark.parametrize("late", [0, 9])
def test_a_token_that_has_just_expired_is_not_exchanged(
    worker: Flask, mint: Mint, clock: StandingClock, signal_log: SignalLog, late: int
) -> None:
    """It is accepted, since clocks may differ."""
    token = mint(exp=NOW + 900)
    clock.now = NOW + 900 + late

    with pytest.raises(NotAuthenticated):
        exchange(worker, token)

    assert signal_log.reasons == ["token_expired"]


@pytest.mark.parametrize("expires_in", [0, 0.999, -1, timedelta(0)])
def test_a_lifetime_under_a_second_is_an_error(worker: Flask, expires_in: Any) -> None:
    with pytest.raises(ValueError, match=r"^expires_in must be at least 1 second, got "):
        exchange(worker, token_for(worker), expires_in=expires_in)


# Scopes


@pytest.mark.parametrize(
    ("held", "asked", "granted"),
    [
        ("b a", None, "a b"),
        ("a b", ["b", "a"], "b a"),
        ("a b", [], ""),
        (..., None, ""),
        ("a", ["b"], None),
        ("a", ["a", "b"], None),
        ("a", ["A"], None),
        (..., ["a"], None),
    ],
)
def test_it_gets_no_scope_that_its_parent_lacks(
    worker: Flask, mint: Mint, signal_log: SignalLog, *, held: object, asked: Any, granted: str | None
) -> None:
    token = mint(scope=held)

    if granted is not None:
        assert claims_of(exchange(worker, token, scopes=asked)).get("scope", "") == granted
        return
    with pytest.raises(NotPermitted) as caught:
        exchange(worker, token, scopes=asked)
    assert caught.value.data["error"] == "insufficient_scope"
    assert signal_log.reasons == ["scope_insufficient"]


def test_it_may_have_a_scope_that_is_implied(make_worker: MakeWorker, mint: Mint) -> None:
    worker = make_worker(TOKENAUTH_SCOPES=SCOPES)

    assert claims_of(exchange(worker, mint(scope="admin"), scopes=["reports:read"]))["scope"] == "reports:read"
    for held, asked in (("reports:read", "admin"), ("admin", "other")):
        with pytest.raises(NotPermitted):
            exchange(worker, mint(scope=held), scopes=[asked])


def test_a_scope_that_is_not_declared_is_an_error(make_worker: MakeWorker, mint: Mint) -> None:
    worker = make_worker(TOKENAUTH_SCOPES=SCOPES)

    with pytest.raises(ValueError, match="is not declared"):
        exchange(worker, mint(scope="admin undeclared"), scopes=["undeclared"])
    assert claims_of(exchange(worker, mint(scope="admin undeclared")))["scope"] == "admin"


@pytest.mark.parametrize("scopes", ["reports:read", 5, [5]])
def test_scopes_are_a_list_of_strings(worker: Flask, scopes: Any) -> None:
    with pytest.raises(TypeError, match="scope"):
        exchange(worker, token_for(worker), scopes=scopes)


# Audiences


@pytest.mark.parametrize(
    ("audience", "error"),
    [("", ValueError), ([], ValueError), ([REPORTS, ""], ValueError), ("a" * 256, ValueError), ("a\n", ValueError),
     (None, TypeError), (5, TypeError), ([5], TypeError)],
    ids=["empty", "none", "one empty", "long", "control", "null", "number", "of numbers"],
)  # fmt: skip
def test_an_audience_is_a_string_or_several(worker: Flask, audience: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^audience must"):
        exchange(worker, token_for(worker), audience)


# Tokens that are not exchanged


def test_a_token_is_exchanged_once(make_worker: MakeWorker, signal_log: SignalLog) -> None:
    worker = make_worker(TOKENAUTH_AUDIENCE=[AUDIENCE, REPORTS])
    child = exchange(worker, token_for(worker), REPORTS)

    with pytest.raises(NotPermitted):
        exchange(worker, child, "https://third.example")

    assert signal_log.reasons == ["token_of_delegate"]


@pytest.mark.parametrize("claims", [{"act": {"sub": "x"}}, {"parent": {"jti": "p", "exp": NOW}}], ids=str)
def test_a_token_with_one_of_both_claims_is_not_exchanged(worker: Flask, mint: Mint, claims: Any) -> None:
    with pytest.raises(NotPermitted) as caught:
        exchange(worker, mint(**claims))

    assert caught.value.reason == "token_of_delegate"


def test_an_api_key_is_not_exchanged(make_worker: MakeWorker) -> None:
    worker = make_worker(TOKENAUTH_API_KEYS=True)

    answer = ask(worker, {"api_keys": True}, bearer(make_key(worker).text))

    assert answer == (403, "token_not_exchanged")


def test_a_ticket_is_not_exchanged(worker: Flask, mint: Mint) -> None:
    answer = ask(worker, {"accept": ("jwt", "ticket")}, {}, query_string={"ticket": make_ticket(mint, "/ask")})

    assert answer == (403, "token_not_exchanged")


def ask(app: Flask, guard: dict[str, Any], headers: dict[str, str], **options: Any) -> tuple[int, str]:
    """Exchange the credential of a request in a view, and return the status and the reason of its refusal."""
    reasons: list[str] = []

    def view() -> str:
        try:
            return AUTH.exchange(audience=REPORTS)
        except AuthError as error:
            reasons.append(error.reason)
            raise

    app.add_url_rule("/ask", "ask", login_required(**guard)(view))
    answer = app.test_client().get("/ask", headers=headers, **options)
    return answer.status_code, *reasons  # type: ignore[return-value]


def test_the_token_of_a_trusted_issuer_is_not_exchanged(make_worker: MakeWorker, signal_log: SignalLog) -> None:
    worker = make_worker(TOKENAUTH_TRUSTED_ISSUERS=[issuer_with()])

    with pytest.raises(NotAuthenticated):
        exchange(worker, sign())

    assert signal_log.reasons == ["issuer_wrong"]


@pytest.mark.parametrize("headers", [{}, bearer("bad")])
def test_a_request_without_a_good_token_exchanges_nothing(worker: Flask, headers: dict[str, str]) -> None:
    with worker.test_request_context(headers=headers), pytest.raises(NotAuthenticated):
        AUTH.exchange(audience=REPORTS)


def test_an_exchange_needs_a_request(worker: Flask) -> None:
    with worker.app_context(), pytest.raises(RuntimeError, match="needs a request"):
        AUTH.exchange(audience=REPORTS)


# Keys


def test_without_a_private_key_nobody_could_verify_the_token(make_app: MakeApp) -> None:
    worker = make_app()

    with pytest.raises(SettingsError, match="needs TOKENAUTH_KEYS with a private key, got a secret"):
        exchange(worker, token_for(worker))


def test_public_keys_make_no_tokens(make_worker: MakeWorker, worker: Flask) -> None:
    reader = make_worker(TOKENAUTH_KEYS=PUBLIC_KEYS)

    with pytest.raises(SettingsError, match="must hold a private key"):
        exchange(reader, token_for(worker))


def test_an_application_without_a_store_exchanges_too(make_app: MakeApp, mint: Mint) -> None:
    worker = make_app(TOKENAUTH_KEYS=KEYS)

    assert claims_of(exchange(worker, mint()))["parent"] == {"jti": "t1", "exp": NOW + 900}


# Signals


def test_both_signals_are_sent_without_the_token(make_worker: MakeWorker, signal_log: SignalLog) -> None:
    worker = make_worker(auth=TokenAuth(user_id_type=int))
    token = token_for(worker, user=7)
    del signal_log.issued[:]
    told: list[dict[str, Any]] = []

    with token_exchanged.connected_to(lambda _, **facts: told.append(facts), worker):
        exchange(worker, token, scopes=[], expires_in=60)

    audience = frozenset({REPORTS})
    facts = {"user_id": 7, "scopes": frozenset(), "audience": audience, "expires_in": timedelta(seconds=60)}
    assert signal_log.issued == [facts]
    parent = claims_of(token)["jti"]
    assert told == [{"user_id": "7", "actor": ISSUER, "audience": audience, "parent_id": parent}]


def test_the_result_shows_its_token_to_no_log(worker: Flask) -> None:
    with worker.test_request_context(headers=bearer(token_for(worker))):
        new = exchange_current(audience=REPORTS)

    assert new.text not in repr(new)
    assert (set(new.audience), new.scopes, new.lifetime) == ({REPORTS}, ("reports:read",), timedelta(minutes=5))


def test_a_login_keeps_its_time(worker: Flask) -> None:
    then = datetime.fromtimestamp(NOW - 60, UTC)

    assert verify(worker, exchange(worker, token_for(worker, auth_time=then))).auth_time == then
