"""The sizes of a key before it is made: an RSA key takes a while, and its tokens can be measured without it."""

from typing import NamedTuple

from ..encoding import base64url
from .algorithms import ALGORITHMS

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
    id_bytes = _SECRET_ID_BYTES if algorithm.key_type == "oct" else _THUMBPRINT_BYTES
    return NewKeySizes(
        kid=kid_of_length(id_bytes),
        algorithm=alg,
        signature_bytes=signatures.get(algorithm.key_type) or _ecdsa_bytes(str(algorithm.curve)),
    )


def kid_of_length(size: int) -> str:
    """Return a key ID that is as long as one of *size* bytes in base64url."""
    return "k" * base64url.length_of(size)


def _ecdsa_bytes(curve: str) -> int:
    """Return the length of a signature: two numbers as long as the curve, in whole bytes (RFC 7518 section 3.4)."""
    bits = int(curve.removeprefix("P-"))
    return 2 * ((bits + 7) // 8)
