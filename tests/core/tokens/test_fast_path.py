"""The fast path of the claims policy accepts usual claims, and leaves all others to the policy."""

from typing import Any

import pytest

from flask_tokenauth.core.claim_errors import TokenExpired
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.fast_path import FastPath

from ...conftest import AUDIENCE, ISSUER, NOW, Mint
from .claims_kit import POLICY

LEEWAY = 10.0


def usual(mint: Mint, **changes: Any) -> dict[str, object]:
    """Return claims whose times are whole numbers, as this project issues them."""
    return mint.claims(**({"iat": int(NOW), "exp": int(NOW) + 900} | changes))


def fast_path_of(policy: ClaimsPolicy) -> FastPath:
    assert policy._fast_path is not None
    return policy._fast_path


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": (AUDIENCE, "b")},
        {"sid": "s1", "auth_time": 0, "epoch": 1, "nbf": int(NOW), "team": ["blue"]},
        {"client_id": ..., "scope": ...},
    ],
)
def test_usual_claims_take_the_fast_path(mint: Mint, changes: dict[str, Any]) -> None:
    assert fast_path_of(POLICY).accepts(usual(mint, **changes), "at+jwt")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "x"},
        {"aud": "x"},
        {"aud": [AUDIENCE]},
        {"aud": ()},
        {"sub": "a\n"},
        {"jti": "a\n"},
        {"sid": "a\n"},
        {"client_id": "a\n"},
        {"sub": "a" * 256},
        {"exp": NOW + 900.5},
        {"exp": 253402300800},
        {"iat": NOW},
        {"nbf": True},
        {"epoch": -1},
        {"epoch": True},
        {"scope": "a  b"},
        {"cnf": None},
        {"act": {"sub": "billing"}},
        {"act": None},
        {"parent": {"jti": "p1", "exp": int(NOW) + 900}},
        {"parent": None},
        {"jti": ...},
    ],
    ids=str,
)
def test_other_claims_are_left_to_the_policy(mint: Mint, changes: dict[str, Any]) -> None:
    assert not fast_path_of(POLICY).accepts(usual(mint, **changes), "at+jwt")


@pytest.mark.parametrize("typ", [None, "JWT", "AT+JWT"])
def test_another_spelling_of_the_type_is_left_to_the_policy(mint: Mint, typ: str | None) -> None:
    assert not fast_path_of(POLICY).accepts(usual(mint), typ)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": int(NOW) - 10}, "token_expired"),
        ({"exp": int(NOW) + 86401}, "lifetime_too_long"),
        ({"iat": int(NOW) + 11}, "token_issued_in_future"),
        ({"nbf": int(NOW) + 11}, "token_not_yet_valid"),
    ],
    ids=str,
)
def test_only_the_policy_itself_reads_the_times(mint: Mint, changes: dict[str, Any], reason: str) -> None:
    """So no token is read a second time to find out that it has expired."""
    claims = usual(mint, **changes)

    assert fast_path_of(POLICY).accepts(claims, "at+jwt")
    with pytest.raises(TokenError) as refused:
        POLICY.check(claims, typ="at+jwt", now=NOW)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": None},
        {"audience": None},
        {"required": frozenset({"exp", "sub", "sid"})},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_unusual_policy_has_no_fast_path(changes: dict[str, Any]) -> None:
    rules: dict[str, Any] = {"issuer": ISSUER, "audience": frozenset({AUDIENCE})}

    assert ClaimsPolicy(**(rules | changes))._fast_path is None


def test_a_token_that_ends_before_it_starts_never_becomes_valid(mint: Mint) -> None:
    """The clock is ahead of ``exp`` and behind ``nbf``, by less than the leeway each."""
    policy = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}), may_start_later=True)
    claims = usual(mint, iat=int(NOW) - 60, exp=int(NOW) - 5, nbf=int(NOW) + 8)

    POLICY.check(claims, typ="at+jwt", now=NOW)
    with pytest.raises(TokenExpired):
        policy.check(claims, typ="at+jwt", now=NOW)
