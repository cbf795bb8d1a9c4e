"""Access tokens of users, as the documentation of the providers with a profile shows them. The values are made up."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...conftest import NOW

TIMES = {"iat": NOW, "exp": NOW + 900}
TENANT = "aaaabbbb-0000-cccc-1111-dddd2222eeee"  # of Entra
API = "00001111-aaaa-2222-bbbb-3333cccc4444"
USER = "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb"


class Usual(NamedTuple):
    """The access token of a user who may read reports."""

    claims: Mapping[str, Any]
    subject: str
    scopes: tuple[str, ...] = ("reports:read",)
    header: Mapping[str, Any] = {"typ": "JWT"}


USUAL: Mapping[str, Usual] = {
    "rfc9068": Usual(  # RFC 9068 figure 2
        {
            "iss": "https://accounts.acme.example",
            "sub": "5ba552d67",
            "aud": "https://reports.acme.example",
            "client_id": "s6BhdRkqt3",
            "jti": "dbe39bf3a3ba4238a513f51d6e1691c4",
            "scope": "openid profile reports:read",
            **TIMES,
        },
        subject="5ba552d67",
        header={"typ": "at+jwt"},
    ),
    "auth0": Usual(  # "Access Token Profiles", "Auth0 profile sample token"
        {
            "iss": "https://acme.eu.auth0.com/",
            "sub": "auth0|6553da60a54af58e29493993",
            "aud": ["https://reports.acme.example", "https://acme.eu.auth0.com/userinfo"],
            "azp": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
            "scope": "openid profile read:reports",
            "gty": "authorization_code",
            **TIMES,
        },
        subject="auth0|6553da60a54af58e29493993",
    ),
    "entra": Usual(  # "Access tokens", "Token formats": a sample of version 2.0
        {
            "aud": API,
            "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
            "nbf": NOW,
            "aio": "42JgYEhdsOYP3+Fm+kx9jpv/t9Kd",
            "azp": "5555eeee-ffff-0000-1111-666677778888",
            "azpacr": "0",
            "name": "Road Runner",
            "oid": USER,
            "preferred_username": "road.runner@acme.example",
            "rh": "0.AXwA",
            "scp": "Reports.Read User.Read",
            "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            "tid": TENANT,
            "uti": "fqiBqXLPj0eQa82S-IYFAA",
            "ver": "2.0",
            **TIMES,
        },
        subject=f"{TENANT}:{USER}",
        header={"typ": "JWT"},
    ),
    "okta": Usual(  # "OAuth 2.0 claims and scopes", "Claims in access tokens"
        {
            "ver": 1,
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
            "iss": "https://acme.okta.com/oauth2/default",
            "aud": "api://default",
            "sub": "road.runner@acme.example",
            "cid": "nmdP1fcyvdVO11AL7ECm",
            "uid": "00ujmkLgagxeRrAg20g3",
            "scp": ["openid", "reports.read"],
            "auth_time": NOW - 60,
            **TIMES,
        },
        subject="00ujmkLgagxeRrAg20g3",
        header={},
    ),
    "cognito": Usual(  # "Understanding the access token"
        {
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "device_key": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "cognito:groups": ["admins"],
            "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab1Cd2Ef3",
            "version": 2,
            "client_id": "1example23456789",
            "origin_jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "event_id": "64f513be-32db-42b0-b78e-b02127b4f463",
            "token_use": "access",
            "scope": "phone openid reports/read",
            "auth_time": NOW - 60,
            "jti": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "username": "road.runner",
            **TIMES,
        },
        subject="aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        header={},
    ),
    "keycloak": Usual(  # Keycloak 26, "Evaluate client scopes", generated access token
        {
            "auth_time": NOW - 60,
            "jti": "onrtac:4b2b9f4c-9f4b-4f0c-8d6f-7f2a0a6d0a1e",
            "iss": "https://sso.acme.example/realms/acme",
            "aud": ["reports-api", "account"],
            "sub": "f3e2d1c0-7a6b-4c5d-8e9f-0a1b2c3d4e5f",
            "typ": "Bearer",
            "azp": "web",
            "sid": "5d4c3b2a-1f0e-4d9c-8b7a-6f5e4d3c2b1a",
            "acr": "1",
            "realm_access": {"roles": ["default-roles-acme", "offline_access"]},
            "resource_access": {"account": {"roles": ["manage-account"]}},
            "scope": "openid profile email reports-read",
            "email": "road.runner@acme.example",
            **TIMES,
        },
        subject="f3e2d1c0-7a6b-4c5d-8e9f-0a1b2c3d4e5f",
    ),
    "zitadel": Usual(  # "Claims", "Access Token"; zitadel/oidc, NewAccessTokenClaims
        {
            "iss": "https://acme-ab1cde.zitadel.cloud",
            "sub": "77776025198584418",
            "aud": ["69234237810729234", "69234237810729019"],
            "nbf": NOW,
            "client_id": "69234237810729234",
            "jti": "69234237813329048",
            "urn:zitadel:iam:org:project:roles": {"editor": {"77776025198584410": "acme.ch"}},
            **TIMES,
        },
        subject="77776025198584418",
        scopes=("reports:write",),
    ),
    "google": Usual(  # "OpenID Connect", "An ID token's payload"
        {
            "iss": "https://accounts.google.com",
            "azp": "1234987819200.apps.googleusercontent.com",
            "aud": "1234987819200.apps.googleusercontent.com",
            "sub": "10769150350006150715113082367",
            "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
            "hd": "acme.example",
            "email": "road.runner@acme.example",
            "email_verified": True,
            "nonce": "0394852-3190485-2490358",
            **TIMES,
        },
        subject="10769150350006150715113082367",
        scopes=(),
    ),
    "firebase": Usual(  # "Verify ID tokens using a third-party JWT library"
        {
            "iss": "https://securetoken.google.com/acme-reports",
            "aud": "acme-reports",
            "auth_time": NOW - 60,
            "user_id": "bVt7DJXzHfTq2mVh0k9K4YVvdJp1",
            "sub": "bVt7DJXzHfTq2mVh0k9K4YVvdJp1",
            "email": "road.runner@acme.example",
            "firebase": {"identities": {"email": ["road.runner@acme.example"]}, "sign_in_provider": "password"},
            **TIMES,
        },
        subject="bVt7DJXzHfTq2mVh0k9K4YVvdJp1",
        scopes=(),
    ),
    "flask-jwt-extended": Usual(  # flask_jwt_extended/tokens.py
        {
            "fresh": False,
            "jti": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            "type": "access",
            "sub": "42",
            "nbf": NOW,
            "csrf": "0a1b2c3d-4e5f-4a7b-8c9d-0e1f2a3b4c5d",
            "roles": ["admin", "staff"],
            **TIMES,
        },
        subject="42",
        scopes=("reports:write",),
    ),
    "simplejwt": Usual(  # rest_framework_simplejwt/tokens.py
        {"token_type": "access", "jti": "1b9d6bcdbbfd4b2d9b5dab8dfbbd4bed", "user_id": "42", **TIMES},
        subject="42",
        scopes=(),
    ),
}
