"""Shared by the tests of claims: a policy, and good claims that a test changes before the policy checks them."""

from typing import Any

from flask_tokenauth.core.tokens.claims import ClaimsPolicy

from ...conftest import AUDIENCE, ISSUER, NOW, Mint

POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE, "second"}))


def check(
    mint: Mint, now: float = NOW, typ: str | None = "at+jwt", policy: ClaimsPolicy = POLICY, **changes: Any
) -> None:
    policy.check(mint.claims(**changes), typ=typ, now=now)


def claim_of(name: str, value: object) -> dict[str, Any]:
    return {name: value}
