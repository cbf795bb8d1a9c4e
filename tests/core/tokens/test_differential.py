"""Each token that is accepted here is accepted by PyJWT and joserfc too, and they read the same claims from it.

They may accept more tokens.
"""

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any

import joserfc.jwt
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from jwt.algorithms import OKPAlgorithm

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.encoding.immutable_json import freeze
from flask_tokenauth.core.form_errors import MalformedToken
from flask_tokenauth.core.keys.algorithms import ALGORITHMS
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens.claims import RESERVED, ClaimsPolicy, decode_claims
from flask_tokenauth.core.tokens.token import Token
from flask_tokenauth.core.tokens.verifier import Verifier

from ...conftest import AUDIENCE, ISSUER, NOW, Mint

LEEWAY = 10
KEYS = {name: Key.generate(name, kid="k1") for name in ALGORITHMS}
POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))
VERIFIERS = {name: Verifier(KeySet([key]), POLICY) for name, key in KEYS.items()}
REMEMBERING = {name: Verifier(KeySet([key]), POLICY, cache_size=100) for name, key in KEYS.items()}
JOSERFC: dict[str, Any] = {"oct": OctKey, "RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}

PYJWT = jwt.PyJWT()
PYJWT._jws.register_algorithm("Ed25519", OKPAlgorithm())


class Registry(JWSRegistry):
    """A registry for joserfc that accepts long headers and ignores unknown parameters (RFC 7515 section 4)."""

    max_header_length = 8000


class StandingDatetime(datetime):
    """The clock of PyJWT, set to the time of these tests."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "StandingDatetime":
        return cls.fromtimestamp(NOW, tz)


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jwt.api_jwt.datetime", StandingDatetime)


def pyjwt_claims(name: str, token: str) -> dict[str, object]:
    with warnings.catch_warnings(action="ignore"):  # about parameters that it will refuse one day
        return PYJWT.decode(
            token, KEYS[name]._public, algorithms=[name], audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY
        )


def joserfc_claims(name: str, token: str) -> dict[str, object]:
    jwk = KEYS[name].to_jwk(private=KEYS[name].key_type == "oct")
    key = JOSERFC[KEYS[name].key_type].import_key({member: value for member, value in jwk.items() if member != "alg"})
    registry = Registry(algorithms=[name], strict_check_header=False)
    with warnings.catch_warnings(action="ignore"):  # EdDSA is deprecated in favour of Ed25519
        decoded = joserfc.jwt.decode(token, key, registry=registry)
    joserfc.jwt.JWTClaimsRegistry(
        now=int(NOW),
        leeway=LEEWAY,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        sub={"essential": True},
        exp={"essential": True},
    ).validate(decoded.claims)
    return decoded.claims


def accept(name: str, token: str, verifiers: dict[str, Verifier] = VERIFIERS) -> Token | None:
    try:
        return verifiers[name].verify(token, now=NOW)
    except TokenError:
        return None


def check_peers_agree(name: str, token: str, accepted: Token) -> None:
    assert freeze(pyjwt_claims(name, token)) == accepted.claims
    assert freeze(joserfc_claims(name, token)) == accepted.claims


names = st.sampled_from(list(ALGORITHMS))
texts = st.text(max_size=20)
numbers = st.integers() | st.floats() | st.integers(-20, 20).map(lambda offset: NOW + offset)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)
registered = st.sampled_from(sorted(RESERVED))
audiences = st.lists(st.sampled_from([AUDIENCE, "other", 1, None]), max_size=3)
claim_changes = (
    st.dictionaries(registered | texts, values, max_size=2)
    | st.dictionaries(texts, values, max_size=3)
    | st.fixed_dictionaries({}, optional={"exp": numbers, "nbf": numbers, "iat": numbers, "auth_time": numbers})
    | st.fixed_dictionaries({"aud": audiences})
)
parameters = st.sampled_from(["alg", "kid", "typ", "cty", "crit", "b64", "jwk", "jku", "x5c", "zip", "enc", "x"])
other_headers: list[dict[str, object]] = [{}, {"typ": "AT+JWT"}, {"typ": "application/at+jwt"}, {"b64": True}]
header_changes = st.dictionaries(parameters, values, max_size=1) | st.sampled_from(other_headers)
times = st.sampled_from([0, -LEEWAY - 0.5, -LEEWAY, 909.5, 910, math.nan]) | numbers.map(lambda number: number - NOW)
spacings = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")])


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Return a claims set: changed claims, other white space, other escapes, names twice, stray characters."""
    good = Mint(KEYS["HS256"]).claims()
    if draw(st.booleans()):  # the times as whole numbers, which the fast path of the policy needs
        good |= {"iat": int(NOW), "exp": int(NOW) + 900}
    text = json.dumps(good | draw(claim_changes), separators=draw(spacings), ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = (
            text[:-1] + "," + json.dumps(draw(st.dictionaries(registered | texts, values, min_size=1, max_size=2)))[1:]
        )
    data = text.encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from([b""] * 12 + [b" ", b"\x00", b"0", b"\xff", b"}"])) + data[at:]


@st.composite
def tokens(draw: st.DrawFn) -> tuple[str, str]:
    """Return the name of an algorithm and a token of its key, mutated before or after it was signed, or both."""
    name = draw(names)
    good: dict[str, object] = {"alg": name, "kid": "k1", "typ": "at+jwt"}
    header = json.dumps(good | draw(header_changes), separators=draw(spacings))
    signed = base64url.encode(header.encode()) + b"." + base64url.encode(draw(payloads()))
    token = (signed + b"." + base64url.encode(KEYS[name].sign(signed))).decode()
    if not draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(token)))
        token = token[:at] + draw(st.text("AZaz09-_=. \n+/é", max_size=2)) + token[at + draw(st.integers(0, 2)) :]
    return name, token


