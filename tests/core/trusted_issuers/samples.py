"""Token samples: access tokens as the documentation of each provider shows them, signed with a key of the tests.

The entries that judge them are those of docs/providers.rst, so the page is tested as it stands.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple
from unittest import mock

from flask_tokenauth import TrustedIssuer
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.tokens import jws
from flask_tokenauth.core.trusted_issuers.rules import IssuerRules
from flask_tokenauth.core.trusted_issuers.trusted_keys import TrustedKeys
from flask_tokenauth.core.trusted_issuers.trusted_token import TrustedToken

from ...conftest import NOW, SECRET
from ...documentation.reading import blocks
from .rules_kit import KEY, Source, named, verifier_with
from .sample_tokens import USUAL
from .sample_tokens_by_fields import USUAL_BY_FIELDS

OLD_SECRET = SECRET[::-1]  # of the libraries that the application used before
_UNCHANGED: Mapping[str, Any] = {}
SAMPLES = {**USUAL, **USUAL_BY_FIELDS}


class Read(NamedTuple):
    """The facts of a token, as an application reads them."""

    subject: str
    scopes: frozenset[str]
    has_user: bool = True


@cache
def read_entries() -> Mapping[str, TrustedIssuer]:
    """Return the entries of the page by their names."""
    names: dict[str, Any] = {}
    secrets = dict.fromkeys(("OLD_JWT_SECRET_KEY", "DJANGO_SECRET_KEY", "SUPABASE_JWT_SECRET"), OLD_SECRET)
    with mock.patch.dict("os.environ", secrets):
        for block in blocks("providers", "python"):
            exec(block, names)  # of our own page
    return {name.replace("_", "-"): value for name, value in names.items() if isinstance(value, TrustedIssuer)}


def entry_of(provider: str, **changes: Any) -> TrustedIssuer:
    """Return the entry of a provider, with *changes*."""
    return replace(read_entries()[provider], **changes) if changes else read_entries()[provider]


def claims_of(provider: str, changes: Mapping[str, Any]) -> dict[str, object]:
    """Return the claims of the usual access token with *changes*. The value ``...`` leaves a claim out."""
    return {name: value for name, value in {**SAMPLES[provider].claims, **changes}.items() if value is not ...}


def issue(provider: str, changes: Mapping[str, Any], header: Mapping[str, Any] = _UNCHANGED) -> str:
    """Return the usual access token of a provider, with changes of its claims and of its header.

    All tokens are signed with one key: some providers have one for all their tenants.
    """
    parameters = {"alg": KEY.algorithm, "kid": KEY.kid, **SAMPLES[provider].header, **header}
    written = {name: value for name, value in parameters.items() if value is not ...}
    encoded = base64url.encode(json.dumps(written).encode()) + b"."
    return jws.sign_under(encoded, json.dumps(claims_of(provider, changes)).encode(), KEY)


def judge(entry: TrustedIssuer, token: str) -> Read:
    """Verify a token as an application with this entry does, and return what it says."""
    rules = IssuerRules(entry, Source(TrustedKeys(named([KEY.public()]))), leeway=timedelta(0))
    found = verifier_with(rules).verify(token, now=NOW)
    assert isinstance(found, TrustedToken)
    return Read(found.subject, found.scopes, found.has_user)


def usual_read(provider: str) -> Read:
    """Return what the usual access token of a provider says."""
    return Read(SAMPLES[provider].subject, frozenset(SAMPLES[provider].scopes))
