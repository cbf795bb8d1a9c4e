"""A set of encryption keys: one encrypts, all decrypt, and they can be exchanged while they are in use."""

from typing import Any

import pytest

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys

from .encryption_kit import JWKS, KEYS, Jwk, jwk_of, public_of

READ_ONLY = jwk_of("rsa", kid="read-only", key_ops=["unwrapKey"])


def load(*jwks: Jwk) -> EncryptionKeys:
    return EncryptionKeys.from_jwks({"keys": list(jwks)})


def test_the_keys_of_a_set_are_found_by_their_ids_in_their_order() -> None:
    keys = load(*JWKS.values())

    assert [key.kid for key in keys] == list(JWKS)
    assert len(keys) == 4
    assert keys.find("p-256") in list(keys)
    assert keys.find("other") is None


def test_the_first_key_that_can_encrypt_does() -> None:
    keys = load(READ_ONLY, JWKS["dir"], JWKS["rsa"])

    assert keys.active is keys.find("dir")
    assert keys.ring is None


def test_a_set_of_keys_that_only_decrypt_encrypts_nothing() -> None:
    assert load(READ_ONLY).active is None


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_the_active_key_encrypts_wherever_it_stands(order: tuple[int, ...]) -> None:
    members = [
        jwk_of("dir", status="next"),
        jwk_of("rsa", status="active"),
        jwk_of("p-256", status="retired", status_since=1),
    ]

    keys = load(*(members[place] for place in order))

    assert keys.active is keys.find("rsa")
    assert all(key.can_decrypt for key in keys)


def test_the_digest_of_a_ring_is_the_same_in_any_order_and_another_one_for_other_statuses() -> None:
    first, second = jwk_of("dir", status="active"), jwk_of("rsa", status="next")

    ring = load(first, second).ring

    assert ring is not None
    assert load(second, first).ring == ring
    assert load(jwk_of("dir", status="next"), jwk_of("rsa", status="active")).ring != ring


def test_a_key_that_is_given_as_the_active_one_encrypts() -> None:
    assert EncryptionKeys(KEYS.values(), active=KEYS["x25519"]).active is KEYS["x25519"]


BAD: dict[str, tuple[Any, str]] = {
    "nothing": (None, 'a JWK Set must be an object with an array "keys", got something else'),
    "one-jwk": (JWKS["dir"], r'got one JWK: put it into \{"keys": \[…\]\}'),
    "no-array": ({"keys": "a"}, "got something else"),
    "empty": ({"keys": []}, "a set of encryption keys must have at least one key, got none"),
    "same-kid": (
        {"keys": [JWKS["dir"], jwk_of("rsa", kid="dir")]},
        "each encryption key must have a kid of its own, got two with the same: remove one",
    ),
    "signing-key": ({"keys": [JWKS["dir"], jwk_of("rsa", use="sig")]}, "key 2 of 2: use of an encryption key must be"),
    "no-object": ({"keys": [1]}, "key 1 of 1: a JWK must be an object, got int"),
    "other-status": ({"keys": [jwk_of("dir", status="old")]}, "status of a key must be one of next, active, retired"),
    "no-status": ({"keys": [jwk_of("dir", status="active"), JWKS["rsa"]]}, "or none, got 1 without it"),
    "no-active": ({"keys": [jwk_of("dir", status="next")]}, 'exactly one key .* the status "active", got 0'),
    "two-active": (
        {"keys": [jwk_of("dir", status="active"), jwk_of("rsa", status="active")]},
        'exactly one key .* the status "active", got 2',
    ),
    "active-only-decrypts": (
        {"keys": [READ_ONLY | {"status": "active"}]},
        "key_ops of the active key of a set must allow it to encrypt",
    ),
}


@pytest.mark.parametrize(("jwks", "message"), BAD.values(), ids=BAD)
def test_a_set_that_cannot_be_used_is_refused(jwks: Any, message: str) -> None:
    with pytest.raises(InvalidKey, match=message):
        EncryptionKeys.from_jwks(jwks)


@pytest.mark.parametrize("active", [KEYS["rsa"], EncryptionKey.from_jwk(JWKS["dir"])], ids=["other", "same-kid"])
def test_the_active_key_is_one_of_the_set(active: EncryptionKey) -> None:
    with pytest.raises(InvalidKey, match="the active key must be a key of the set that can encrypt, got another key"):
        EncryptionKeys([KEYS["dir"]], active=active)


def test_the_active_key_can_encrypt() -> None:
    key = EncryptionKey.from_jwk(READ_ONLY)

    with pytest.raises(InvalidKey, match="the active key must be a key of the set that can encrypt"):
        EncryptionKeys([key], active=key)


def test_an_exchange_replaces_all_keys_and_counts() -> None:
    keys = load(JWKS["dir"])
    assert keys.generation == 0

    keys.exchange(load(jwk_of("rsa", status="retired"), jwk_of("p-256", status="active")))

    assert [key.kid for key in keys] == ["rsa", "p-256"]
    assert keys.active is keys.find("p-256")
    assert keys.ring == load(jwk_of("rsa", status="retired"), jwk_of("p-256", status="active")).ring
    assert keys.generation == 1
    assert keys.find("dir") is None


def test_keys_that_are_exchanged_later_do_not_change_the_set_that_took_them() -> None:
    keys, others = load(JWKS["dir"]), load(JWKS["rsa"])
    keys.exchange(others)

    others.exchange(load(JWKS["p-256"]))

    assert [key.kid for key in keys] == ["rsa"]


def test_a_set_shows_nothing_secret() -> None:
    assert repr(load(JWKS["dir"])).startswith("EncryptionKeys([EncryptionKey(kid='dir', algorithm='dir'")
    assert str(JWKS["dir"]["k"]) not in repr(load(JWKS["dir"]))


def test_public_keys_are_a_set_that_encrypts_and_reads_nothing() -> None:
    keys = load(public_of("rsa"))

    assert keys.active is not None
    assert not any(key.can_decrypt for key in keys)
