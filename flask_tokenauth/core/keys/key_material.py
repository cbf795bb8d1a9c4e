"""The numbers inside keys: read from JWK members and PEM, made, judged, and written as JWK members again.

Material is the secret's bytes for HMAC, else a key object of ``cryptography``. RFC 7518 section 6, RFC 8037, RFC 7638.
"""

import hashlib
from collections.abc import Callable, Mapping
from secrets import token_bytes
from typing import Any

import msgspec
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.exceptions import InvalidKeyError

from ..encoding import base64url
from ..errors import InvalidKey
from .algorithms import Algorithm
from .key_strength import check_ed25519, check_hmac, check_rsa

# Members beside "kty"; the public ones make the thumbprint (RFC 7638 section 3.2, RFC 8037 section 2).
PUBLIC_MEMBERS = {"oct": (), "RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
PRIVATE_MEMBERS = {"oct": ("k",), "RSA": ("d", "p", "q", "dp", "dq", "qi"), "EC": ("d",), "OKP": ("d",)}
_LONGEST_MEMBER = 2800  # characters; the modulus of an RSA key of 16384 bits has 2731
_CURVES: dict[str, type[ec.EllipticCurve]] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
_ED25519_SIGNATURE = 64  # bytes, RFC 8032 section 5.1.6
_HASHES: Mapping[int, Callable[[], hashes.HashAlgorithm]] = {  # by their size in bytes
    32: hashes.SHA256,
    48: hashes.SHA384,
    64: hashes.SHA512,
}
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


class Mac:
    """HMAC with one secret (RFC 2104), which is set up once: that takes longer than a token itself.

    The one thing that PyJWT does not compute for us, since it sets the secret up for each signature.
    """

    __slots__ = ("_begun", "_hash_bytes", "_secret")

    def __init__(self, secret: bytes, hash_bytes: int) -> None:
        self._secret = secret
        self._hash_bytes = hash_bytes
        self._begun = HMAC(secret, _HASHES[hash_bytes]())

    def sign(self, message: bytes) -> bytes:
        """Return the HMAC of *message*."""
        mac = self._begun.copy()
        mac.update(message)
        return mac.finalize()

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Say whether *signature* is the HMAC of *message*, in a time that does not tell how far it is."""
        mac = self._begun.copy()
        mac.update(message)
        try:
            mac.verify(signature)
        except InvalidSignature:
            return False
        return True

    def __reduce__(self) -> tuple[type["Mac"], tuple[bytes, int]]:
        return Mac, (self._secret, self._hash_bytes)  # what was begun cannot be copied with a key


def read_members(jwk: Mapping[str, object], algorithm: Algorithm) -> tuple[Any, Any]:
    """Load the key that a JWK describes.

    Returns:
        The private material (None with a public key) and the public one; for HMAC the secret, twice.

    Raises:
        InvalidKey: a member is missing, is not in the one spelling that its value has, or contradicts another.
    """
    names = PUBLIC_MEMBERS[algorithm.key_type] + PRIVATE_MEMBERS[algorithm.key_type]
    members = {name: jwk[name] for name in names if name in jwk}
    for name, value in members.items():
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_MEMBER or not value.isascii():
            raise InvalidKey(f"JWK member {name} is malformed")
    if "oth" in jwk:
        raise InvalidKey("RSA keys of more than two primes are not supported")
    try:
        material = type(algorithm.crypto).from_jwk({"kty": algorithm.key_type, **members})
    except (InvalidKeyError, UnsupportedAlgorithm, InternalError, ValueError, KeyError, TypeError) as error:
        raise InvalidKey(f"JWK members of this {algorithm.key_type} key are missing or malformed") from error
    if any(write_members(material, algorithm).get(name) != value for name, value in members.items()):
        raise InvalidKey(f"JWK members of this {algorithm.key_type} key contradict each other or are misspelt")
    return split(material)


def write_members(material: Any, algorithm: Algorithm) -> dict[str, Any]:
    """Return the JWK members of *material*, the private ones too where it has them."""
    return algorithm.crypto.to_jwk(material, as_dict=True)


def read_pem(pem: bytes, passphrase: bytes | None) -> tuple[Any, Any]:
    """Load PEM text as private and public material (None and the public key, from a public key).

    Raises:
        InvalidKey: it holds no key, or not one that opens with this passphrase, or needs one, or needs none.
    """
    try:
        if b"PRIVATE KEY-----" in pem:
            return split(load_pem_private_key(pem, passphrase))
        return None, load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise InvalidKey("PEM text holds no key that we can read, or not with this passphrase") from error


def split(material: Any) -> tuple[Any, Any]:
    """Return private and public material of a private key; None and the key, of a public one; a secret twice."""
    if isinstance(material, bytes):
        return material, material
    return (material, material.public_key()) if hasattr(material, "public_key") else (None, material)


def make(algorithm: Algorithm) -> tuple[Any, Any]:
    """Make new material: a secret of the size of the hash, RSA of 2048 bits, or a point on the curve."""
    if algorithm.key_type == "oct":
        return split(token_bytes(algorithm.hash_bytes))
    if algorithm.key_type == "RSA":
        return split(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    if algorithm.key_type == "EC":
        return split(ec.generate_private_key(_CURVES[str(algorithm.curve)]()))
    return split(ed25519.Ed25519PrivateKey.generate())


def kind_of(public: Any) -> str | None:
    """Return "RSA", or the JWK name of the curve; None for a key that no algorithm of ours uses."""
    if isinstance(public, rsa.RSAPublicKey):
        return "RSA"
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "Ed25519"
    return _CURVE_NAMES.get(public.curve.name) if isinstance(public, ec.EllipticCurvePublicKey) else None


def signature_bytes(public: Any, algorithm: Algorithm) -> int:
    """Return the one length that signatures of this key have (RFC 7518 section 3, RFC 8017 section 8, RFC 8032)."""
    if algorithm.key_type == "oct":
        return algorithm.hash_bytes
    if algorithm.key_type == "OKP":
        return _ED25519_SIGNATURE
    octets: int = (public.key_size + 7) // 8
    return octets if algorithm.key_type == "RSA" else 2 * octets


def check_material(public: Any, algorithm: Algorithm) -> None:
    """Refuse public material (the secret, for HMAC) that does not fit *algorithm* or is too weak.

    Raises:
        InvalidKey: it is of another kind or curve, or breaks a rule of ``strength``.
    """
    if algorithm.key_type == "oct":
        check_hmac(public, algorithm.hash_bytes)
        return
    if kind_of(public) != (algorithm.curve or algorithm.key_type):
        raise InvalidKey(f"a key of another kind than {algorithm.name} needs")
    if algorithm.key_type == "RSA":
        check_rsa(public.public_numbers().n, public.public_numbers().e)
    elif algorithm.key_type == "OKP":
        check_ed25519(public.public_bytes_raw())


def thumbprint(public: Any, algorithm: Algorithm) -> str:
    """Return what names the key and tells nothing else: RFC 7638 with SHA-256; for HMAC an HKDF output."""
    if algorithm.key_type == "oct":
        # A digest of a secret can be searched; so can this, but it is of no use with any other derived key.
        return base64url.encode(expand(public, "kid", algorithm.name)[:16]).decode()
    written = write_members(public, algorithm)
    required = {"kty": algorithm.key_type} | {name: written[name] for name in PUBLIC_MEMBERS[algorithm.key_type]}
    canonical = msgspec.json.encode(dict(sorted(required.items())))
    return base64url.encode(hashlib.sha256(canonical).digest()).decode()


def expand(secret: bytes, *context: str) -> bytes:
    """Derive 32 bytes from *secret* for one context: HKDF with SHA-256 (RFC 5869), no salt.

    *info* is the compact JSON array ``["flask-tokenauth","v1",…]`` of the context, in UTF-8.
    """
    info = msgspec.json.encode(["flask-tokenauth", "v1", *context])
    return HKDF(hashes.SHA256(), length=32, salt=None, info=info).derive(secret)
