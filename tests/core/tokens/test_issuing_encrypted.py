"""New tokens are signed, then encrypted, and their length is known before anything is stored."""

from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.encryption_key import EncryptionKey
from flask_tokenauth.core.keys.encryption_keys import EncryptionKeys
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.tokens.claims import ClaimsPolicy
from flask_tokenauth.core.tokens.issuing import TokenIssuer
from flask_tokenauth.core.tokens.jwe import open_token
from flask_tokenauth.core.tokens.verifier import Verifier

from ...conftest import AUDIENCE, ISSUER, NOW
from ...encryption_kit import KEY, OTHER, PAIR

SIGNING = Key.generate("EdDSA")
POLICY = ClaimsPolicy(issuer=ISSUER, audience=frozenset({AUDIENCE}))
RSA = EncryptionKey.generate("RSA-OAEP-256")
CURVE = EncryptionKey.generate("ECDH-ES+A256KW", curve="X25519")


def issuer_with(*keys: EncryptionKey, max_bytes: int = 8000) -> TokenIssuer:
    return TokenIssuer(
        KeySet([SIGNING]),
        POLICY,
        lifetime=timedelta(minutes=15),
        max_bytes=max_bytes,
        encryption=EncryptionKeys(keys),
    )


too_early = list[int]().pop  # an IndexError if it is called: something would have been stored


@pytest.mark.parametrize("key", [KEY, PAIR, RSA, CURVE])
def test_a_new_token_is_signed_and_then_encrypted(key: EncryptionKey) -> None:
    text = issuer_with(key).issue("alice", ["read"], now=NOW)

    opened = open_token(text, EncryptionKeys([key]))
    assert {name: opened.header[name] for name in ("alg", "enc", "kid", "cty", "typ")} == {
        "alg": key.algorithm,
        "enc": "A256GCM",
        "kid": key.kid,
        "cty": "JWT",
        "typ": "at+jwt",
    }
    assert Verifier(KeySet([SIGNING]), POLICY).verify(opened.text, now=NOW).scopes == {"read"}


@pytest.mark.parametrize("key", [KEY, PAIR, RSA, CURVE])
@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_the_length_is_exact_and_known_before_anything_is_stored(key: EncryptionKey, size: int) -> None:
    claims = {"x": "y" * size}
    length = len(issuer_with(key).issue("alice", now=NOW, claims=claims))
    fitting, tight = issuer_with(key, max_bytes=length), issuer_with(key, max_bytes=length - 1)

    assert len(fitting.issue("alice", now=NOW, claims=claims, epoch=lambda: 0)) == length
    with pytest.raises(ValueError, match=f"at most {length - 1} bytes long, got {length}"):
        tight.issue("alice", now=NOW, claims=claims, epoch=too_early)


def test_a_cookie_must_have_room_for_the_encrypted_token() -> None:
    issuer = issuer_with(KEY)
    length = len(issuer.issue("alice", now=NOW))

    assert len(issuer.issue("alice", now=NOW, room_in_cookie=length, epoch=lambda: 0)) == length
    with pytest.raises(ValueError, match=f"in a cookie must be at most {length - 1} bytes long"):
        issuer.issue("alice", now=NOW, room_in_cookie=length - 1, epoch=too_early)


def test_the_active_key_encrypts_also_after_an_exchange() -> None:
    encryption = EncryptionKeys([KEY, OTHER])
    issuer = TokenIssuer(KeySet([SIGNING]), POLICY, lifetime=timedelta(minutes=15), encryption=encryption)

    kids: list[Any] = []
    for active in (KEY, OTHER):
        encryption.exchange(EncryptionKeys([KEY, OTHER], active=active))
        kids += [open_token(issuer.issue("alice", now=NOW), encryption).header["kid"] for _ in range(2)]

    assert kids == ["e1", "e1", "e2", "e2"]


def test_keys_that_only_decrypt_issue_no_plain_token() -> None:
    jwk = KEY.to_jwk(private=True) | {"key_ops": ["decrypt"]}

    with pytest.raises(InvalidKey, match="that encrypts"):
        issuer_with(EncryptionKey.from_jwk(jwk)).issue("alice", now=NOW)
