"""Clients with an ID and a secret that introspect: a setting with two of them, good and refused headers."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_tokenauth.core.opaque.client_secret import write_hash

from ...authentication.basic import basic, basic_of
from ...lifecycle.conftest import MakeSessionApp

SCOPE = "tokenauth:introspect"
REPORTS = "https://reports.example"  # another service
SECRET, REPORTS_SECRET, NEW_SECRET = (f"cs1_{letter * 43}" for letter in "abc")
CLIENTS = {
    "billing": [write_hash(SECRET), write_hash(NEW_SECRET)],
    "reports": {"secret_hash": write_hash(REPORTS_SECRET), "audience": REPORTS},
}
WITH_CLIENTS = {"TOKENAUTH_INTROSPECTION_CLIENTS": CLIENTS}
GOOD, OF_REPORTS = basic("billing", SECRET), basic("reports", REPORTS_SECRET)
INVALID_CLIENT = {
    "error": "invalid_client",
    "error_description": "The client ID or the client secret is not valid.",
}
REFUSED = {
    "unknown ID": (basic("stranger", SECRET), "client_unknown"),
    "empty ID": (basic("", SECRET), "client_unknown"),
    "wrong secret": (basic("billing", REPORTS_SECRET), "client_secret_wrong"),
    "empty secret": (basic("billing", ""), "client_secret_wrong"),
    "weak secret": (basic("billing", "hunter2"), "client_secret_wrong"),
    "no secret": (basic_of(b"billing"), "client_header_malformed"),
    "no base64": ("Basic hunter2!", "client_header_malformed"),
    "two": (f"{GOOD},{GOOD}", "client_header_malformed"),
    "a token too": (f"{GOOD}, Bearer a.b.c", "client_header_malformed"),
    "NUL": (basic("billing\0", SECRET), "client_unknown"),
    "not UTF-8": (basic_of(b"\xff:\xff"), "client_header_malformed"),
    "long": (basic("billing", SECRET * 1000), "client_header_malformed"),
}
refused = pytest.mark.parametrize(("header", "reason"), REFUSED.values(), ids=REFUSED)


@pytest.fixture
def app(make_session_app: MakeSessionApp) -> Flask:
    return make_session_app(**WITH_CLIENTS)


def ask(app: Flask, header: str, token: str, **options: Any) -> TestResponse:
    """Introspect a token with this ``Authorization`` header."""
    headers = {"Authorization": header, **options.pop("headers", {})}
    return app.test_client().post("/auth/introspect", data={"token": token}, headers=headers, **options)


def is_active(app: Flask, header: str, token: str) -> bool:
    answer = ask(app, header, token)
    assert answer.status_code == 200
    return bool(answer.get_json()["active"])
