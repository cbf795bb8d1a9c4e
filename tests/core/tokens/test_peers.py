"""Gaps that PyJWT 2.15 leaves open are closed here, one test for each gap."""

import base64
import json
from typing import Any

import pytest

from flask_tokenauth.core.claim_errors import MalformedClaim, MissingClaim
from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.form_errors import MalformedToken, TokenTooLarge
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.signature_errors import WrongAlgorithm
from flask_tokenauth.core.token_errors import TokenError, WrongType
from flask_tokenauth.core.tokens import jws
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.verifier import Verifier

from ...conftest import AUDIENCE, ISSUER, NOW, Mint

POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))
RSA = Key.generate("RS256")
SECRET = base64url.encode(bytes(range(32))).decode()


@pytest.fixture
def verifier(mint: Mint) -> Verifier:
    return Verifier(KeySet([mint.key]), POLICY)


def test_the_type_of_a_token_is_looked_at(verifier: Verifier, mint: Mint) -> None:
    with pytest.raises(WrongType):
        verifier.verify(mint(typ="JWT"), now=NOW)


@pytest.mark.parametrize("claim", ["exp", "sub", "jti", "iss", "aud"])
def test_claims_that_matter_are_not_optional(verifier: Verifier, mint: Mint, claim: str) -> None:
    changes: dict[str, Any] = {claim: ...}

    with pytest.raises(MissingClaim):
        verifier.verify(mint(**changes), now=NOW)


@pytest.mark.parametrize(
    "value",
    [str(int(NOW) + 900), "1_700_000_900", "\uff11\uff17\uff10\uff10\uff10\uff10\uff10\uff19\uff10\uff10", True],
)
def test_a_time_is_no_text_and_no_boolean(verifier: Verifier, mint: Mint, value: object) -> None:
    with pytest.raises(MalformedClaim):
        verifier.verify(mint(exp=value), now=NOW)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_no_json(verifier: Verifier, mint: Mint, number: str) -> None:
    payload = json.dumps(mint.claims()).replace("{", f'{{"x": {number}, ', 1)

    with pytest.raises(MalformedToken):
        verifier.verify(mint.sign(payload.encode()), now=NOW)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be", "utf-8-sig"])
def test_a_token_is_utf_8(verifier: Verifier, mint: Mint, encoding: str) -> None:
    with pytest.raises(MalformedToken):
        verifier.verify(mint.sign(json.dumps(mint.claims()).encode(encoding)), now=NOW)


@pytest.mark.parametrize(
    "spell", [lambda text: text + "=", lambda text: text + "\n", lambda text: text.replace("-", "+")]
)
def test_a_token_has_one_spelling(verifier: Verifier, mint: Mint, spell: Any) -> None:
    token = next(token for token in (mint(jti=f"t{number}") for number in range(99)) if "-" in token.rpartition(".")[2])
    good, _, signature = token.rpartition(".")
    verifier.verify(token, now=NOW)

    with pytest.raises(MalformedToken):
        verifier.verify(f"{good}.{spell(signature)}", now=NOW)


def test_a_short_key_does_not_load() -> None:
    with pytest.raises(InvalidKey):
        Key.from_secret("secret")


@pytest.mark.parametrize("changes", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": []}])
def test_a_key_for_something_else_does_not_load(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidKey):
        Key.from_jwk({"kty": "oct", "alg": "HS256", "k": SECRET} | changes)


def test_two_keys_of_one_id_do_not_load() -> None:
    other = base64url.encode(bytes(range(1, 33))).decode()
    jwks = [{"kty": "oct", "alg": "HS256", "kid": "k1", "k": secret} for secret in (SECRET, other)]

    with pytest.raises(InvalidKey, match="same kid"):
        KeySet.from_jwks({"keys": jwks})


def test_an_hmac_token_that_meets_an_rsa_key_is_refused_like_any_other() -> None:
    token = jws.sign(b"{}", Key.from_secret(bytes(range(32)), kid=RSA.kid))

    with pytest.raises(WrongAlgorithm):
        jws.verify(token, KeySet([RSA]))


def test_a_token_has_a_greatest_size(verifier: Verifier) -> None:
    with pytest.raises(TokenTooLarge):
        verifier.verify("a." * 10**6, now=NOW)


@pytest.mark.parametrize("place", ["alg", "kid", "typ", "claim", "text"])
def test_no_message_quotes_what_was_sent(verifier: Verifier, mint: Mint, place: str) -> None:
    sent = "hunter2"
    header = json.dumps({"alg": "HS256", "kid": mint.key.kid, "typ": "at+jwt", place: sent}).encode()
    token = (
        f"{base64url.encode(header).decode()}.{sent}.{sent}" if place in ("alg", "kid", "typ") else mint(scope=[sent])
    )
    token = sent if place == "text" else token

    with pytest.raises(TokenError) as caught:
        verifier.verify(token, now=NOW)

    shown = f"{caught.value!r} {caught.value} {vars(caught.value)}"
    assert sent not in shown
    assert base64.b64encode(sent.encode()).decode() not in shown
