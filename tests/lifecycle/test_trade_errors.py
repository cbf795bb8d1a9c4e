"""Trades that fail for another reason than the token: outages, plain HTTP, mistakes of the application."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from flask_tokenauth import TokenAuth
from flask_tokenauth.core.errors import KeySetUnavailable, SettingsError, StoreUnavailable

from ..conftest import MakeApp
from ..leaks import find_leak
from .conftest import Auth, MakeTradingApp
from .kit import UNAVAILABLE, Backend, SignalLog, sessions_of, store_of
from .kit import unavailable as out_of_order
from .old_libraries import (
    add_trade_view,
    entry,
    old_claims,
    sign_old,
    trade,
    traded,
)


@pytest.fixture
def app(trading_app: Flask) -> Flask:
    return trading_app


def test_nothing_that_the_client_sent_is_logged(
    make_trading_app: MakeTradingApp, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = make_trading_app(DEBUG=True)
    good = sign_old(old_claims(backend.now))
    for text in (good, good, good[:-4] + "AAAA", sign_old(old_claims(backend.now, type="access")), good + "é"):
        trade(app, text)

    written = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert "refused: token_not_tradable: the token must be a refresh token of an issuer in TOKENAUTH_TRUSTED" in written
    assert find_leak(written) is None
    assert good.split(".")[1] not in written


@pytest.mark.slow
def test_over_plain_http_that_is_refused_nothing_is_traded(
    make_trading_app: MakeTradingApp, old: str, signal_log: SignalLog
) -> None:
    app = make_trading_app(TOKENAUTH_ENFORCE_HTTPS="refuse")

    plain = trade(app, old)
    assert (plain.status_code, plain.get_json()["error"]) == (400, "invalid_request")
    assert signal_log.reasons == ["transport_insecure"]
    assert trade(app, old, base_url="https://localhost").status_code == 200


METHODS = ["find_session", "is_revoked", "read_epoch", "start_session", "revoke"]


@pytest.mark.parametrize("method", METHODS)
def test_in_an_outage_of_the_store_the_answer_is_503_and_the_trade_can_be_repeated(
    app: Flask, old: str, method: str
) -> None:
    with out_of_order(store_of(app), method):
        answer = trade(app, old)

    assert (answer.status_code, answer.get_json()) == (503, UNAVAILABLE)
    assert trade(app, old).status_code == 200
    assert len(sessions_of(app)) == 1


def test_no_answer_is_given_that_the_store_does_not_remember(app: Flask, old: str) -> None:
    traded(app, old)

    with out_of_order(store_of(app), "revoke"):
        assert trade(app, old).status_code == 503


def test_if_the_keys_of_the_old_library_are_not_known_the_answer_is_503(
    app: Flask, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise KeySetUnavailable("no answer")

    [rules] = app.extensions["tokenauth"].trust.list_rules()
    monkeypatch.setattr(type(rules.keys), "current", fail)

    assert trade(app, old).status_code == 503


MISTAKES: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a single string": ({"scopes": "a"}, TypeError, "scopes must be a collection"),
    "no list": ({"scopes": lambda _: None}, TypeError, "scopes"),
    "an undeclared scope": ({"scopes": ["c"]}, ValueError, "c"),
    "a long label": ({"label": "x" * 256}, ValueError, "label must be a string of at most 255"),
    "a reserved claim": ({"claims": {"sub": "bob"}}, ValueError, "reserved"),
    "a claim that is no JSON": (
        {"claims": {"at": datetime(2024, 1, 1, tzinfo=UTC)}},
        ValueError,
        "claims must be JSON",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_application_is_an_error_and_starts_no_session(
    make_trading_app: MakeTradingApp, old: str, mistake: str
) -> None:
    options, error, message = MISTAKES[mistake]
    app = make_trading_app(TOKENAUTH_SCOPES={"a": "Read.", "b": "Write."}, options=options)
    add_trade_view(app, TokenAuth(), rule="/corrected")

    with pytest.raises(error, match=message):
        trade(app, old)

    assert sessions_of(app) == []
    assert trade(app, old, path="/corrected").status_code == 200


def test_an_error_of_users_is_an_error_of_the_application(make_trading_app: MakeTradingApp, old: str) -> None:
    def fail(_: object) -> str:
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        trade(make_trading_app(entry(users=fail)), old)


def test_without_a_store_there_is_nothing_to_trade_for(make_app: MakeApp, old: str) -> None:
    auth: Auth = TokenAuth()
    app = add_trade_view(make_app(auth=auth, TOKENAUTH_TRUSTED_ISSUERS=[entry()]), auth)

    with pytest.raises(SettingsError, match="TOKENAUTH_STORE"):
        trade(app, old)


def test_outside_of_a_request_a_token_is_traded_too(make_trading_app: MakeTradingApp, old: str) -> None:
    """A script may do it, as it may call ``token_response``."""
    with make_trading_app(TOKENAUTH_ENFORCE_HTTPS="refuse").app_context():
        answer = TokenAuth().trade(old)

    assert answer.status_code == 200


def test_outside_of_a_request_an_outage_is_an_exception(app: Flask, old: str) -> None:
    with app.app_context(), out_of_order(store_of(app)), pytest.raises(StoreUnavailable):
        TokenAuth().trade(old)
