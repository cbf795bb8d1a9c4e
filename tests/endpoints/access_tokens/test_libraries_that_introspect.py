"""Services that introspect with a library, at a real server: each authenticates as its library does it by default."""

from collections.abc import Iterator

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask

from flask_tokenauth.core.opaque.client_secret import make_client_secret, write_hash

from ...caches.kit import serving
from ...lifecycle.conftest import MakeSessionApp
from ...lifecycle.kit import MOSTLY_IN_MEMORY
from ...lifecycle.revocation.kit import issue

pytestmark = MOSTLY_IN_MEMORY

CLIENT_ID = "billing.example/v1"


@pytest.fixture
def secret() -> str:
    return make_client_secret()


@pytest.fixture
def api(make_session_app: MakeSessionApp, secret: str) -> Flask:
    return make_session_app(TOKENAUTH_INTROSPECTION_CLIENTS={CLIENT_ID: write_hash(secret)})


@pytest.fixture
def url(api: Flask) -> Iterator[str]:
    with serving(api) as port:
        yield f"http://127.0.0.1:{port}/auth/introspect"


def test_a_session_of_authlib_introspects(api: Flask, url: str, secret: str) -> None:
    with OAuth2Session(CLIENT_ID, secret, token_endpoint_auth_method="client_secret_basic") as session:
        answer = session.introspect_token(url, token=issue(api), token_type_hint="access_token")

    assert answer.status_code == 200
    assert (answer.json()["active"], answer.json()["sub"]) == (True, "alice")


def test_a_session_of_authlib_with_a_wrong_secret_is_refused(api: Flask, url: str) -> None:
    with OAuth2Session(CLIENT_ID, make_client_secret()) as session:
        answer = session.introspect_token(url, token=issue(api))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_requests_introspects(api: Flask, url: str, secret: str) -> None:
    answer = requests.post(url, data={"token": issue(api)}, auth=(CLIENT_ID, secret), timeout=60)

    assert answer.json()["active"]
