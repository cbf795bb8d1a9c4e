"""``POST /auth/exchange``: which tokens each caller may exchange."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.token_errors import TokenError

from ...conftest import AUDIENCE, NOW, Mint, StandingClock, bearer
from ...core.trusted_issuers.rules_kit import sign
from ...guards.ticket_kit import make_ticket
from ...lifecycle.exchange.kit import AUTH, REPORTS, exchange, token_for, verify
from ...lifecycle.kit import SignalLog, claims_of, sign_in
from ...lifecycle.looked_up.kit import make_key, make_reference, revoke_user
from ...lifecycle.revocation.kit import revoke_current
from .conftest import MakeApi
from .kit import (
    CLIENT,
    SCOPE,
    SHOP,
    SHOP_CLIENT,
    ask,
    caller_of,
    error_of,
    exchanged,
)


def refused(api: Flask, subject: str, signal_log: SignalLog, headers: dict[str, str] = CLIENT) -> None:
    """Check that a subject token is refused, with the one answer that all of them get."""
    del signal_log.reasons[:]

    answer = ask(api, headers, subject)

    assert answer.get_json() == {"error": "invalid_request", "error_description": "The subject token is not valid."}
    assert error_of(answer) == (400, "invalid_request")
    assert signal_log.reasons == ["subject_token_refused"]


def forged(api: Flask, mint: Mint) -> str:
    return f"{mint()[:-8]}AAAAAAAA"


def with_other_end(token: str) -> str:
    return token[:-1] + ("y" if token.endswith("x") else "x")


BAD_SUBJECTS: dict[str, Callable[[Flask, Mint], str]] = {
    "garbage": lambda api, mint: "x",
    "dots": lambda api, mint: "x.y.z",
    "a long string": lambda api, mint: "x" * 9000,
    "not ASCII": lambda api, mint: "é",
    "a forged token": forged,
    "a token of another key": lambda api, mint: Mint(Key.generate("EdDSA"))(),
    "a token for another audience": lambda api, mint: mint(aud=REPORTS),
    "an expired token": lambda api, mint: mint(iat=NOW - 60, exp=NOW - 10),
    "a token that expires now": lambda api, mint: mint(iat=NOW - 60, exp=NOW),
    "a token of the future": lambda api, mint: mint(nbf=NOW + 11),
    "a token of another issuer": lambda api, mint: mint(iss="https://other.example"),
    "a token of a trusted issuer": lambda api, mint: sign(),
    "an exchanged token": lambda api, mint: exchange(api, mint(), [AUDIENCE, REPORTS]),
    "a token of a delegate": lambda api, mint: mint(act={"sub": "x"}),
    "a token with a parent": lambda api, mint: mint(parent={"jti": "p", "exp": NOW + 900}),
    "a ticket": lambda api, mint: make_ticket(mint),
    "an ID token": lambda api, mint: mint(typ="JWT", nonce="n"),
    "a token without typ": lambda api, mint: mint(typ=None),
    "a token bound to a key": lambda api, mint: mint(cnf={"jkt": "x"}),
    "a refresh token": lambda api, mint: str(sign_in(api)["refresh_token"]),
    "an API key": lambda api, mint: make_key(api).text,
    "an API key for the caller": lambda api, mint: make_key(api, "billing", [SCOPE]).text,
    "an unknown reference token": lambda api, mint: with_other_end(make_reference(api)),
}


@pytest.mark.parametrize("make", BAD_SUBJECTS.values(), ids=BAD_SUBJECTS)
def test_another_string_than_a_good_access_token_is_refused(
    open_api: Flask, mint: Mint, signal_log: SignalLog, make: Callable[[Flask, Mint], str]
) -> None:
    refused(open_api, make(open_api, mint), signal_log)


def test_a_reference_token_is_exchanged(api: Flask) -> None:
    subject = make_reference(api)

    assert claims_of(exchanged(api, CLIENT, subject))["sub"] == "alice"


def test_the_subject_token_is_for_an_audience_of_the_caller(api: Flask, signal_log: SignalLog) -> None:
    """Otherwise a service could use tokens that were never sent to it."""
    for_us, for_shop = token_for(api), token_for(api, audience=SHOP)
    of_service = caller_of(api, audience=[AUDIENCE, SHOP])

    refused(api, for_us, signal_log, SHOP_CLIENT)
    refused(api, for_shop, signal_log, CLIENT)
    refused(api, for_shop, signal_log, caller_of(api))
    for headers, subject in ((SHOP_CLIENT, for_shop), (CLIENT, for_us), (of_service, for_us), (of_service, for_shop)):
        assert ask(api, headers, subject).status_code == 200


def test_an_empty_audience_is_in_common_with_nobody(api: Flask, mint: Mint, signal_log: SignalLog) -> None:
    caller = bearer(mint(scope=SCOPE, sub="billing", aud=["", AUDIENCE]))

    refused(api, mint(aud=""), signal_log, caller)


def test_token_check_decides_too(make_api: MakeApi, signal_log: SignalLog) -> None:
    auth: TokenAuth[Any] = TokenAuth()
    auth.token_check(lambda token: token.subject != "alice")
    api = make_api(auth=auth)

    refused(api, token_for(api), signal_log)
    assert ask(api, CLIENT, token_for(api, user="bob")).status_code == 200


def test_a_user_id_of_another_type_is_refused(make_api: MakeApi, mint: Mint, signal_log: SignalLog) -> None:
    api = make_api(auth=TokenAuth(user_id_type=int))

    refused(api, mint(sub="alice"), signal_log)
    assert ask(api, CLIENT, mint(sub="7")).status_code == 200


def test_a_token_that_would_become_too_long_is_refused(make_api: MakeApi, mint: Mint, signal_log: SignalLog) -> None:
    api = make_api(TOKENAUTH_MAX_TOKEN_BYTES=1024)
    subject = mint(scope=" ".join(f"scope-{number}" for number in range(45)))
    assert len(subject) < 1024

    refused(api, subject, signal_log)
    assert ask(api, CLIENT, subject, scope="scope-1").status_code == 200


ENDS: dict[str, Callable[[Flask, str], object]] = {
    "the token": revoke_current,
    "its session": lambda app, token: app.test_client().post("/auth/logout", headers=bearer(token)),
    "its user": lambda app, token: revoke_user(app, api_keys=False),
}


@pytest.mark.parametrize("mode", ["feed", "strict", "off"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_store_is_asked_before_this_worker_knows(
    make_api: MakeApi,
    clock: StandingClock,
    signal_log: SignalLog,
    end: Callable[[Flask, str], object],
    mode: str,
) -> None:
    other, api = make_api(), make_api(TOKENAUTH_REVOCATION=mode)
    subject = str(sign_in(api)["access_token"])
    assert ask(api, CLIENT, subject).status_code == 200

    end(other, subject)

    with api.app_context():
        assert mode == "strict" or AUTH.verify(subject).subject == "alice"  # this worker does not know it yet
    refused(api, subject, signal_log)


def test_a_revocation_that_the_store_has_lost_still_counts(api: Flask, signal_log: SignalLog) -> None:
    subject = token_for(api)
    revoke_current(api, subject)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_of(api).store, "is_revoked", lambda **facts: False)
        refused(api, subject, signal_log)


def test_what_was_exchanged_ends_with_the_subject_token(api: Flask) -> None:
    subject = token_for(api)
    child = exchanged(api, CLIENT, subject)
    assert verify(api, child).actor == "billing"

    revoke_current(api, subject)

    with pytest.raises(TokenError, match="must not be revoked"):
        verify(api, child)


def test_in_debug_the_log_says_why(api: Flask, caplog: pytest.LogCaptureFixture) -> None:
    api.debug = True
    subject = token_for(api, audience=REPORTS)

    ask(api, CLIENT, subject)

    [line] = [record.getMessage() for record in caplog.records if "subject_token" in record.getMessage()]
    assert "audience_wrong, claim aud must name the audience" in line
    assert subject not in line
