"""The sizes of a key before it is made: an RSA key takes a while, and its tokens can be measured without it."""

from typing import NamedTuple

from ..encoding import base64url
from .algorithms import ALGORITHMS
from .encryption_algorithms import CONTENT_ENCRYPTION, MANAGEMENTS, WRAPPED_KEY_BYTES

RSA_BYTES = 256  # 2048 bits
_SECRET_ID_BYTES = 16  # of a key ID that is derived from a secret
_THUMBPRINT_BYTES = 32
_ED25519_SIGNATURE = 64  # bytes, RFC 8032 section 5.1.6


class NewKeySizes(NamedTuple):
    """The facts of a new key on which the length of a token depends, see ``jws.SignerFacts``."""

    kid: str  # of the right length
    algorithm: str
    signature_bytes: int


def sizes_of_new_key(alg: str) -> NewKeySizes:
    """Return the sizes of a key that ``Key.generate`` makes.

    Args:
        alg: its algorithm, one of ``ALGORITHMS``.
    """
    algorithm = ALGORITHMS[alg]
    signatures = {"oct": algorithm.hash_bytes, "RSA": RSA_BYTES, "OKP": _ED25519_SIGNATURE}
    return NewKeySizes(
        kid=_id_of(algorithm.key_type),
        algorithm=alg,
        signature_bytes=signatures.get(algorithm.key_type) or _ecdsa_bytes(str(algorithm.curve)),
    )


class NewEncryptionKeySizes(NamedTuple):
    """The facts of a new encryption key on which the length of a token depends, see ``jwe.EncrypterFacts``."""

    kid: str  # of the right length
    algorithm: str
    key_type: str
    curve: str | None
    encrypted_key_bytes: int

    def header_members(self) -> dict[str, object]:
        """Return the members that the header of each token for this key has."""
        return {"alg": self.algorithm, "enc": CONTENT_ENCRYPTION, "kid": self.kid}


def sizes_of_new_encryption_key(alg: str, curve: str | None) -> NewEncryptionKeySizes:
    """Return the sizes of a key that ``EncryptionKey.generate`` makes.

    Args:
        alg: its algorithm.
        curve: its curve; both together are one of ``MANAGEMENTS``.
    """
    key_type = MANAGEMENTS[alg, curve].material.key_type
    encrypted = {"oct": 0, "RSA": RSA_BYTES}
    return NewEncryptionKeySizes(
        kid=_id_of(key_type),
        algorithm=alg,
        key_type=key_type,
        curve=curve,
        encrypted_key_bytes=encrypted.get(key_type, WRAPPED_KEY_BYTES),
    )


def _id_of(key_type: str) -> str:
    """Return a key ID that is as long as that of a new key."""
    return "k" * base64url.length_of(_SECRET_ID_BYTES if key_type == "oct" else _THUMBPRINT_BYTES)


def _ecdsa_bytes(curve: str) -> int:
    """Return the length of a signature: two numbers as long as the curve, in whole bytes (RFC 7518 section 3.4)."""
    bits = int(curve.removeprefix("P-"))
    return 2 * ((bits + 7) // 8)
