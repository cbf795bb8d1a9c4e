"""``POST /auth/exchange``: who may call it: a service with a token of its own, or a client with a secret."""

from collections.abc import Callable

import pytest
from flask import Flask

from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.key import Key

from ...authentication.basic import basic
from ...conftest import AUDIENCE, NOW, Mint, bearer
from ...cookies_kit import HOST, SAME
from ...core.trusted_issuers.rules_kit import sign
from ...guards.ticket_kit import make_ticket
from ...lifecycle.exchange.kit import REPORTS, token_for
from ...lifecycle.kit import SignalLog, claims_of
from ...lifecycle.looked_up.kit import make_key, make_reference
from .conftest import MakeApi
from .kit import (
    CLIENT,
    GRANT_TYPE,
    JWT,
    OTHER_CLIENT_SECRET,
    OTHER_SECRET,
    SCOPE,
    SECRET,
    SHOP,
    SHOP_CLIENT,
    ask,
    caller_of,
    error_of,
    exchanged,
)


def test_a_reference_token_is_a_credential_too(api: Flask) -> None:
    caller = bearer(make_reference(api, "billing", [SCOPE]))

    assert claims_of(exchanged(api, caller, token_for(api)))["act"] == {"sub": "billing"}


def test_a_scope_that_implies_the_scope_is_enough(make_api: MakeApi) -> None:
    api = make_api(TOKENAUTH_SCOPES={"a": "A", "service": {"implies": [SCOPE]}})

    assert ask(api, caller_of(api, scopes=["service"]), token_for(api, ["a"])).status_code == 200


BadCaller = tuple[Callable[[Flask, Mint], dict[str, str]], int, str]
BAD_CALLERS: dict[str, BadCaller] = {
    "nobody": (lambda api, mint: {}, 401, "credential_missing"),
    "a token without the scope": (lambda api, mint: caller_of(api, scopes=["a"]), 403, "scope_insufficient"),
    "a token to introspect": (
        lambda api, mint: caller_of(api, scopes=["tokenauth:introspect"]), 403, "scope_insufficient",
    ),
    "a token for another audience": (lambda api, mint: caller_of(api, audience=REPORTS), 401, "audience_wrong"),
    "a token of another key": (
        lambda api, mint: bearer(Mint(Key.generate("EdDSA"))(scope=SCOPE, sub="billing")), 401, "key_unknown",
    ),
    "an expired token": (
        lambda api, mint: bearer(mint(scope=SCOPE, sub="billing", iat=NOW - 60, exp=NOW - 10)), 401, "token_expired",
    ),
    "a token of a delegate": (
        lambda api, mint: bearer(mint(scope=SCOPE, sub="billing", act={"sub": "x"})), 403, "token_of_delegate",
    ),
    "a token with a parent": (
        lambda api, mint: bearer(mint(scope=SCOPE, sub="billing", parent={"jti": "p", "exp": NOW})),
        403,
        "token_of_delegate",
    ),
    "a ticket": (
        lambda api, mint: bearer(make_ticket(mint, "/auth/exchange", scope=SCOPE, sub="billing")), 401, "type_wrong",
    ),
    "an API key": (
        lambda api, mint: bearer(make_key(api, "billing", [SCOPE]).text), 403, "kind_not_accepted",
    ),
    "an API key in a header of its own": (
        lambda api, mint: {"X-API-Key": make_key(api, "billing", [SCOPE]).text}, 403, "kind_not_accepted",
    ),
    "a trusted issuer": (lambda api, mint: bearer(sign(scope="exchange", sub="billing")), 401, "issuer_wrong"),
    "a caller that is not listed": (lambda api, mint: caller_of(api, "stranger"), 400, "exchange_caller_unknown"),
    "a wrong secret": (
        lambda api, mint: {"Authorization": basic("billing", OTHER_SECRET)}, 401, "client_secret_wrong",
    ),
    "an unknown client": (lambda api, mint: {"Authorization": basic("stranger", SECRET)}, 401, "client_unknown"),
    "a client that is not listed": (
        lambda api, mint: {"Authorization": basic("other", OTHER_CLIENT_SECRET)}, 400, "exchange_caller_unknown",
    ),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_CALLERS.values(), ids=BAD_CALLERS)
def test_another_caller_is_refused(open_api: Flask, mint: Mint, signal_log: SignalLog, bad: BadCaller) -> None:
    make, status, reason = bad
    headers, subject = make(open_api, mint), token_for(open_api)

    answer = ask(open_api, headers, subject)

    assert (answer.status_code, signal_log.reasons) == (status, [reason])
    assert "access_token" not in answer.text
    assert ("WWW-Authenticate" in answer.headers) == (status != 400)


@pytest.mark.parametrize("with_client", [True, False])
def test_a_cookie_is_never_the_credential(make_api: MakeApi, signal_log: SignalLog, *, with_client: bool) -> None:
    """A script would get a token for a cookie that it cannot read. Beside a client's header it does not count."""
    api = make_api(TOKENAUTH_COOKIES="all")
    cookies = state_of(api).cookies
    assert cookies is not None
    assert cookies.access is not None
    client, subject = api.test_client(), token_for(api)
    client.set_cookie(cookies.access, token_for(api, [SCOPE], "billing"), domain="api.example")
    form = {"grant_type": GRANT_TYPE, "subject_token": subject, "subject_token_type": JWT, "audience": REPORTS}

    answer = client.post(
        "/auth/exchange", data=form, base_url=HOST, headers=SAME | (SHOP_CLIENT if with_client else {})
    )

    if with_client:
        assert error_of(answer) == (400, "invalid_request")  # the subject is for no audience of this client
        assert signal_log.reasons == ["subject_token_refused"]
    else:
        assert (answer.status_code, signal_log.reasons) == (403, ["cookie_not_accepted"])


def test_a_secret_in_the_body_is_not_read(api: Flask) -> None:
    answer = ask(api, {}, token_for(api), client_id="billing", client_secret=SECRET)

    assert answer.status_code == 401


def test_a_caller_has_its_own_audiences_alone(api: Flask) -> None:
    subject = token_for(api, audience=[AUDIENCE, SHOP])

    assert ask(api, SHOP_CLIENT, subject).status_code == 200
    assert error_of(ask(api, SHOP_CLIENT, subject, audience="https://mail.example")) == (400, "invalid_target")
    assert ask(api, CLIENT, subject, audience="https://mail.example").status_code == 200
