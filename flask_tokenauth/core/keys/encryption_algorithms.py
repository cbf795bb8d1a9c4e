"""The supported pairs of key management and content encryption, and the keys that fit each (RFC 7518 sections 4 and 5).

Every other pair is refused: RSA1_5 and RSA-OAEP with SHA-1, passwords, wrapped keys without an ephemeral one, and
encryption with CBC.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from .algorithms import Algorithm

CONTENT_ENCRYPTION = "A256GCM"
CONTENT_KEY_BYTES = 32  # of A256GCM, RFC 7518 section 5.3
IV_BYTES = 12
TAG_BYTES = 16
WRAPPED_KEY_BYTES = CONTENT_KEY_BYTES + 8  # RFC 3394 section 2.2.1


class KeyManagement(msgspec.Struct, frozen=True):
    """One value of ``alg`` of a JWE, with one kind of key.

    Attributes:
        material: how its keys are read, written and made. It signs nothing.
        encrypts: the values of ``key_ops`` that allow a key to encrypt tokens (RFC 7517 section 4.3).
        decrypts: those that allow it to decrypt them.
    """

    material: Algorithm
    encrypts: tuple[str, ...]
    decrypts: tuple[str, ...]


def _make_managements() -> dict[tuple[str, str | None], KeyManagement]:
    derive = ("deriveKey", "deriveBits")
    managements = (
        KeyManagement(Algorithm("dir", "oct", CONTENT_KEY_BYTES), ("encrypt",), ("decrypt",)),
        KeyManagement(Algorithm("RSA-OAEP-256", "RSA", 32), ("wrapKey", "encrypt"), ("unwrapKey", "decrypt")),
        KeyManagement(Algorithm("ECDH-ES+A256KW", "EC", 32, "P-256"), derive, derive),
        KeyManagement(Algorithm("ECDH-ES+A256KW", "OKP", 32, "X25519"), derive, derive),
    )
    return {(found.material.name, found.material.curve): found for found in managements}


# By "alg" and "crv". The first curve of an algorithm is the one of new keys.
MANAGEMENTS: Mapping[tuple[str, str | None], KeyManagement] = MappingProxyType(_make_managements())
ENCRYPTION_ALGORITHMS = tuple(dict.fromkeys(name for name, _ in MANAGEMENTS))
