"""Trusted issuers, their keys and tokens, for the tests of the rules that judge them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.tokens import jws
from flask_tokenauth.core.tokens.claims import ClaimsPolicy, decode_claims
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.core.tokens.verifier import Verifier
from flask_tokenauth.core.trusted_issuers.issuer import TrustedIssuer
from flask_tokenauth.core.trusted_issuers.registry import TrustedIssuers
from flask_tokenauth.core.trusted_issuers.rules import IssuerRules
from flask_tokenauth.core.trusted_issuers.trusted_keys import NamedKey, TrustedKeys

from ...conftest import AUDIENCE, ISSUER, NOW

THEIRS = "https://id.example"  # the trusted issuer
LEEWAY = 10  # seconds
KEY = Key.generate("ES256", kid="k1")
PUBLIC = KEY.public()
OWN_KEY = Key.generate("ES256", kid="k1")  # with the same ID


@dataclass
class Source:
    """Keys that tests exchange, with a record of the questions."""

    keys: TrustedKeys
    found_later: list[Key] = field(default_factory=list)  # keys that are there when they are looked for
    looks: int = 0
    skipped: Mapping[int, str] = field(default_factory=dict)

    def current(self) -> TrustedKeys:
        return self.keys

    refresh = current

    def look_for_unknown(self, generation: int) -> bool:
        self.looks += 1
        if self.found_later:
            self.keys.exchange(named(self.found_later))
        return self.keys.generation != generation


def named(keys: Iterable[Key]) -> list[NamedKey]:
    return [NamedKey(key.kid, key) for key in keys]


def issuer_with(**changes: Any) -> TrustedIssuer:
    """Return a trusted issuer with *changes*. The value ``...`` leaves a field out."""
    good: dict[str, Any] = {"issuer": THEIRS, "audience": AUDIENCE, "users": "shared", "keys": [PUBLIC]}
    return TrustedIssuer(**{name: value for name, value in (good | changes).items() if value is not ...})


def rules_with(*keys: Key, **changes: Any) -> IssuerRules:
    """Return the rules of a trusted issuer with *changes*, whose keys are *keys*."""
    source = Source(TrustedKeys(named(keys or (PUBLIC,))))
    return IssuerRules(issuer_with(**changes), source, leeway=timedelta(seconds=LEEWAY))


def claims_with(**changes: object) -> dict[str, object]:
    """Return the claims of a token of the trusted issuer with *changes*. The value ``...`` leaves a claim out."""
    good: dict[str, object] = {
        "iss": THEIRS,
        "sub": "bob",
        "aud": AUDIENCE,
        "exp": NOW + 900,
        "iat": NOW,
        "jti": "t1",
        "client_id": "app",
        "scope": "read write",
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def sign(*, key: Key = KEY, typ: str | None = "at+jwt", payload: bytes | None = None, **changes: object) -> str:
    """Return a token of the trusted issuer with changed claims."""
    return jws.sign(json.dumps(claims_with(**changes)).encode() if payload is None else payload, key, typ=typ)


def judge(rules: IssuerRules, token: str, *, now: float = NOW) -> Token:
    """Return the token if the rules accept it. They must be those of its issuer."""
    parts = jws.split(token)
    return rules.verify(parts, decode_claims(jws.decode_payload(parts)), now=now).to_token()


def verifier_with(*rules: IssuerRules, cache_size: int = 16, **options: Any) -> Verifier:
    """Return a verifier of our own tokens, and of those of trusted issuers."""
    policy = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))
    trusted = TrustedIssuers(ISSUER, rules, **options)
    return Verifier(KeySet([OWN_KEY]), policy, cache_size=cache_size, others=trusted)
