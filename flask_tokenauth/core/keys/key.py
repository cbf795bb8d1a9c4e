"""One key, with its one algorithm.

A key has one algorithm and one purpose, so that no header can choose another (RFC 8725 section 3.1). A key that cannot
be used safely does not load. RFC 7517, RFC 7638.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jwt.algorithms as pyjwt

from ..errors import InvalidKey, InvalidSignature
from . import key_material
from .algorithms import ALGORITHMS, IMPLIED, Algorithm

_BOTH = frozenset({"sign", "verify"})


_LONGEST_KID = 255  # characters


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key with its one algorithm. Made by the class methods, which judge it; not by hand."""

    kid: str  # RFC 7515 section 4.1.4
    algorithm: str  # the value of "alg", RFC 7518 section 3.1
    can_sign: bool
    can_verify: bool
    _private: Any = field(repr=False)  # secret or private key; None in a public key
    _public: Any = field(repr=False)  # what verifies: the secret again, or the public key
    _signature_bytes: int = field(repr=False)
    _crypto: pyjwt.Algorithm = field(repr=False)
    _mac: key_material.Mac | None = field(repr=False)  # computes instead of it, with a secret

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object], *, alg: str | None = None) -> "Key":
        """Load a JSON Web Key (RFC 7517 section 4).

        Args:
            jwk: its members. ``use`` and ``key_ops`` are obeyed; ``kid`` is the thumbprint unless given.
            alg: the algorithm, for a JWK that names none. A curve implies its own (Ed25519: ``EdDSA``).

        Raises:
            InvalidKey: a member is missing, malformed or contradicts another, the key is too weak, not for signatures,
                or for an algorithm that is not offered.
        """
        algorithm = _find_algorithm(jwk, alg)
        operations = _read_operations(jwk)
        if jwk.get("kid", "") is None:
            raise InvalidKey("kid is null")
        return cls._build(algorithm, key_material.read_members(jwk, algorithm), jwk.get("kid"), operations)

    @classmethod
    def from_pem(
        cls, pem: str | bytes, *, alg: str | None = None, kid: str | None = None, passphrase: str | bytes | None = None
    ) -> "Key":
        """Load a private or public key in PEM (PKCS #8, PKCS #1, SEC 1, SubjectPublicKeyInfo).

        Args:
            pem: the text with its ``BEGIN`` and ``END`` lines.
            alg: the algorithm; else ``RS256`` for RSA, ``EdDSA`` for Ed25519, the curve's own for EC.
            kid: the key ID; else the thumbprint.
            passphrase: of an encrypted private key.

        Raises:
            InvalidKey: it holds no key, or not with this passphrase, or the key is too weak or does not fit *alg*.
        """
        material = key_material.read_pem(_to_bytes(pem), None if passphrase is None else _to_bytes(passphrase))
        kind = key_material.kind_of(material[1])
        return cls._build(_offered(alg or ("RS256" if kind == "RSA" else IMPLIED.get(str(kind)))), material, kid)

    @classmethod
    def from_secret(cls, secret: str | bytes, *, alg: str = "HS256", kid: str | None = None) -> "Key":
        """Use *secret* (text: its UTF-8) as an HMAC key.

        Raises:
            InvalidKey: it is shorter than the hash (RFC 7518 section 3.2) or no bytes or text, or *alg* is no HMAC.
        """
        algorithm = _offered(alg)
        if algorithm.key_type != "oct":
            raise InvalidKey(f"a secret is no key for {alg}")
        return cls._build(algorithm, key_material.split(_to_bytes(secret)), kid)

    @classmethod
    def derive(cls, secret: bytes, *, purpose: str, issuer: str) -> "Key":
        """Derive an HS256 key from the application's secret; another for each purpose and each issuer.

        HKDF with SHA-256 over the *info* ``["flask-tokenauth","v1",purpose,"HS256",issuer]``, 32 bytes. How strong
        *secret* is, is judged elsewhere (:func:`~flask_tokenauth.core.keys.key_strength.check_secret`).
        """
        return cls.from_secret(key_material.expand(secret, purpose, "HS256", issuer))

    @classmethod
    def generate(cls, alg: str, *, kid: str | None = None) -> "Key":
        """Make a new key: a secret of the size of the hash, RSA of 2048 bits, or a point on the algorithm's curve.

        Raises:
            InvalidKey: *alg* is not offered.
        """
        algorithm = _offered(alg)
        return cls._build(algorithm, key_material.make(algorithm), kid)

    @classmethod
    def _build(
        cls, algorithm: Algorithm, material: tuple[Any, Any], kid: object, operations: frozenset[str] = _BOTH
    ) -> "Key":
        private, public = material
        key_material.check_material(public, algorithm)
        if kid is None:
            kid = key_material.thumbprint(public, algorithm)
        if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID or not kid.isprintable():
            raise InvalidKey("kid must be a text of 1 to 255 printable characters")
        can_sign, can_verify = private is not None and "sign" in operations, "verify" in operations
        if not can_sign and not can_verify:
            raise InvalidKey("key_ops leave nothing that this key may do")
        length = key_material.signature_bytes(public, algorithm)
        mac = key_material.Mac(public, algorithm.hash_bytes) if algorithm.key_type == "oct" else None
        return cls(kid, algorithm.name, can_sign, can_verify, private, public, length, algorithm.crypto, mac)

    def sign(self, message: bytes) -> bytes:
        """Return the signature over *message*, in the form that JWS wants (RFC 7515 section 5.1).

        Raises:
            InvalidKey: this key cannot or may not sign.
        """
        if not self.can_sign:
            raise InvalidKey("this key cannot sign")
        return self._crypto.sign(message, self._private) if self._mac is None else self._mac.sign(message)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Refuse *signature* unless this key made it over *message*.

        Raises:
            InvalidSignature: it did not, or this key may not verify.
        """
        if not self.can_verify or len(signature) != self._signature_bytes:
            raise InvalidSignature  # OpenSSL takes an RSA-PSS signature without its leading zeros for the same
        if self._mac is not None:
            good = self._mac.verify(message, signature)
        else:
            good = self._crypto.verify(message, self._public, signature)
        if not good:
            raise InvalidSignature

    @property
    def key_type(self) -> str:
        """``kty``: ``oct``, ``RSA``, ``EC`` or ``OKP`` (RFC 7518 section 6.1)."""
        return ALGORITHMS[self.algorithm].key_type

    def thumbprint(self) -> str:
        """Return the RFC 7638 thumbprint (SHA-256); for a secret, whose digest could be searched, an HKDF output."""
        return key_material.thumbprint(self._public, ALGORITHMS[self.algorithm])

    def to_jwk(self, *, private: bool = False) -> dict[str, object]:
        """Return the JWK: ``kty``, the members of the key, ``kid``, ``alg`` and ``use``.

        Raises:
            InvalidKey: the private half is asked of a public key, or the public half of a secret, which has none.
        """
        if private and self._private is None:
            raise InvalidKey("a public key has no private half")
        if not private:
            self._check_public_half()
        algorithm = ALGORITHMS[self.algorithm]
        written = key_material.write_members(self._private if private else self._public, algorithm)
        names = key_material.PUBLIC_MEMBERS[self.key_type] + (key_material.PRIVATE_MEMBERS[self.key_type] * private)
        members = {"kty": self.key_type} | {name: written[name] for name in names}
        limited = {} if self.can_verify and (self.can_sign or not private) else {"key_ops": self._operations()}
        return members | {"kid": self.kid, "alg": self.algorithm, "use": "sig"} | limited

    def public(self) -> "Key":
        """Return the public half under the same key ID.

        Raises:
            InvalidKey: this key is a secret, which has none, or may not verify.
        """
        self._check_public_half()
        return replace(self, can_sign=False, _private=None)

    def _check_public_half(self) -> None:
        if self.key_type == "oct":
            raise InvalidKey("a secret has no public half")
        if not self.can_verify:
            raise InvalidKey("key_ops forbid to verify with this key")

    def _operations(self) -> list[str]:
        return ["sign"] * self.can_sign + ["verify"] * self.can_verify


def _find_algorithm(jwk: Mapping[str, object], alg: str | None) -> Algorithm:
    if not isinstance(jwk, Mapping):
        raise InvalidKey("a JWK is an object")
    named = jwk.get("alg", alg)
    if alg is not None and named != alg:
        raise InvalidKey(f"the JWK is not for {alg}")
    curve = jwk.get("crv")
    algorithm = _offered(named if named is not None else IMPLIED.get(curve) if isinstance(curve, str) else None)
    if jwk.get("kty") != algorithm.key_type or curve != algorithm.curve:
        raise InvalidKey(f"kty or crv do not fit {algorithm.name}")
    return algorithm


def _offered(name: object) -> Algorithm:
    if name is None:
        raise InvalidKey('the key names no algorithm: add "alg"')
    algorithm = ALGORITHMS.get(name) if isinstance(name, str) else None
    if algorithm is None:
        raise InvalidKey(f"alg is not one of {', '.join(ALGORITHMS)}")
    return algorithm


def _read_operations(jwk: Mapping[str, object]) -> frozenset[str]:
    """Read what ``use`` and ``key_ops`` allow (RFC 7517 sections 4.2 and 4.3)."""
    if jwk.get("use", "sig") != "sig":
        raise InvalidKey('use is not "sig"')
    operations = jwk.get("key_ops", ["sign", "verify"])
    if not isinstance(operations, (list, tuple)) or not all(isinstance(each, str) for each in operations):
        raise InvalidKey("key_ops is not an array of texts")
    if len(set(operations)) != len(operations):
        raise InvalidKey("key_ops names an operation twice")
    return _BOTH.intersection(operations)


def _to_bytes(text: str | bytes) -> bytes:
    try:
        return text.encode() if isinstance(text, str) else bytes(memoryview(text))
    except (UnicodeEncodeError, TypeError):  # the first of which holds the text
        raise InvalidKey("a secret, a passphrase and PEM text are bytes or text that UTF-8 can write") from None
