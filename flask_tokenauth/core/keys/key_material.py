"""Read, make and check key material, and write it as JWK members (RFC 7518 section 6, RFC 8037, RFC 7638).

The material of an HMAC key is the bytes of the secret. The material of any other key is a key object of
``cryptography``.
"""

import hashlib
from collections.abc import Callable, Mapping
from secrets import token_bytes
from typing import Any

import msgspec
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..encoding import base64url
from ..errors import InvalidKey
from .algorithms import Algorithm
from .key_strength import check_ed25519, check_hmac, check_rsa

# Members besides "kty". The thumbprint is made of the public ones (RFC 7638 section 3.2, RFC 8037 section 2).
PUBLIC_MEMBERS = {"oct": (), "RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
PRIVATE_MEMBERS = {"oct": ("k",), "RSA": ("d", "p", "q", "dp", "dq", "qi"), "EC": ("d",), "OKP": ("d",)}
_MAX_MEMBER = 2800  # characters; the modulus of an RSA key of 16384 bits has 2731
_ED25519_SIGNATURE = 64  # bytes, RFC 8032 section 5.1.6
_HASHES: Mapping[int, Callable[[], hashes.HashAlgorithm]] = {  # by their size in bytes
    32: hashes.SHA256,
    48: hashes.SHA384,
    64: hashes.SHA512,
}


class Mac:
    """HMAC with one secret (RFC 2104).

    PyJWT would process the secret again for each signature, which takes longer than to process a token. Here that is
    done once.
    """

    __slots__ = ("_hash_bytes", "_keyed", "_secret")

    def __init__(self, secret: bytes, hash_bytes: int) -> None:
        self._secret = secret
        self._hash_bytes = hash_bytes
        self._keyed = HMAC(secret, _HASHES[hash_bytes]())

    def sign(self, message: bytes) -> bytes:
        """Return the HMAC of *message*."""
        mac = self._keyed.copy()
        mac.update(message)
        return mac.finalize()

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether *signature* is the HMAC of *message*. The time does not depend on where they differ."""
        mac = self._keyed.copy()
        mac.update(message)
        try:
            mac.verify(signature)
        except InvalidSignature:
            return False
        return True

    def __reduce__(self) -> tuple[type["Mac"], tuple[bytes, int]]:
        return Mac, (self._secret, self._hash_bytes)  # pickle cannot copy _keyed


def read_members(jwk: Mapping[str, object], algorithm: Algorithm) -> tuple[Any, Any]:
    """Read the key material of a JWK.

    Args:
        jwk: the members of the JWK.
        algorithm: the algorithm of the key; its key type is that of the JWK.

    Returns:
        The private material (None for a public key) and the public material. For HMAC both are the secret.

    Raises:
        InvalidKey: a member is missing, is not in the one canonical spelling of its value, or contradicts another.
    """
    names = PUBLIC_MEMBERS[algorithm.key_type] + PRIVATE_MEMBERS[algorithm.key_type]
    members = {name: jwk[name] for name in names if name in jwk}
    for name, value in members.items():
        _check_member(name, value)
    if "oth" in jwk:
        raise InvalidKey("an RSA key must have two primes, got a JWK with more (member oth), which are not supported")
    from jwt.exceptions import InvalidKeyError  # noqa: PLC0415  # as in find_crypto

    try:
        material = type(find_crypto(algorithm)).from_jwk({"kty": algorithm.key_type, **members})
    except (InvalidKeyError, UnsupportedAlgorithm, InternalError, ValueError, KeyError, TypeError) as error:
        raise InvalidKey(f"{_needed_members(algorithm)}, got {_find_fault(members, algorithm)}") from error
    written = write_members(material, algorithm)
    if wrong := [name for name, value in members.items() if written.get(name) != value]:
        raise InvalidKey(
            f"{_needed_members(algorithm)}, got {', '.join(wrong)} not in the shortest form or in contradiction to the "
            "others"
        )
    return split_key(material)


def _check_member(name: str, value: object) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_MEMBER or not value.isascii():
        got = f"a string of {len(value)} characters" if isinstance(value, str) else type(value).__name__
        raise InvalidKey(f"JWK member {name} must be a base64url string of 1 to {_MAX_MEMBER} characters, got {got}")
    if name == "crv":
        return
    try:
        base64url.decode(value.encode())
    except ValueError:
        if value.endswith("="):
            got = 'padding: remove each "=" at its end'
        elif "+" in value or "/" in value:
            got = 'base64: write "-" for "+" and "_" for "/"'
        else:
            got = "another spelling: check that it is complete and has no white space"
        raise InvalidKey(f"JWK member {name} must be base64url without padding, got {got}") from None


def _find_fault(members: Mapping[str, object], algorithm: Algorithm) -> str:
    public, private = PUBLIC_MEMBERS[algorithm.key_type], PRIVATE_MEMBERS[algorithm.key_type]
    is_private = not members.keys().isdisjoint(private)
    missing = [name for name in (*public, *(private if is_private else ())) if name not in members and name != "crv"]
    if missing or not members.keys() - {"crv"}:
        return f"no {', '.join(missing or private)}"
    return f"{', '.join(name for name in members if name != 'crv')} that are malformed or contradict each other"


def _needed_members(algorithm: Algorithm) -> str:
    public, private = PUBLIC_MEMBERS[algorithm.key_type], PRIVATE_MEMBERS[algorithm.key_type]
    if not public:
        return f"a JWK for {algorithm.name} must have {', '.join(private)}"
    return f"a JWK for {algorithm.name} must have {', '.join(public)} and, if it is private, {', '.join(private)}"


def write_members(material: Any, algorithm: Algorithm) -> dict[str, Any]:
    """Return the JWK members of *material*. If it is private or a secret, they are a secret too."""
    written: dict[str, Any] = find_crypto(algorithm).to_jwk(material, as_dict=True)
    return written


def write_key(material: Any, algorithm: Algorithm, *, private: bool) -> dict[str, Any]:
    """Return ``kty`` and the members of *material* that make the key (RFC 7518 section 6), and no others.

    Args:
        material: the private key or the secret if *private* is true, else the public key.
        algorithm: of the key.
        private: whether the members are those of the private key or the secret, and then they are a secret too.
    """
    written, key_type = write_members(material, algorithm), algorithm.key_type
    names = PUBLIC_MEMBERS[key_type] + (PRIVATE_MEMBERS[key_type] if private else ())
    return {"kty": key_type} | {name: written[name] for name in names}


def find_crypto(algorithm: Algorithm) -> Any:
    """Return the algorithm of PyJWT that computes signatures, and reads and writes JWKs."""
    from .pyjwt import crypto_of  # noqa: PLC0415  # a secret that is not in a JWK needs no PyJWT

    return crypto_of(algorithm)


def split_key(material: Any) -> tuple[Any, Any]:
    """Return the private material (None for a public key) and the public material. A secret is both."""
    if isinstance(material, bytes):
        return material, material
    return (material, material.public_key()) if hasattr(material, "public_key") else (None, material)


def generate(algorithm: Algorithm) -> tuple[Any, Any]:
    """Make new private and public material: a secret as long as the hash, 2048 bits of RSA, or a key on the curve."""
    if algorithm.key_type == "oct":
        return split_key(token_bytes(algorithm.hash_bytes))
    from .key_pairs import generate_private  # noqa: PLC0415  # a secret needs nothing of it

    return split_key(generate_private(algorithm))


def signature_bytes(public: Any, algorithm: Algorithm) -> int:
    """Return the length of every signature of this key, in bytes (RFC 7518 section 3, RFC 8017 section 8, RFC 8032)."""
    if algorithm.key_type == "oct":
        return algorithm.hash_bytes
    if algorithm.key_type == "OKP":
        return _ED25519_SIGNATURE
    octets: int = (public.key_size + 7) // 8
    return octets if algorithm.key_type == "RSA" else 2 * octets


def check_material(public: Any, algorithm: Algorithm) -> None:
    """Refuse public material that does not fit *algorithm* or is too weak.

    Args:
        public: the public key; for HMAC the secret.
        algorithm: the algorithm that it is for.

    Raises:
        InvalidKey: the key is of another kind or on another curve, or ``key_strength`` refuses it.
    """
    if algorithm.key_type == "oct" and isinstance(public, bytes):
        check_hmac(public, algorithm.hash_bytes)
        return
    from .key_pairs import describe, kind_of  # noqa: PLC0415  # a secret needs nothing of it

    if algorithm.key_type == "oct":
        raise InvalidKey(f"{algorithm.name} needs a secret, got {describe(public)}")
    if kind_of(public) != (algorithm.curve or algorithm.key_type):
        needed = {"RSA": "an RSA key", "OKP": "an Ed25519 key"}.get(
            algorithm.key_type, f"an EC key on {algorithm.curve}"
        )
        raise InvalidKey(f"{algorithm.name} needs {needed}, got {describe(public)}")
    if algorithm.key_type == "RSA":
        check_rsa(public.public_numbers().n, public.public_numbers().e)
    elif algorithm.key_type == "OKP":
        check_ed25519(public.public_bytes_raw())


def thumbprint(public: Any, algorithm: Algorithm) -> str:
    """Return the thumbprint of a key with SHA-256 (RFC 7638), in base64url; for HMAC an output of HKDF."""
    if algorithm.key_type == "oct":
        # A digest of the secret could be found in lists of digests of passwords. This value is in no such list.
        return base64url.encode(derive_bytes(public, "kid", algorithm.name)[:16]).decode()
    required = write_key(public, algorithm, private=False)
    canonical = msgspec.json.encode(dict(sorted(required.items())))
    return base64url.encode(hashlib.sha256(canonical).digest()).decode()


def derive_bytes(secret: bytes, *context: str) -> bytes:
    """Derive 32 bytes from *secret* with HKDF, SHA-256 and no salt (RFC 5869).

    Args:
        secret: the secret.
        context: the use of the bytes. *info* is the compact JSON array ``["flask-tokenauth","v1",*context]`` in UTF-8.
    """
    info = msgspec.json.encode(["flask-tokenauth", "v1", *context])
    return HKDF(hashes.SHA256(), length=32, salt=None, info=info).derive(secret)
