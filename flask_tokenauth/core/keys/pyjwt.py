"""The algorithms of PyJWT: signatures, except HMAC, and the members of JWKs. Usual ones skip a layer of PyJWT.

This module is imported when a key needs it. A secret as ``SECRET_KEY`` does not, and the import of PyJWT takes about as
long as that of all other modules.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, SECP384R1, SECP521R1, EllipticCurve
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from jwt import algorithms as pyjwt

from ..encoding import base64url
from .algorithms import Algorithm


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

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Return whether *sig*, which has the length of a signature, is that of the public key *key* over *msg*."""
        r, s = int.from_bytes(sig[: self._number_bytes]), int.from_bytes(sig[self._number_bytes :])
        try:
            key.verify(encode_dss_signature(r, s), msg, self._scheme)
        except InvalidSignature:
            return False
        return True


class RsaPkcs1(pyjwt.RSAAlgorithm):
    """RSASSA-PKCS1-v1_5 with one hash (RFC 7518 section 3.3). PyJWT would make the hash again for each signature."""

    def __init__(self, hash_alg: type[HashAlgorithm]) -> None:
        super().__init__(hash_alg)
        self._padding, self._hash = PKCS1v15(), hash_alg()

    def sign(self, msg: bytes, key: Any) -> bytes:
        """Return the signature of the private key *key* over *msg*."""
        signature: bytes = key.sign(msg, self._padding, self._hash)
        return signature

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Return whether *sig* is the signature of the public key *key* over *msg*."""
        try:
            key.verify(sig, msg, self._padding, self._hash)
        except InvalidSignature:
            return False
        return True


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
    hmac, rsa, pss, ec = pyjwt.HMACAlgorithm, RsaPkcs1, pyjwt.RSAPSSAlgorithm, Ecdsa
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
