"""Load keys as JWK and JWK Set, refuse malformed ones, and obey ``use`` and ``key_ops`` (RFC 7517)."""

import json
from typing import Any

import pytest

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.algorithms import ALGORITHMS
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.signature_errors import InvalidSignature

from .kit import ASYMMETRIC, EC, ED, RSA, SECRET, jwk_of, oct_jwk


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_a_key_survives_its_jwk(name: str) -> None:
    key = Key.generate(name)

    again = Key.from_jwk(json.loads(json.dumps(key.to_jwk(private=True))))

    assert again.to_jwk(private=True) == key.to_jwk(private=True)
    key.verify(b"message", again.sign(b"message"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ASYMMETRIC)
def test_the_public_jwk_has_nothing_private(name: str) -> None:
    jwk = Key.generate(name).to_jwk()

    assert set(jwk) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}


@pytest.mark.parametrize(
    "changes",
    [
        {"k": ...},
        {"k": None},
        {"k": ""},
        {"k": 1},
        {"k": "é" * 40},
        {"k": "A" * 2801},
        {"k": base64url.encode(SECRET).decode() + "=="},
        {"k": base64url.encode(SECRET).decode()[:-1] + "_"},  # trailing bits that are not zero
        {"k": "!" + base64url.encode(SECRET).decode()},
        {"kty": ...},
        {"kty": "RSA"},
        {"kty": "OCT"},
        {"kty": None},
        {"kty": []},
        {"crv": "P-256"},
        {"alg": None},
        {"alg": ["HS256"]},
        {"alg": ...},
        {"use": "enc"},
        {"use": None},
        {"use": ["sig"]},
        {"key_ops": "verify"},
        {"key_ops": None},
        {"key_ops": []},
        {"key_ops": [1]},
        {"key_ops": ["encrypt"]},
        {"key_ops": ["verify", "verify"]},
        {"kid": None},
        {"kid": ""},
        {"kid": 1},
        {"kid": "a" * 256},
        {"kid": "a\n"},
    ],
)
def test_a_malformed_jwk_of_a_secret_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidKey):
        Key.from_jwk(oct_jwk(**changes))


@pytest.mark.parametrize("jwk", [None, [], "text", 1])
def test_a_jwk_is_an_object(jwk: Any) -> None:
    with pytest.raises(InvalidKey, match=f"^a JWK must be an object, got {type(jwk).__name__}$"):
        Key.from_jwk(jwk)


@pytest.mark.parametrize("kid", ["a", "a" * 255, "käse 1"])
def test_a_key_id_is_a_string_of_1_to_255_characters(kid: str) -> None:
    assert Key.from_jwk(oct_jwk(kid=kid)).kid == kid


@pytest.mark.parametrize(
    ("operations", "can_sign", "can_verify"),
    [
        (["sign"], True, False),
        (["verify"], False, True),
        (["verify", "sign"], True, True),
        (["sign", "wrapKey"], True, False),
    ],
)
def test_key_ops_are_obeyed(operations: list[str], can_sign: bool, can_verify: bool) -> None:  # noqa: FBT001
    """RFC 7517 section 4.3."""
    signature = Key.from_jwk(oct_jwk()).sign(b"message")

    key = Key.from_jwk(oct_jwk(key_ops=operations))

    assert (key.can_sign, key.can_verify) == (can_sign, can_verify)
    if can_sign:
        assert key.sign(b"message") == signature
    else:
        with pytest.raises(InvalidKey, match="a key that signs must be"):
            key.sign(b"message")
    if can_verify:
        key.verify(b"message", signature)
    else:
        with pytest.raises(InvalidSignature):
            key.verify(b"message", signature)


@pytest.mark.parametrize("operations", [["sign"], ["verify"]])
def test_a_written_jwk_says_what_the_key_may_do(operations: list[str]) -> None:
    key = Key.from_jwk(jwk_of(EC, key_ops=operations))

    assert key.to_jwk(private=True)["key_ops"] == operations


def test_a_key_that_may_not_verify_shows_no_public_half() -> None:
    key = Key.from_jwk(jwk_of(EC, key_ops=["sign"]))

    with pytest.raises(InvalidKey, match="key_ops"):
        key.public()
    with pytest.raises(InvalidKey, match="key_ops"):
        key.to_jwk()


def test_the_public_half_of_a_key_that_only_verifies_is_like_any_other() -> None:
    key = Key.from_jwk(jwk_of(EC, key_ops=["verify"]))

    assert key.public().to_jwk() == EC.to_jwk()


