"""Public test vectors, and attacks of this project: every outcome is the one that its source expects.

Wycheproof's cases are not part of this project. Tests read them from the folder that the environment variable
``TOKENAUTH_VECTORS`` names.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens import jwe, jws
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.verifier import Verifier

from ...conftest import AUDIENCE, ISSUER, NOW

Case = dict[str, Any]

HERE = Path(__file__).parents[2] / "vectors"
ELSEWHERE = os.environ.get("TOKENAUTH_VECTORS")
NOT_HERE = pytest.param({}, id="wycheproof", marks=pytest.mark.skip("TOKENAUTH_VECTORS names no folder with its cases"))
POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))


def cases(path: Path) -> list[Any]:
    read: list[Case] = json.loads(path.read_text())["cases"]
    return [pytest.param(case, id=case["id"]) for case in read]


def load(case: Case) -> KeySet:
    """Load the keys of a case. A JWK without an algorithm gets the algorithm of the case."""
    members = case["key"].get("keys", [case["key"]])
    return KeySet(
        Key.from_jwk({"alg": case["algorithms"][0]} | jwk if "algorithms" in case else jwk) for jwk in members
    )


def verify(case: Case, known: Case | None = None) -> tuple[str | None, bytes | None]:
    """Return the reason for which the key or the token of a case is refused, or None and the accepted payload.

    The outcome must not depend on the tokens that were verified before with the same keys: none, a *known* good token,
    or the same token.
    """
    if case["layer"] == "jwe":
        return open_and_verify(case), None
    try:
        keys = load(case)
    except InvalidKey:
        return "key_invalid", None
    verifier = Verifier(keys, POLICY, cache_size=10)
    outcome = verify_token(case, load(case), Verifier(load(case), POLICY))
    for before in (known or case, case):
        verify_token(before, keys, verifier)
        assert verify_token(case, keys, verifier) == outcome
    return outcome


def verify_token(case: Case, keys: KeySet, verifier: Verifier) -> tuple[str | None, bytes | None]:
    try:
        verified = jws.verify(case["token"], keys)
        if case["layer"] == "jwt":
            verifier.verify(case["token"], now=NOW)
    except TokenError as error:
        return error.reason, None
    return None, verified.payload


@cache
def load_decryption(jwks: str) -> EncryptionKeys:
    """Load encryption keys once: to read an RSA key takes longer than to use it."""
    return EncryptionKeys.from_jwks(json.loads(jwks))


def open_and_verify(case: Case) -> str | None:
    """Return the reason for which the keys, the encrypted token or the token inside is refused, or None."""
    try:
        keys = load_decryption(json.dumps(case["decryption"]))
        opened = jwe.Opened(case["token"], {})
        if jwe.is_encrypted(opened.text):
            opened = jwe.open_token(opened.text, keys)
        verified = Verifier(load(case), POLICY).verify(opened.text, now=NOW)
        jwe.check_repeated_claims(opened.header, verified.claims)
    except InvalidKey:
        return "key_invalid"
    except TokenError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    "case",
    cases(HERE / "rfc_examples.json") + (cases(Path(ELSEWHERE) / "wycheproof_jws.json") if ELSEWHERE else [NOT_HERE]),
)
def test_the_examples_of_the_rfcs_and_wycheproof_come_out_as_expected(case: Case) -> None:
    reason, payload = verify(case)

    if case["expect"] == "accept":
        assert payload == base64url.decode(case["payload_b64u"].encode())
    else:
        assert reason is not None


ATTACKS = cases(HERE / "attacks.json")
GOOD = {
    json.dumps(case["key"]): case for (case,) in (parameters.values for parameters in ATTACKS) if case["reason"] is None
}


@pytest.mark.parametrize("case", ATTACKS)
def test_no_attack_succeeds_and_each_fails_for_the_reason_it_should(case: Case) -> None:
    assert verify(case, GOOD.get(json.dumps(case["key"])))[0] == case["reason"]
