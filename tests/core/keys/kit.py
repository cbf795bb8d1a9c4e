"""Shared by the tests of keys: a key of each kind, and keys written as JWK and as PEM."""

from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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


def certificate_of(public: Any, signer: Any, subject: str = "a", issuer: str = "a") -> str:
    """Return a certificate in PEM, which expired long ago."""

    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    builder = x509.CertificateBuilder(name(issuer), name(subject), public, 1)
    builder = builder.not_valid_before(datetime(2001, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2002, 1, 1, tzinfo=UTC)
    )
    digest = None if "Ed25519" in type(signer).__name__ else hashes.SHA256()
    return builder.sign(signer, digest).public_bytes(Encoding.PEM).decode()