@pytest.mark.slow
@given(tokens())
def test_tokens_that_are_accepted_here_are_accepted_by_others_who_read_the_same_claims(case: tuple[str, str]) -> None:
    name, token = case
    accepted = accept(name, token)

    assert accept(name, token, REMEMBERING) == accepted
    assert accept(name, token, REMEMBERING) == accepted
    if accepted is not None:
        check_peers_agree(name, token, accepted)


SLOW = replace(POLICY)
object.__setattr__(SLOW, "_fast_path", None)


def outcome(policy: ClaimsPolicy, claims: Mapping[str, object], now: float) -> object:
    try:
        policy.check(claims, typ="at+jwt", now=now)
    except TokenError as error:
        return type(error), vars(error)
    return None


@pytest.mark.slow
@given(payloads(), times)
def test_the_fast_path_accepts_no_claims_that_the_policy_refuses(payload: bytes, later: float) -> None:
    try:
        claims = decode_claims(payload)
    except MalformedToken:
        return

    expected = outcome(SLOW, claims, NOW + later)

    assert outcome(POLICY, claims, NOW + later) == expected
    assert outcome(POLICY, MappingProxyType(claims), NOW + later) == expected


@pytest.mark.slow
@given(payloads(), times)
def test_claims_that_were_accepted_once_are_accepted_within_their_span_and_no_longer(
    payload: bytes, later: float
) -> None:
    """A verifier that remembers tokens checks the span instead of the claims."""
    try:
        claims = decode_claims(payload)
    except MalformedToken:
        return
    if outcome(POLICY, claims, NOW) is not None:
        return

    since, until = POLICY.span(claims)

    assert (outcome(POLICY, claims, NOW + later) is None) == (since <= NOW + later + LEEWAY and NOW + later < until)


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_a_good_token_of_every_algorithm_is_accepted_by_all(name: str) -> None:
    """Otherwise the test above could pass without comparing anything."""
    token = Mint(KEYS[name])(x=[{"a": 1.5}, "é"], n=2**70)

    accepted = accept(name, token)

    assert accepted is not None
    check_peers_agree(name, token, accepted)
