"""Foreign OAuth clients exchange the token of a user for one of the next service (RFC 8693)."""

import time
from collections.abc import Callable

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from flask_tokenauth.core.keys.key_ring import KeyRing

from ..lifecycle.kit import claims_of
from .conftest import CLIENT, CLIENT_SECRET, REPORTS, Issuer, needs_foreign_software, run_node

pytestmark = needs_foreign_software

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture
def issuer(serve: Callable[[KeyRing], Issuer]) -> Issuer:
    return serve(KeyRing.start("ES256", now=time.time()))


def test_authlib_exchanges_a_token(issuer: Issuer) -> None:
    subject = issuer.log_in()["access_token"]
    form = {"grant_type": GRANT_TYPE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN}
    with OAuth2Session(CLIENT, CLIENT_SECRET, token_endpoint=f"{issuer.url}/auth/exchange") as session:
        answer = session.fetch_token(**form, audience=REPORTS, scope="reports:read")

        with pytest.raises(OAuthError) as caught:
            session.fetch_token(**form, audience="https://third.example")

    claims = claims_of(answer["access_token"])
    assert (answer["issued_token_type"], answer["scope"]) == (ACCESS_TOKEN, "reports:read")
    assert (claims["sub"], claims["act"], claims["aud"]) == ("alice", {"sub": CLIENT}, REPORTS)
    assert caught.value.error == "invalid_target"


def test_oauth4webapi_exchanges_a_token_and_validates_the_new_one(issuer: Issuer) -> None:
    subject = issuer.log_in()["access_token"]

    found = run_node("exchange.mjs", issuer.url, REPORTS, subject, CLIENT, CLIENT_SECRET)

    assert found == {
        "subject": "alice",
        "actor": CLIENT,
        "scope": "reports:read",
        "type": ACCESS_TOKEN,
        "errors": ["invalid_target", "invalid_scope", "invalid_request"],
    }
