"""Access tokens of issuers without a profile, as their documentation shows them. The values are made up."""

from collections.abc import Mapping
from typing import Any

from ...conftest import NOW
from .sample_tokens import TIMES, Usual

_SUPABASE: Mapping[str, Any] = {  # "JWT Claims Reference"
    "iss": "https://abcdefghijklmnop.supabase.co/auth/v1",
    "sub": "123e4567-e89b-12d3-a456-426614174000",
    "aud": "authenticated",
    "email": "road.runner@acme.example",
    "phone": "",
    "app_metadata": {"provider": "email", "providers": ["email"], "roles": ["editor"]},
    "user_metadata": {"roles": ["owner"]},
    "role": "authenticated",
    "aal": "aal1",
    "amr": [{"method": "password", "timestamp": NOW}],
    "session_id": "123e4567-e89b-12d3-a456-426614174001",
    "is_anonymous": False,
    **TIMES,
}
_SUBJECT_OF_SUPABASE = "123e4567-e89b-12d3-a456-426614174000"

USUAL_BY_FIELDS: Mapping[str, Usual] = {
    "supabase": Usual(_SUPABASE, _SUBJECT_OF_SUPABASE, ("reports:write",)),
    "supabase-legacy": Usual(_SUPABASE, _SUBJECT_OF_SUPABASE, ("reports:write",)),
    "clerk": Usual(  # "Session tokens", version 2
        {
            "azp": "https://acme.example",
            "fva": [7, -1],
            "iss": "https://clerk.acme.example",
            "nbf": NOW - 10,
            "o": {"id": "org_123", "slg": "acme", "rol": "admin", "per": "read,manage", "fpm": "3"},
            "sid": "sess_123",
            "sts": "active",
            "sub": "user_123",
            "v": 2,
            **TIMES,
        },
        subject="user_123",
        scopes=("reports:write",),
        header={"typ": "JWT", "cat": "cl_B7d4PD111AAA"},
    ),
    "github-actions": Usual(  # "OpenID Connect reference", "OIDC token claims"
        {
            "iss": "https://token.actions.githubusercontent.com",
            "sub": "repo:acme/reports:environment:prod",
            "aud": "https://reports.acme.example",
            "jti": "example-id",
            "nbf": NOW - 300,
            "ref": "refs/heads/main",
            "environment": "prod",
            "repository": "acme/reports",
            "repository_id": "74",
            "repository_owner": "acme",
            "repository_owner_id": "65",
            "actor": "octocat",
            "job_workflow_ref": "acme/automation/.github/workflows/oidc.yml@refs/heads/main",
            **TIMES,
        },
        subject="repo:acme/reports:environment:prod",
        scopes=("reports:write",),
        header={"typ": "JWT", "x5t": "example-thumbprint"},
    ),
    "kubernetes": Usual(  # "Managing Service Accounts", "Bound service account tokens"
        {
            "aud": ["reports"],
            "iss": "https://kubernetes.default.svc.cluster.local",
            "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
            "kubernetes.io": {
                "namespace": "billing",
                "node": {"name": "worker-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
                "pod": {"name": "exporter-0", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
                "serviceaccount": {"name": "exporter", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
            },
            "nbf": NOW,
            "sub": "system:serviceaccount:billing:exporter",
            **TIMES,
        },
        subject="system:serviceaccount:billing:exporter",
        scopes=(),
        header={},
    ),
    "duende": Usual(  # "Protecting APIs", "API resources"
        {
            "iss": "https://identity.acme.example",
            "nbf": NOW,
            "aud": "reports",
            "scope": ["openid", "reports.read"],
            "amr": ["pwd"],
            "client_id": "mobile_app",
            "sub": "123",
            "auth_time": NOW - 60,
            "idp": "local",
            "sid": "C9D58E0F4B3E0A3F",
            "jti": "59A9D3F9A2D0D0A3",
            **TIMES,
        },
        subject="123",
        header={"typ": "at+jwt"},
    ),
    "hydra": Usual(  # oauth2/session.go, GetJWTClaims; fosite/token/jwt/claims_jwt.go, ToMap
        {
            "aud": ["https://reports.acme.example"],
            "client_id": "web",
            "ext": {},
            "iss": "https://hydra.acme.example",
            "jti": "36d1a9c4-0f9c-4b5e-8a1d-7c0a9f4d5e6f",
            "nbf": NOW,
            "scp": ["openid", "reports:read"],
            "sub": "road-runner",
            **TIMES,
        },
        subject="road-runner",
    ),
    "adfs": Usual(  # "AD FS OpenID Connect/OAuth concepts"; metadata: access_token_issuer
        {
            "aud": "microsoft:identityserver:97fec0e9-d322-4922-83e6-4b8208415ddf",
            "iss": "http://adfs.acme.example/adfs/services/trust",
            "nbf": NOW,
            "sub": "c2Vzc2lvbi1vYmplY3RHVUlE",
            "apptype": "Confidential",
            "appid": "50ce8764-aaaa-4bbb-96c0-39cc601ea154",
            "authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
            "auth_time": "2023-11-14T22:13:20.566Z",
            "ver": "1.0",
            "scp": "openid reports.read",
            **TIMES,
        },
        subject="c2Vzc2lvbi1vYmplY3RHVUlE",
        header={"typ": "JWT", "kid": ..., "x5t": "k1"},
    ),
}
