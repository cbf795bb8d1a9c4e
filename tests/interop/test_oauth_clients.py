"""Foreign OAuth clients discover the endpoints, refresh, introspect and revoke."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session

from flask_tokenauth.core.keys.key_ring import KeyRing

from .conftest import CLIENT, CLIENT_SECRET, Issuer, needs_foreign_software, run_node

pytestmark = needs_foreign_software


@pytest.fixture
def issuer(serve: Callable[[KeyRing], Issuer]) -> Issuer:
    return serve(KeyRing.start("ES256", now=time.time()))


def describe(issuer: Issuer) -> dict[str, Any]:
    """Return the metadata of the authorization server."""
    found: dict[str, Any] = requests.get(f"{issuer.url}/.well-known/oauth-authorization-server", timeout=60).json()
    return found


def test_oauth4webapi_discovers_refreshes_validates_introspects_and_revokes(issuer: Issuer) -> None:
    refresh_token = issuer.log_in()["refresh_token"]

    found = run_node("oauth.mjs", issuer.url, issuer.audience, refresh_token, CLIENT, CLIENT_SECRET)

    assert found.pop("refreshToken") != refresh_token
    assert found == {
        "subject": "alice",
        "byToken": True,
        "byClient": "alice",
        "revoked": False,
        "tokenType": "bearer",
    }


def test_authlib_refreshes_and_revokes(issuer: Issuer) -> None:
    tokens, server = issuer.log_in(), describe(issuer)
    with OAuth2Session(CLIENT, token=tokens, token_endpoint_auth_method="none") as session:
        new = session.refresh_token(server["token_endpoint"])
        assert session.get(f"{issuer.url}/me").json() == {"user": "alice"}

        assert session.revoke_token(server["revocation_endpoint"], new["access_token"]).status_code == 200

        assert requests.get(f"{issuer.url}/me", headers=bearer(new), timeout=60).status_code == 401


def test_requests_oauthlib_refreshes_a_token_that_has_expired(issuer: Issuer) -> None:
    from requests_oauthlib import OAuth2Session as Session  # noqa: PLC0415  # it may be missing

    tokens = issuer.log_in()
    kept: list[dict[str, Any]] = []
    with Session(
        CLIENT,
        token={**tokens, "expires_in": -1, "expires_at": 1},
        auto_refresh_url=describe(issuer)["token_endpoint"].replace("http://", "https://"),
        token_updater=kept.append,
    ) as session:
        session.mount("https://", PlainAdapter())
        answer = session.get(f"{issuer.url}/me".replace("http://", "https://"))

    assert answer.json() == {"user": "alice"}
    assert kept[0]["refresh_token"] != tokens["refresh_token"]


class PlainAdapter(requests.adapters.HTTPAdapter):
    """Sends requests for https over plain HTTP: requests-oauthlib refuses other addresses."""

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        request.url = request.url.replace("https://", "http://")
        return super().send(request, *args, **options)


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}
