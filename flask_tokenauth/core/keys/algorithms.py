"""The supported signature algorithms, and the keys that fit each (RFC 7518 section 3, RFC 8037, RFC 9864).

``none`` is not supported. PyJWT computes the signatures, except HMAC (``key_material.Mac``) and new ones of ECDSA.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jwt.algorithms as pyjwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, SECP384R1, SECP521R1, EllipticCurve
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import HashAlgorithm


class Ecdsa(pyjwt.ECAlgorithm):
    """ECDSA on one curve, whose signatures are two numbers of the same length (RFC 7518 section 3.4).

    For each signature PyJWT would make the hash again, and write both numbers in hexadecimal first.
    """

    def __init__(self, hash_alg: type[HashAlgorithm], curve: type[EllipticCurve]) -> None:
        super().__init__(hash_alg, curve)
        self._scheme = ECDSA(hash_alg())
        self._number_bytes = (curve.key_size + 7) // 8  # type: ignore[operator]  # a number in each curve

    def sign(self, msg: bytes, key: Any) -> bytes:
        """Return the signature of the private key *key* over *msg*."""
        r, s = decode_dss_signature(key.sign(msg, self._scheme))
        return r.to_bytes(self._number_bytes) + s.to_bytes(self._number_bytes)


class Algorithm(msgspec.Struct, frozen=True):
    """One value of ``alg``."""

    name: str
    key_type: str  # "kty" of its keys (RFC 7518 section 6.1)
    crypto: pyjwt.Algorithm
    hash_bytes: int  # size of the hash, and the least size of an HMAC key
    curve: str | None = None  # "crv" of its keys


def _make_algorithms() -> dict[str, Algorithm]:
    hmac, rsa, pss, ec = pyjwt.HMACAlgorithm, pyjwt.RSAAlgorithm, pyjwt.RSAPSSAlgorithm, Ecdsa
    okp = pyjwt.OKPAlgorithm()
    algorithms = (
        Algorithm("HS256", "oct", hmac(hmac.SHA256), 32),
        Algorithm("HS384", "oct", hmac(hmac.SHA384), 48),
        Algorithm("HS512", "oct", hmac(hmac.SHA512), 64),
        Algorithm("RS256", "RSA", rsa(rsa.SHA256), 32),
        Algorithm("RS384", "RSA", rsa(rsa.SHA384), 48),
        Algorithm("RS512", "RSA", rsa(rsa.SHA512), 64),
        Algorithm("PS256", "RSA", pss(pss.SHA256), 32),
        Algorithm("PS384", "RSA", pss(pss.SHA384), 48),
        Algorithm("PS512", "RSA", pss(pss.SHA512), 64),
        Algorithm("ES256", "EC", ec(ec.SHA256, SECP256R1), 32, "P-256"),
        Algorithm("ES384", "EC", ec(ec.SHA384, SECP384R1), 48, "P-384"),
        Algorithm("ES512", "EC", ec(ec.SHA512, SECP521R1), 64, "P-521"),
        Algorithm("EdDSA", "OKP", okp, 64, "Ed25519"),
        Algorithm("Ed25519", "OKP", okp, 64, "Ed25519"),  # RFC 9864; PyJWT does not know this name
    )
    return {algorithm.name: algorithm for algorithm in algorithms}


ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(_make_algorithms())
# The algorithm of a key that names none, by its "crv".
IMPLIED = MappingProxyType({"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"})
