"""Tokens of delegates: the form of ``act`` and ``parent`` in our own tokens, and the actor of any token."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from flask_tokenauth.core.claim_errors import MalformedClaim
from flask_tokenauth.core.encoding.immutable_json import freeze
from flask_tokenauth.core.encoding.limits import MAX_IDENTIFIER, YEAR_9999
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.delegation import Delegation
from flask_tokenauth.core.tokens.issuing import TokenIssuer
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.core.tokens.unverified import parse_unverified

from ...conftest import AUDIENCE, ISSUER, NOW, Mint

POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))
KEYS = KeySet([Key.generate("EdDSA")])
PARENT = {"jti": "p1", "exp": NOW + 900}
BAD_IDS: list[object] = [None, "", 5, True, "a\n", "a" * (MAX_IDENTIFIER + 1), ["a"], {}]


def check(mint: Mint, policy: ClaimsPolicy = POLICY, **changes: Any) -> None:
    claims = {name: freeze(value) for name, value in mint.claims(**changes).items()}
    policy.check(claims, typ="at+jwt", now=NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"act": {"sub": "billing"}},
        {"act": {"sub": "b" * MAX_IDENTIFIER}},
        {"act": {"iss": ISSUER, "sub": "billing", "act": {"sub": "shop"}}},
        {"parent": PARENT},
        {"parent": {**PARENT, "jti": "p" * MAX_IDENTIFIER}},
        {"parent": {**PARENT, "exp": NOW + 900.5}},
        {"parent": {**PARENT, "exp": YEAR_9999}},
        {"parent": {**PARENT, "exp": 0}},
        {"act": {"sub": "billing"}, "parent": {**PARENT, "more": []}},
        {"may_act": 5},
    ],
    ids=str,
)
def test_a_token_may_have_an_actor_and_a_parent(mint: Mint, claims: dict[str, Any]) -> None:
    check(mint, **claims)


BAD_ACTS: list[object] = [
    *({"sub": bad} for bad in BAD_IDS),
    *(None, "billing", 5, True, ["billing"], [{"sub": "billing"}], {}, {"Sub": "billing"}),
]
BAD_TIMES: list[object] = [None, "1", True, -1, YEAR_9999 + 1, [NOW], {}]
BAD_PARENTS: list[object] = [
    *({**PARENT, "jti": bad} for bad in BAD_IDS),
    *({**PARENT, "exp": bad} for bad in BAD_TIMES),
    *(None, "p1", 5, True, [PARENT], {}, {"jti": "p1"}, {"exp": NOW}),
]
BAD = [*(("act", bad) for bad in BAD_ACTS), *(("parent", bad) for bad in BAD_PARENTS)]


@pytest.mark.parametrize(("claim", "value"), BAD, ids=[f"{claim} {str(value)[:40]}" for claim, value in BAD])
def test_another_form_is_refused(mint: Mint, claim: str, value: Any) -> None:
    with pytest.raises(MalformedClaim) as caught:
        check(mint, **{claim: value})

    assert caught.value.claim == claim
    assert caught.value.must_be is not None
    assert caught.value.must_be.startswith("an object with ")


@pytest.mark.parametrize("value", [None, "anything", {"sub": 5}])
def test_other_issuers_use_the_names_as_they_like(mint: Mint, value: object) -> None:
    foreign = replace(POLICY, is_foreign=True)

    check(mint, foreign, act=value, parent=value)


@pytest.mark.parametrize(
    ("act", "actor"),
    [
        ({"sub": "billing"}, "billing"),
        ({"sub": "billing", "act": {"sub": "shop"}}, "billing"),
        (..., None),
        (None, None),
        ("billing", None),
        (["billing"], None),
        ({}, None),
        ({"sub": 5}, None),
        ({"sub": ""}, None),
        ({"sub": {"sub": "billing"}}, None),
    ],
    ids=str,
)
def test_the_actor_of_a_token_is_a_string_or_none(mint: Mint, act: object, actor: str | None) -> None:
    claims: Any = freeze(mint.claims(act=act))

    assert Token(subject="alice", scopes=frozenset(), claims=claims).actor == actor


def issue(delegation: Delegation | None) -> dict[str, object]:
    issuer = TokenIssuer(KEYS, POLICY, lifetime=timedelta(minutes=15))
    claims = parse_unverified(issuer.issue("alice", now=NOW, delegation=delegation)).claims
    assert claims is not None
    return dict(claims)


def test_the_issuer_writes_both_claims() -> None:
    claims = issue(Delegation("billing", "p1", NOW + 900.5))

    assert claims["act"] == MappingProxyType({"sub": "billing"})
    assert claims["parent"] == MappingProxyType({"jti": "p1", "exp": NOW + 900.5})
    assert not {"act", "parent"} & issue(None).keys()


@pytest.mark.parametrize("delegation", [Delegation("", "p1", NOW), Delegation("b", "", NOW), Delegation("b", "p1", -1)])
def test_nothing_is_signed_that_would_be_refused(delegation: Delegation) -> None:
    with pytest.raises(ValueError, match="the token would be refused: claim_malformed"):
        issue(delegation)


@pytest.mark.parametrize("name", ["act", "may_act", "parent"])
def test_the_application_cannot_set_them(name: str) -> None:
    issuer = TokenIssuer(KEYS, POLICY, lifetime=timedelta(minutes=15))

    with pytest.raises(ValueError, match=f"must not have reserved names, got {name}"):
        issuer.issue("alice", now=NOW, claims={name: {"sub": "billing"}})
