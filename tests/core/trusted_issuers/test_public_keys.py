"""Which keys of another issuer are used: keys that it publishes, and keys in the settings."""

from typing import Any

import pytest

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.trusted_issuers.public_keys import load_public_keys, read_public_jwks

RSA_KEY, EC_KEY, ED_KEY = (Key.generate(alg, kid=alg.lower()) for alg in ("RS256", "ES256", "EdDSA"))
RSA, EC, ED = (key.public().to_jwk() for key in (RSA_KEY, EC_KEY, ED_KEY))
SECRET = Key.from_secret(bytes(range(32)), kid="s")


def without(jwk: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in jwk.items() if name not in names}


def read(*jwks: Any, algorithms: frozenset[str] | None = None) -> list[tuple[str | None, str]]:
    """Return the IDs and algorithms of the keys that are used."""
    return [(kid, key.algorithm) for kid, key in read_public_jwks({"keys": list(jwks)}, algorithms).keys]


SKIPPED: dict[str, tuple[Any, str]] = {
    "for encryption": (EC | {"use": "enc"}, 'use is "enc"'),
    "for encryption by alg": (without(RSA, "use") | {"alg": "RSA-OAEP"}, 'alg is "RSA-OAEP"'),
    "unknown kty": ({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA", "kid": "pq"}, 'kty is "AKP"'),
    "unknown curve": (without(EC, "alg") | {"crv": "secp256k1"}, 'crv is "secp256k1"'),
    "a secret": (SECRET.to_jwk(private=True), "it is a secret or a private key, which must not be published"),
    "a secret that calls itself RS256": (
        {"kty": "oct", "k": "A" * 43, "alg": "RS256", "kid": "s"},
        "it is a secret or a private key, which must not be published",
    ),
    "a private key": (EC_KEY.to_jwk(private=True), "it is a secret or a private key, which must not be published"),
    "key_ops for encryption": (EC | {"key_ops": ["wrapKey"]}, "key_ops has no verify"),
    "key_ops for signing alone": (without(EC, "use") | {"key_ops": ["sign"]}, 'key_ops must allow "verify"'),
    "RSA of 1024 bits": ({"kty": "RSA", "n": "w" * 171, "e": "AQAB", "kid": "weak"}, "must have 2048 to 16384 bits"),
    "RSA of more than 8192 bits": ({"kty": "RSA", "n": "w" * 1367, "e": "AQAB", "kid": "slow"}, "at most 8192 bits"),
    "RSA with a long exponent": (
        {"kty": "RSA", "n": "w" * 342, "e": "AQABAQAB", "kid": "slow"},
        "its exponent 32 bits",
    ),
    "a point that is not on the curve": (EC | {"x": "A" * 43}, ""),
    "not an object": ("e30", "a JWK must be an object, got str"),
    "alg is a number": (EC | {"alg": 7}, "alg must be one of"),
    "alg is null": (without(RSA, "kty") | {"kty": "RSA", "alg": None, "e": None}, ""),
}


@pytest.mark.parametrize(("jwk", "reason"), SKIPPED.values(), ids=SKIPPED)
def test_a_key_that_cannot_be_used_is_skipped_and_leaves_the_others_in_place(jwk: Any, reason: str) -> None:
    """RFC 7517 section 5."""
    found = read_public_jwks({"keys": [jwk, ED]}, None)

    assert [kid for kid, _ in found.keys] == ["eddsa"]
    assert list(found.skipped) == [1]
    assert reason in found.skipped[1]


def test_an_rsa_key_without_alg_serves_rs256_alone() -> None:
    assert read(without(RSA, "alg")) == [("rs256", "RS256")]


def test_an_rsa_key_without_alg_serves_all_rsa_algorithms_that_are_named() -> None:
    algorithms = frozenset({"PS256", "RS512", "ES256"})

    assert read(without(RSA, "alg"), algorithms=algorithms) == [("rs256", "PS256"), ("rs256", "RS512")]


@pytest.mark.parametrize(("jwk", "alg"), [(EC, "ES256"), (ED, "EdDSA")], ids=["P-256", "Ed25519"])
def test_the_curve_decides_if_there_is_no_alg(jwk: dict[str, object], alg: str) -> None:
    assert read(without(jwk, "alg")) == [(jwk["kid"], alg)]


def test_an_ed25519_key_without_alg_serves_the_names_that_are_given() -> None:
    assert read(without(ED, "alg"), algorithms=frozenset({"Ed25519"})) == [("eddsa", "Ed25519")]


def test_a_key_whose_algorithm_is_not_named_is_skipped() -> None:
    found = read_public_jwks({"keys": [EC, RSA]}, frozenset({"RS256"}))

    assert [kid for kid, _ in found.keys] == ["rs256"]
    assert found.skipped == {1: "its algorithm must be one of the algorithms of this issuer, got another"}


def test_of_two_keys_with_the_same_id_and_algorithm_none_is_used() -> None:
    other = Key.generate("ES256", kid="es256").public().to_jwk()

    found = read_public_jwks({"keys": [EC, ED, other, other]}, None)

    assert [kid for kid, _ in found.keys] == ["eddsa"]
    assert found.skipped == dict.fromkeys((1, 3, 4), "another key has the same kid and alg")


def test_two_keys_with_the_same_id_and_other_algorithms_are_both_used() -> None:
    """RFC 7517 section 4.5."""
    assert read(EC | {"kid": "same"}, ED | {"kid": "same"}) == [("same", "ES256"), ("same", "EdDSA")]


def test_a_key_without_an_id_has_its_thumbprint() -> None:
    assert read(without(EC, "kid")) == [(EC_KEY.thumbprint(), "ES256")]


def test_an_empty_set_has_no_keys() -> None:
    assert read() == []


@pytest.mark.parametrize("jwks", [{}, {"keys": {}}, {"keys": None}, EC], ids=["empty", "object", "null", "one JWK"])
def test_something_else_is_no_set(jwks: dict[str, object]) -> None:
    with pytest.raises(InvalidKey, match='must be an object with an array "keys"'):
        read_public_jwks(jwks, None)


def load(source: object, *algorithms: str) -> list[tuple[str | None, str]]:
    loaded = load_public_keys(source, frozenset(algorithms) or None)
    return [(kid, key.algorithm) for kid, key in loaded.keys]


@pytest.mark.parametrize(
    "source", [{"keys": [EC | {"use": "enc", "kid": "x"}, EC]}, [EC], KeySet([EC_KEY.public()]), [EC_KEY.public()]],
    ids=["set", "list of JWKs", "KeySet", "list of keys"],
)  # fmt: skip
def test_keys_of_the_settings_have_their_ids(source: object) -> None:
    assert load(source) == [("es256", "ES256")]


def test_pem_has_no_key_id() -> None:
    assert load(EC_KEY.public().to_pem() + RSA_KEY.public().to_pem()) == [(None, "ES256"), (None, "RS256")]


def test_a_mapping_of_ids_to_pem_has_them() -> None:
    assert load({"first": EC_KEY.public().to_pem()}) == [("first", "ES256")]


def test_pem_of_an_rsa_key_serves_the_algorithms_that_are_named() -> None:
    assert load(RSA_KEY.public().to_pem(), "PS256", "RS384") == [(None, "PS256"), (None, "RS384")]


def test_two_keys_without_an_id_for_one_algorithm_are_refused_at_start() -> None:
    other = Key.generate("ES256").public()

    with pytest.raises(InvalidKey, match="each key must have a kid"):
        load(EC_KEY.public().to_pem() + other.to_pem())


@pytest.mark.parametrize("source", [[EC_KEY], EC_KEY.to_pem(private=True), [SECRET]], ids=["key", "PEM", "secret"])
def test_a_private_key_or_a_secret_of_the_settings_is_refused(source: object) -> None:
    with pytest.raises(InvalidKey, match="keys of another issuer must be public, got a private key or a secret"):
        load(source)


def test_a_set_without_a_key_for_us_is_refused_with_the_reasons() -> None:
    with pytest.raises(InvalidKey, match=r'got none \(key 1: use is "enc"\)'):
        load({"keys": [EC | {"use": "enc"}]})


def test_an_empty_set_of_the_settings_is_refused() -> None:
    with pytest.raises(InvalidKey, match=r"got none \(it is empty\)"):
        load({"keys": []})


def test_a_key_of_the_settings_must_serve_one_of_the_algorithms() -> None:
    with pytest.raises(InvalidKey, match="its algorithm must be one of the algorithms of this issuer"):
        load(EC_KEY.public().to_pem(), "RS256")
