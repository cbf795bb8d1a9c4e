"""Helpers for the tests of ``POST /auth/exchange``: callers, clients, and requests."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth.core.opaque.client_secret import write_hash

from ...authentication.basic import basic
from ...conftest import bearer
from ...lifecycle.exchange.kit import REPORTS, token_for

SCOPE = "tokenauth:exchange"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
MAIL = "https://mail.example"
SHOP = "https://shop.example"  # the audience of a client
SECRET, OTHER_SECRET, OTHER_CLIENT_SECRET = (f"cs1_{letter * 43}" for letter in "abc")  # the last one is in no setting
WITH_EXCHANGE: dict[str, Any] = {
    "TOKENAUTH_EXCHANGE": {"billing": [REPORTS, MAIL], "shop": REPORTS},
    "TOKENAUTH_INTROSPECTION_CLIENTS": {
        "billing": write_hash(SECRET),
        "shop": {"secret_hash": write_hash(OTHER_SECRET), "audience": SHOP},
    },
}
CLIENT = {"Authorization": basic("billing", SECRET)}
SHOP_CLIENT = {"Authorization": basic("shop", OTHER_SECRET)}


def caller_of(app: Flask, name: str = "billing", scopes: Any = (SCOPE,), **options: Any) -> dict[str, str]:
    """Return the header of a service with a token of its own."""
    return bearer(token_for(app, scopes, name, **options))


def ask(app: Flask, headers: dict[str, str], subject: str, **changes: Any) -> TestResponse:
    """Exchange a token at the endpoint, with changed parameters. The value ``...`` leaves one out."""
    good = {"grant_type": GRANT_TYPE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN, "audience": REPORTS}
    form = {name: value for name, value in (good | changes).items() if value is not ...}
    return app.test_client().post("/auth/exchange", data=form, headers=headers)


def exchanged(app: Flask, headers: dict[str, str], subject: str, **changes: Any) -> str:
    """Return the token for which the endpoint exchanges a good one."""
    answer = ask(app, headers, subject, **changes)
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["access_token"])


def error_of(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the error of a refusal, which has no token and which no cache stores."""
    body = answer.get_json()
    assert not body.keys() & {"access_token", "issued_token_type"}
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, body["error"]
