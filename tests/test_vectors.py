"""Public test vectors, and attacks of our own: whatever the RFCs and Wycheproof expect is what happens.

Wycheproof's cases are not part of this project. Tests read them from the folder that the environment variable
``TOKENAUTH_VECTORS`` names.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from flask_tokenauth.core import base64url, jws
from flask_tokenauth.core.claims import ClaimsPolicy
from flask_tokenauth.core.errors import InvalidKey, TokenError
from flask_tokenauth.core.keys import Key, KeySet
from flask_tokenauth.core.verifier import Verifier

from .conftest import AUDIENCE, ISSUER, NOW

Case = dict[str, Any]

HERE = Path(__file__).parent / "vectors"
ELSEWHERE = os.environ.get("TOKENAUTH_VECTORS")
NOT_HERE = pytest.param({}, id="wycheproof", marks=pytest.mark.skip("TOKENAUTH_VECTORS names no folder with its cases"))
POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))


def cases(path: Path) -> list[Any]:
    read: list[Case] = json.loads(path.read_text())["cases"]
    return [pytest.param(case, id=case["id"]) for case in read]


def load(case: Case) -> KeySet:
    """Load the keys of a case; where a JWK names no algorithm, it is the case's."""
    members = case["key"].get("keys", [case["key"]])
    return KeySet(
        Key.from_jwk({"alg": case["algorithms"][0]} | jwk if "algorithms" in case else jwk) for jwk in members
    )


def judge(case: Case) -> tuple[str | None, bytes | None]:
    """Return why a case's key or token is refused, or None and the payload that is believed."""
    try:
        keys = load(case)
        verified = jws.verify(case["token"], keys)
        if case["layer"] == "jwt":
            Verifier(keys, POLICY).verify(case["token"], now=NOW)
    except InvalidKey:
        return "key_invalid", None
    except TokenError as error:
        return error.reason, None
    return None, verified.payload


@pytest.mark.parametrize(
    "case",
    cases(HERE / "rfc_examples.json") + (cases(Path(ELSEWHERE) / "wycheproof_jws.json") if ELSEWHERE else [NOT_HERE]),
)
def test_the_examples_of_the_rfcs_and_wycheproof_come_out_as_expected(case: Case) -> None:
    reason, payload = judge(case)

    if case["expect"] == "accept":
        assert payload == base64url.decode(case["payload_b64u"].encode())
    else:
        assert reason is not None


@pytest.mark.parametrize("case", cases(HERE / "attacks.json"))
def test_no_attack_succeeds_and_each_fails_for_the_reason_it_should(case: Case) -> None:
    assert judge(case)[0] == case["reason"]
