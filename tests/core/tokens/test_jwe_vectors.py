"""Public vectors of encrypted tokens: those of pairs that are offered come out as expected, all others are refused.

Wycheproof's cases are not part of this project. Tests read them from the folder that the environment variable
``TOKENAUTH_VECTORS`` names.
"""

import json
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import joserfc.jwe
import joserfc.jwk
import pytest

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.token_errors import TokenError
from flask_tokenauth.core.tokens import jwe

Case = dict[str, Any]

HERE = Path(__file__).parents[2] / "vectors"
ELSEWHERE = os.environ.get("TOKENAUTH_VECTORS")
NOT_HERE = pytest.param({}, id="wycheproof", marks=pytest.mark.skip("TOKENAUTH_VECTORS names no folder with its cases"))
OFFERED = {("dir", "A256GCM"), ("RSA-OAEP-256", "A256GCM"), ("ECDH-ES+A256KW", "A256GCM")}
NEAREST = {"oct": "dir", "RSA": "RSA-OAEP-256", "EC": "ECDH-ES+A256KW"}  # the alg of an unfit key, by its kty


def cases(path: Path) -> list[Any]:
    read: list[Case] = json.loads(path.read_text())["cases"]
    return [pytest.param(case, id=case["id"]) for case in read]


EXAMPLES = cases(HERE / "rfc_jwe_examples.json")
WYCHEPROOF = cases(Path(ELSEWHERE) / "wycheproof_jwe.json") if ELSEWHERE else [NOT_HERE]


def load(case: Case) -> EncryptionKey | None:
    """Return the key of a case for an algorithm that is offered, or None if it cannot be loaded."""
    return load_nearest(json.dumps(case["key"]))


@cache
def load_nearest(jwk: str) -> EncryptionKey | None:
    members = {"kid": "k1"} | json.loads(jwk)
    try:
        return EncryptionKey.from_jwk(members | {"alg": NEAREST[members["kty"]], "use": "enc"})
    except InvalidKey:
        return None


def content_of(case: Case) -> bytes | None:
    """Return the content that the key decrypts, with any kid or none in the token, or None."""
    key = load(case)
    try:
        return None if key is None else key.decrypt(case["token"])
    except TokenError:
        return None


@pytest.mark.slow
@pytest.mark.parametrize("case", EXAMPLES + WYCHEPROOF)
def test_the_examples_of_the_rfcs_and_wycheproof_come_out_as_expected(case: Case) -> None:
    is_good = case["expect"] == "accept" and (case["alg"], case["enc"]) in OFFERED and not case.get("zip")

    assert content_of(case) == (base64url.decode(case["plaintext_b64u"].encode()) if is_good else None)


@pytest.mark.parametrize("case", EXAMPLES + WYCHEPROOF)
def test_none_of_them_is_a_token(case: Case) -> None:
    """They have no ``kid`` or another pair, and no token inside."""
    key = load(case)
    if key is None:
        return

    with pytest.raises(TokenError):
        jwe.decrypt(case["token"], EncryptionKeys([key]))
    with pytest.raises(TokenError):
        jwe.open_token(case["token"], EncryptionKeys([key]))


@pytest.mark.slow
@pytest.mark.parametrize("case", EXAMPLES)
def test_the_examples_are_good_to_a_reader_that_takes_their_pairs(case: Case) -> None:
    """Otherwise a slip in the file would be refused, and prove nothing."""
    members = {name: value for name, value in case["key"].items() if name not in {"alg", "use"}}
    names = [case["alg"], case["enc"], "DEF"]

    with warnings.catch_warnings(action="ignore"):  # RSA1_5 is deprecated
        opened = joserfc.jwe.decrypt_compact(case["token"], joserfc.jwk.import_key(members), algorithms=names)

    assert opened.plaintext == base64url.decode(case["plaintext_b64u"].encode())
