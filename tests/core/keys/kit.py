"""Shared by the tests of keys: a key of each kind, and keys written as JWK and as PEM."""

from typing import Any

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from flask_tokenauth.core.encoding import base64url
from flask_tokenauth.core.keys.algorithms import ALGORITHMS
from flask_tokenauth.core.keys.key import Key

SECRET = bytes(range(64))
ASYMMETRIC = [name for name, algorithm in ALGORITHMS.items() if algorithm.key_type != "oct"]
RSA = Key.generate("RS256")
EC = Key.generate("ES256")
ED = Key.generate("EdDSA")


def oct_jwk(**changes: object) -> dict[str, object]:
    good = {"kty": "oct", "alg": "HS256", "k": base64url.encode(SECRET).decode()}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def jwk_of(key: Key, **changes: object) -> dict[str, object]:
    return {name: value for name, value in (key.to_jwk(private=True) | changes).items() if value is not ...}


def pem_of(key: Any, passphrase: bytes | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    pem: bytes = key.private_bytes(Encoding.PEM, form, encryption)
    return pem
