"""The algorithms of PyJWT: signatures, except HMAC, and the members of JWKs.

This module is imported when a key needs it. A secret as ``SECRET_KEY`` does not, and the import of PyJWT takes about as
long as that of all other modules.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from jwt import algorithms as pyjwt

from ..encoding import base64url
from .algorithms import Algorithm


class _X25519(pyjwt.OKPAlgorithm):
    """Reads and writes the JWKs of X25519 (RFC 8037 section 2), which PyJWT does not know."""

    @staticmethod
    def from_jwk(jwk: Any) -> Any:
        public = X25519PublicKey.from_public_bytes(base64url.decode(jwk["x"].encode()))
        return X25519PrivateKey.from_private_bytes(base64url.decode(jwk["d"].encode())) if "d" in jwk else public

    @staticmethod
    def to_jwk(key: Any, as_dict: bool = False) -> Any:  # noqa: ARG004, FBT001, FBT002  # as in PyJWT
        is_private = isinstance(key, X25519PrivateKey)
        public = key.public_key() if is_private else key
        private = {"d": base64url.encode(key.private_bytes_raw()).decode()} if is_private else {}
        x = base64url.encode(public.public_bytes_raw()).decode()
        return {"kty": "OKP", "crv": "X25519", "x": x} | private


def _make_all() -> dict[tuple[str, str | None], pyjwt.Algorithm]:
    hmac, rsa, pss, ec = pyjwt.HMACAlgorithm, pyjwt.RSAAlgorithm, pyjwt.RSAPSSAlgorithm, pyjwt.ECAlgorithm
    okp = pyjwt.OKPAlgorithm()
    return {
        ("HS256", None): hmac(hmac.SHA256),
        ("HS384", None): hmac(hmac.SHA384),
        ("HS512", None): hmac(hmac.SHA512),
        ("RS256", None): rsa(rsa.SHA256),
        ("RS384", None): rsa(rsa.SHA384),
        ("RS512", None): rsa(rsa.SHA512),
        ("PS256", None): pss(pss.SHA256),
        ("PS384", None): pss(pss.SHA384),
        ("PS512", None): pss(pss.SHA512),
        ("ES256", "P-256"): ec(ec.SHA256, SECP256R1),
        ("ES384", "P-384"): ec(ec.SHA384, SECP384R1),
        ("ES512", "P-521"): ec(ec.SHA512, SECP521R1),
        ("EdDSA", "Ed25519"): okp,
        ("Ed25519", "Ed25519"): okp,
        # These sign nothing: they only read and write keys that encrypt.
        ("dir", None): hmac(hmac.SHA256),
        ("RSA-OAEP-256", None): rsa(rsa.SHA256),
        ("ECDH-ES+A256KW", "P-256"): ec(ec.SHA256, SECP256R1),
        ("ECDH-ES+A256KW", "X25519"): _X25519(),
    }


_ALL: Mapping[tuple[str, str | None], pyjwt.Algorithm] = MappingProxyType(_make_all())  # by "alg" and "crv"


def crypto_of(algorithm: Algorithm) -> pyjwt.Algorithm:
    """Return the algorithm of PyJWT for *algorithm*."""
    return _ALL[algorithm.name, algorithm.curve]
