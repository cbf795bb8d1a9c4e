"""Keys that encrypt are a ring like keys that sign: one is active, and the steps between the states are the same."""

from typing import Any

import pytest

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.jwk import KeyStatus
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_ring import KeyRing, RingKey, make_key, make_successor
from flask_tokenauth.core.keys.key_set import KeySet

from ...conftest import NOW
from .encryption_kit import KEYS, jwk_of, public_of

DIR, EC, OKP = KEYS["dir"], KEYS["p-256"], KEYS["x25519"]
READ_ONLY = EncryptionKey.from_jwk(jwk_of("rsa", key_ops=["unwrapKey"]))
SIGNING = Key.generate("EdDSA", kid="signing")


def ring_of(*members: tuple[Key | EncryptionKey, KeyStatus]) -> KeyRing:
    return KeyRing(RingKey.of(key, status, NOW) for key, status in members)


def read(*jwks: dict[str, Any]) -> KeyRing | None:
    return KeyRing.from_jwks({"keys": list(jwks)}, written_at=NOW - 50, now=NOW, kind=EncryptionKeys)


def describe(ring: KeyRing) -> list[tuple[str, str]]:
    return [(found.key.kid, found.status) for found in ring]


@pytest.mark.parametrize(
    ("alg", "curve", "found"),
    [("dir", None, None), ("ECDH-ES+A256KW", None, "P-256"), ("ECDH-ES+A256KW", "X25519", "X25519")],
)
def test_a_new_ring_has_an_active_key_and_the_next_one(alg: str, curve: str | None, found: str | None) -> None:
    ring = KeyRing.start(alg, now=NOW, curve=curve)

    keys = ring.key_set()

    assert isinstance(keys, EncryptionKeys)
    assert [(key.algorithm, key.curve) for key in keys] == [(alg, found)] * 2
    assert [ring_key.status for ring_key in ring] == ["active", "next"]
    assert keys.active is ring.active.key


def test_a_ring_is_read_as_it_was_written() -> None:
    ring = ring_of((DIR, "active"), (EC, "next"), (READ_ONLY, "retired"))

    again = KeyRing.from_jwks(ring.to_jwks(), written_at=0, now=NOW, kind=EncryptionKeys)

    assert again is not None
    assert describe(again) == describe(ring)
    assert again.to_jwks() == ring.to_jwks()
    keys = again.key_set()
    assert isinstance(keys, EncryptionKeys)
    assert [key.can_decrypt for key in keys] == [True, True, True]


def test_the_set_of_a_ring_is_the_one_that_its_file_gives() -> None:
    ring = ring_of((DIR, "retired"), (OKP, "active"))

    loaded = EncryptionKeys.from_jwks(ring.to_jwks())

    assert loaded.active is not None
    assert loaded.active.kid == ring.active.key.kid


def test_a_rotation_lets_the_next_key_encrypt() -> None:
    ring = ring_of((DIR, "active"), (EC, "next"))

    stepped = ring.promote(OKP, now=NOW + 1)

    assert describe(stepped) == [("dir", "retired"), ("p-256", "active"), ("x25519", "next")]
    keys = stepped.key_set()
    assert isinstance(keys, EncryptionKeys)
    assert keys.active is EC


def test_a_set_without_statuses_becomes_a_ring_in_which_the_key_that_encrypts_is_active() -> None:
    jwks = {"keys": [jwk_of("rsa", key_ops=["unwrapKey"]), jwk_of("dir"), jwk_of("p-256")]}

    assert read(*jwks["keys"]) is None
    ring = KeyRing.of_plain_jwks(jwks, since=NOW, kind=EncryptionKeys)
    assert describe(ring) == [("rsa", "retired"), ("dir", "active"), ("p-256", "retired")]


def test_keys_that_only_decrypt_are_no_ring() -> None:
    with pytest.raises(InvalidKey, match="a secret that encrypts, got keys that only decrypt"):
        KeyRing.of_plain_jwks({"keys": [jwk_of("rsa", key_ops=["unwrapKey"])]}, since=NOW, kind=EncryptionKeys)


@pytest.mark.parametrize("key", [READ_ONLY, EncryptionKey.from_jwk(public_of("p-256"))], ids=["read-only", "public"])
def test_the_active_key_and_the_next_one_encrypt_and_decrypt(key: EncryptionKey) -> None:
    for status in ("active", "next"):
        with pytest.raises(InvalidKey, match=f"the {status} key of a ring must be .* to encrypt and to decrypt, got"):
            ring_of((DIR, "active" if status == "next" else "retired"), (key, status))


@pytest.mark.parametrize(("active", "other"), [(DIR, SIGNING), (SIGNING, DIR)], ids=["encrypts", "signs"])
def test_keys_of_both_kinds_are_no_ring(active: Key | EncryptionKey, other: Key | EncryptionKey) -> None:
    with pytest.raises(InvalidKey, match="must have keys that sign only, or keys that encrypt only, got both kinds"):
        ring_of((active, "active"), (other, "retired"))


def test_a_signing_key_in_the_file_of_encryption_keys_is_refused() -> None:
    with pytest.raises(InvalidKey, match='key 2 of 2: use of an encryption key must be "enc", got another'):
        read(jwk_of("dir", status="active"), {**SIGNING.to_jwk(private=True), "status": "next"})


def test_a_successor_has_the_same_algorithm_and_the_same_curve() -> None:
    for key in (DIR, EC, OKP):
        successor = make_successor(key)
        assert isinstance(successor, EncryptionKey)
        assert (successor.algorithm, successor.curve) == (key.algorithm, key.curve)
        assert successor.thumbprint() != key.thumbprint()
    assert make_successor(SIGNING).algorithm == "EdDSA"


def test_a_new_key_signs_or_encrypts_by_its_algorithm() -> None:
    assert isinstance(make_key("ES256"), Key)
    assert isinstance(make_key("dir"), EncryptionKey)
    with pytest.raises(InvalidKey, match="alg must be one of"):
        make_key("RSA-OAEP")
    with pytest.raises(InvalidKey, match="a curve must be given for encryption keys only, got one for ES256"):
        make_key("ES256", curve="P-256")


def test_a_ring_of_signing_keys_is_a_key_set() -> None:
    assert isinstance(ring_of((SIGNING, "active")).key_set(), KeySet)