def test_a_public_key_for_signing_only_is_good_for_nothing() -> None:
    with pytest.raises(InvalidKey, match="key_ops must allow"):
        Key.from_jwk(EC.to_jwk() | {"key_ops": ["sign"]})


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        (RSA, {"n": ...}),
        (RSA, {"e": ...}),
        (RSA, {"p": ...}),
        (RSA, {"oth": []}),
        (RSA, {"n": "AA" + str(RSA.to_jwk()["n"])}),
        (RSA, {"e": "AAEAAQ"}),
        (RSA, {"e": "AQ", "d": ..., "p": ..., "q": ..., "dp": ..., "dq": ..., "qi": ...}),
        (RSA, {"d": Key.generate("RS256").to_jwk(private=True)["d"]}),
        (RSA, {"p": Key.generate("RS256").to_jwk(private=True)["p"]}),
        (RSA, {"alg": "ES256"}),
        (RSA, {"alg": ...}),
        (RSA, {"crv": "P-256"}),
        (EC, {"crv": "P-384"}),
        (EC, {"crv": "P-384", "alg": "ES384"}),
        (EC, {"crv": "secp256k1"}),
        (EC, {"crv": ...}),
        (EC, {"crv": ["P-256"], "alg": ...}),
        (EC, {"alg": "ES384"}),
        (EC, {"alg": "RS256"}),
        (EC, {"x": ...}),
        (EC, {"y": EC.to_jwk()["x"]}),
        (EC, {"x": Key.generate("ES256").to_jwk()["x"]}),
        (EC, {"d": Key.generate("ES256").to_jwk(private=True)["d"]}),
        (EC, {"d": "AA"}),
        (ED, {"crv": "Ed448"}),
        (ED, {"crv": "X25519"}),
        (ED, {"x": ...}),
        (ED, {"x": "AAAA"}),
        (ED, {"x": Key.generate("EdDSA").to_jwk()["x"]}),
        (ED, {"d": "AAAA"}),
        (ED, {"x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "d": ...}),
    ],
)
def test_a_malformed_or_contradicting_jwk_is_refused(key: Key, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidKey):
        Key.from_jwk(jwk_of(key, **changes))


@pytest.mark.parametrize("key", [EC, ED])
def test_a_curve_implies_its_algorithm(key: Key) -> None:
    assert Key.from_jwk(jwk_of(key, alg=...)).algorithm == key.algorithm


def test_a_jwk_without_algorithm_takes_the_one_it_is_loaded_for() -> None:
    assert Key.from_jwk(jwk_of(RSA, alg=...), alg="PS384").algorithm == "PS384"


def test_a_jwk_keeps_its_algorithm_whatever_it_is_loaded_for() -> None:
    with pytest.raises(InvalidKey, match="alg of the JWK must be PS384"):
        Key.from_jwk(jwk_of(RSA), alg="PS384")


K = str(oct_jwk()["k"])


@pytest.mark.parametrize(
    ("jwk", "message"),
    [
        (
            oct_jwk(k=K + "=="),
            r'^JWK member k must be base64url without padding, got padding: remove each "=" at its end$',
        ),
        (oct_jwk(k="+" + K), 'member k must be base64url .*, got base64: write "-" for "[+]" and "_" for "/"$'),
        (oct_jwk(k=K + "\n"), "member k must be base64url .*, got another spelling: check that it is complete"),
        (oct_jwk(k=...), "for HS256 must have k, got no k$"),
        (jwk_of(RSA, n=str(RSA.to_jwk()["n"]) + "="), "member n must be base64url .*, got padding"),
        (jwk_of(RSA, n=...), "must have n, e .*, got no n$"),
        (jwk_of(RSA, p=..., dq=...), "got no p, dq$"),
        (jwk_of(RSA, e="AAEAAQ"), "got e not in the shortest form or in contradiction to the others$"),
        (jwk_of(EC, y=...), "must have crv, x, y .*, got no y$"),
        (jwk_of(EC, x="AAAA"), "got x, y, d that are malformed or contradict each other$"),
        (jwk_of(ED, x="AAAA", d=...), "got x that are malformed"),
    ],
)
def test_the_refusal_of_a_jwk_names_the_member(jwk: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidKey, match=message):
        Key.from_jwk(jwk)


def test_the_refusal_of_a_member_does_not_repeat_it() -> None:
    with pytest.raises(InvalidKey) as caught:
        Key.from_jwk(oct_jwk(k="hunter2" * 9 + "+="))

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_jwk_set_loads() -> None:
    keys = KeySet.from_jwks({"keys": [jwk_of(RSA), EC.to_jwk()]})

    assert [key.kid for key in keys] == [RSA.kid, EC.kid]


def test_keys_of_a_jwk_set_without_algorithm_take_the_one_given() -> None:
    assert KeySet.from_jwks({"keys": [jwk_of(RSA, alg=...)]}, alg="PS256").signing_key is not None


@pytest.mark.parametrize("jwks", [{}, {"keys": {}}, {"keys": None}, [], None, "text", {"keys": []}])
def test_what_is_no_jwk_set_is_refused(jwks: Any) -> None:
    with pytest.raises(InvalidKey):
        KeySet.from_jwks(jwks)


def test_the_refusal_of_a_jwk_set_says_which_key_is_bad() -> None:
    with pytest.raises(InvalidKey, match="key 2 of 2: an HMAC key must be at least 32 bytes long, got 3"):
        KeySet.from_jwks({"keys": [oct_jwk(), oct_jwk(k="AAAA")]})
