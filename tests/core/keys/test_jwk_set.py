"""Sets of public keys, as providers publish them, have keys for other uses (RFC 7517 section 5)."""

import logging
from typing import Any

import pytest

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet

from .kit import EC, ED, RSA, jwk_of, oct_jwk

GOOD = RSA.to_jwk()
ANONYMOUS = {
    name: value for name, value in Key.generate("RS256", kid="other").to_jwk().items() if name not in ("alg", "use")
}
EC_ANONYMOUS = {name: value for name, value in EC.to_jwk().items() if name not in ("alg", "use")}
OTHER_USES: dict[str, dict[str, Any]] = {
    'use is "enc"': ANONYMOUS | {"use": "enc"},
    'alg is "RSA-OAEP"': ANONYMOUS | {"alg": "RSA-OAEP"},
    'kty is "AKP"': {"kty": "AKP", "alg": "ML-DSA-65", "kid": "pq", "pub": "AAAA"},
    'crv is "X25519"': {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
    'crv is "Ed448"': {"kty": "OKP", "crv": "Ed448", "x": "A" * 76},
    'alg is "ES256K"': {"kty": "EC", "crv": "secp256k1", "alg": "ES256K", "x": "A" * 43, "y": "A" * 43},
    "key_ops has no verify": ANONYMOUS | {"alg": "RS256", "key_ops": ["encrypt", "wrapKey"]},
    "kty is not known here": {"kty": "hunter2" * 9, "kid": "a\nCRITICAL hunter2"},
}


@pytest.mark.parametrize(("reason", "jwk"), OTHER_USES.items(), ids=OTHER_USES)
def test_a_public_key_for_another_use_is_skipped_and_logged_once(
    reason: str, jwk: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "flask_tokenauth"):
        keys = KeySet.from_jwks({"keys": [GOOD, jwk]})

    assert [key.kid for key in keys] == [RSA.kid]
    [record] = caplog.records
    assert record.getMessage() == (
        "1 of the 2 keys of a JWK Set were skipped: they are not for signatures, or of a kind that is not supported "
        f"(key 2: {reason})"
    )


def test_a_set_without_other_uses_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "flask_tokenauth"):
        KeySet.from_jwks({"keys": [GOOD, EC.to_jwk()]})

    assert not caplog.records


def test_the_log_lists_ten_keys_at_most(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "flask_tokenauth"):
        KeySet.from_jwks({"keys": [GOOD] + [ANONYMOUS | {"use": "enc"}] * 1000})

    assert caplog.messages[0].startswith("1000 of the 1001 keys")
    assert caplog.messages[0].count("; ") == 9


def test_a_set_without_a_key_for_signatures_is_refused_with_the_reasons() -> None:
    with pytest.raises(InvalidKey, match=r'got none \(key 1: use is "enc"; key 2: kty is "AKP"\)$'):
        KeySet.from_jwks({"keys": [OTHER_USES['use is "enc"'], OTHER_USES['kty is "AKP"']]})


@pytest.mark.parametrize("own", [jwk_of(EC), jwk_of(RSA, use="enc"), jwk_of(ED, crv="Ed448"), oct_jwk()])
@pytest.mark.parametrize("other", OTHER_USES.values(), ids=OTHER_USES)
@pytest.mark.parametrize("is_first", [True, False])
def test_no_key_is_skipped_in_a_set_that_signs(own: dict[str, Any], other: dict[str, Any], is_first: bool) -> None:  # noqa: FBT001
    """Otherwise another key than the first might sign."""
    with pytest.raises(InvalidKey, match="; a set with a private key or a secret must have keys for signatures only"):
        KeySet.from_jwks({"keys": [own, other] if is_first else [other, own]})


FAULTS: dict[str, Any] = {
    "no alg": ANONYMOUS,
    "short n": GOOD | {"n": "AAAA"},
    "use is null": GOOD | {"use": None},
    "alg is null": GOOD | {"alg": None},
    "kty is a number": GOOD | {"kty": 1},
    "no operations": GOOD | {"key_ops": []},
    "an operation is a number": GOOD | {"key_ops": [1]},
    "a public key signs": GOOD | {"key_ops": ["sign"]},
    "kid is null": GOOD | {"kid": None},
    "empty": {},
    "null": None,
    "a string": "text",
}


@pytest.mark.parametrize("jwk", FAULTS.values(), ids=FAULTS)
def test_a_key_with_any_other_fault_keeps_the_set_from_loading(jwk: Any) -> None:
    with pytest.raises(InvalidKey, match=r"^key 1 of 2: "):
        KeySet.from_jwks({"keys": [jwk, EC.to_jwk()]})


def test_the_algorithm_given_is_that_of_the_keys_that_name_none() -> None:
    keys = KeySet.from_jwks({"keys": [ANONYMOUS, EC.to_jwk(), ED.to_jwk()]}, alg="PS256")

    assert [key.algorithm for key in keys] == ["PS256", "ES256", "EdDSA"]


def test_the_curve_decides_before_the_algorithm_given_unless_both_fit() -> None:
    okp = {name: value for name, value in ED.to_jwk().items() if name != "alg"}

    assert [key.algorithm for key in KeySet.from_jwks({"keys": [EC_ANONYMOUS, okp]}, alg="RS256")] == ["ES256", "EdDSA"]
    assert [key.algorithm for key in KeySet.from_jwks({"keys": [EC_ANONYMOUS, okp]}, alg="Ed25519")] == [
        "ES256",
        "Ed25519",
    ]


def test_one_jwk_is_refused_with_the_set_around_it() -> None:
    with pytest.raises(InvalidKey, match=r'got one JWK: put it into \{"keys": \[…\]\}$'):
        KeySet.from_jwks(GOOD)
