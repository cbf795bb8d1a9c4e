"""The supported signature algorithms, and the keys that fit each (RFC 7518 section 3, RFC 8037, RFC 9864).

``none`` is not supported. PyJWT computes the signatures (``pyjwt.py``), except HMAC (``key_material.Mac``).
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Algorithm(msgspec.Struct, frozen=True):
    """One value of ``alg``."""

    name: str
    key_type: str  # "kty" of its keys (RFC 7518 section 6.1)
    hash_bytes: int  # size of the hash, and the least size of an HMAC key
    curve: str | None = None  # "crv" of its keys


_ALL = (
    Algorithm("HS256", "oct", 32),
    Algorithm("HS384", "oct", 48),
    Algorithm("HS512", "oct", 64),
    Algorithm("RS256", "RSA", 32),
    Algorithm("RS384", "RSA", 48),
    Algorithm("RS512", "RSA", 64),
    Algorithm("PS256", "RSA", 32),
    Algorithm("PS384", "RSA", 48),
    Algorithm("PS512", "RSA", 64),
    Algorithm("ES256", "EC", 32, "P-256"),
    Algorithm("ES384", "EC", 48, "P-384"),
    Algorithm("ES512", "EC", 64, "P-521"),
    Algorithm("EdDSA", "OKP", 64, "Ed25519"),
    Algorithm("Ed25519", "OKP", 64, "Ed25519"),  # RFC 9864; PyJWT does not know this name
)
ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType({algorithm.name: algorithm for algorithm in _ALL})
ASYMMETRIC = frozenset(name for name, algorithm in ALGORITHMS.items() if algorithm.key_type != "oct")
# The algorithm of a key that names none, by its "crv".
IMPLIED = MappingProxyType({"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"})
