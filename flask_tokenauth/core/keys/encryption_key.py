"""One key that encrypts tokens, with its one pair of algorithms (RFC 7516, RFC 7517, RFC 7518 section 4).

A key has one ``alg`` and one ``enc``, so that the header of a token cannot choose others (RFC 8725 section 3.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidKey
from . import key_material
from .algorithms import ALGORITHMS
from .encryption_algorithms import (
    CONTENT_ENCRYPTION,
    CONTENT_KEY_BYTES,
    ENCRYPTION_ALGORITHMS,
    MANAGEMENTS,
    WRAPPED_KEY_BYTES,
    KeyManagement,
)
from .jwe_cipher import Cipher
from .jwk import check_kid
from .key_strength import check_rsa, check_secret, check_x25519


@dataclass(frozen=True, slots=True, eq=False)
class EncryptionKey:
    """A key that encrypts or decrypts tokens. Make it with a class method: they check it, the constructor does not.

    Attributes:
        kid: the key ID (RFC 7516 section 4.1.6).
        algorithm: ``alg``: "dir", "RSA-OAEP-256" or "ECDH-ES+A256KW" (RFC 7518 section 4.1).
        encryption: ``enc``: "A256GCM" (RFC 7518 section 5.1).
        can_encrypt: whether it encrypts: ``key_ops`` allows it.
        can_decrypt: whether it decrypts: it is a private key or a secret, and ``key_ops`` allows it.
    """

    kid: str
    algorithm: str
    encryption: str
    can_encrypt: bool
    can_decrypt: bool
    _private: Any = field(repr=False)  # the secret or private key; None in a public key
    _public: Any = field(repr=False)  # the secret or public key
    _management: KeyManagement = field(repr=False)
    _cipher: Cipher = field(repr=False)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object]) -> "EncryptionKey":
        """Load a JSON Web Key (RFC 7517 section 4).

        Args:
            jwk: its members. ``use`` must be "enc", and ``kid`` and ``alg`` must be there. ``enc``, a member of our
                own, is "A256GCM" if it is left out. ``key_ops`` is obeyed.

        Returns:
            A private key, a public key or a secret.

        Raises:
            InvalidKey: a member is missing, malformed or contradicts another, or the key is too weak or of a kind that
                is not supported.
            SettingsError: joserfc is not installed.
        """
        if not isinstance(jwk, Mapping):
            raise InvalidKey(f"a JWK must be an object, got {type(jwk).__name__}")
        if jwk.get("use") != "enc":
            got = "another" if "use" in jwk else "none"
            raise InvalidKey(f'use of an encryption key must be "enc", got {got}: keys that sign go to TOKENAUTH_KEYS')
        if "kid" not in jwk:
            raise InvalidKey('an encryption key must have a kid, which tokens name, got none: add "kid" to the JWK')
        kid = check_kid(jwk["kid"])
        management = _find_management(jwk)
        operations = _read_operations(jwk, management)
        return cls._build(management, key_material.read_members(jwk, management.material), kid, operations)

    @classmethod
    def generate(cls, alg: str, *, curve: str | None = None, kid: str | None = None) -> "EncryptionKey":
        """Make a new random key.

        Args:
            alg: "dir", "RSA-OAEP-256" or "ECDH-ES+A256KW". A secret has 32 bytes, an RSA key 2048 bits.
            curve: for "ECDH-ES+A256KW": "P-256" or "X25519". Default: "P-256".
            kid: the key ID, 1 to 255 characters. Default: the thumbprint.

        Returns:
            A key that encrypts and decrypts.

        Raises:
            InvalidKey: there is no such *alg* or no such *curve* for it.
            SettingsError: joserfc is not installed.
        """
        first = next((found_curve for name, found_curve in MANAGEMENTS if name == alg), None)
        management = MANAGEMENTS.get((alg, first if curve is None else curve))
        if management is None:
            raise InvalidKey(_must_be_offered("another alg or curve"))
        operations = frozenset(management.encrypts + management.decrypts)
        return cls._build(management, key_material.generate(management.material), kid, operations)

    @classmethod
    def _build(
        cls, management: KeyManagement, material: tuple[Any, Any], kid: str | None, operations: frozenset[str]
    ) -> "EncryptionKey":
        private, public = material
        _check_strength(public, management)
        checked_kid = check_kid(_thumbprint(public, management) if kid is None else kid)
        can_encrypt = not operations.isdisjoint(management.encrypts)
        can_decrypt = private is not None and not operations.isdisjoint(management.decrypts)
        if not can_encrypt and not can_decrypt:
            raise InvalidKey(
                f"key_ops of a key for {management.material.name} must have one of "
                f"{', '.join(dict.fromkeys(management.encrypts + management.decrypts))} that the key can be used for, "
                "got none: add it, or leave key_ops out"
            )
        algorithm = management.material.name
        cipher = Cipher(
            management.material.key_type, public if private is None else private, algorithm, CONTENT_ENCRYPTION
        )
        return cls(
            checked_kid, algorithm, CONTENT_ENCRYPTION, can_encrypt, can_decrypt, private, public, management, cipher
        )

    def encrypt(self, header: Mapping[str, object], plaintext: bytes) -> str:
        """Return a JWE in compact serialisation (RFC 7516 section 7.1).

        Args:
            header: more members for the header, beside ``alg``, ``enc``, ``kid`` and ``epk``.
            plaintext: any bytes.

        Raises:
            InvalidKey: ``key_ops`` does not allow this key to encrypt.
        """
        if not self.can_encrypt:
            raise InvalidKey("key_ops of a key that encrypts must allow it, got a key that can only decrypt")
        return self._cipher.encrypt({**self.header_members(), **header}, plaintext)

    def decrypt(self, token: str) -> bytes:
        """Return the plaintext of a JWE. ``tokens.jwe`` must have checked its header and the sizes of its parts.

        Args:
            token: five base64url parts, untrusted.

        Raises:
            NotDecrypted: this key does not decrypt it.
        """
        return self._cipher.decrypt(token)

    def header_members(self) -> dict[str, object]:
        """Return the members that the header of each token for this key has."""
        return {"alg": self.algorithm, "enc": self.encryption, "kid": self.kid}

    @property
    def key_type(self) -> str:
        """``kty``: ``oct``, ``RSA``, ``EC`` or ``OKP`` (RFC 7518 section 6.1, RFC 8037)."""
        return self._management.material.key_type

    @property
    def curve(self) -> str | None:
        """``crv``: "P-256", "X25519", or None for a secret and for RSA."""
        return self._management.material.curve

    @property
    def encrypted_key_bytes(self) -> int:
        """The length of the encrypted key of each token, in bytes (RFC 7516 section 2)."""
        if self.key_type == "oct":
            return 0
        return (self._public.key_size + 7) // 8 if self.key_type == "RSA" else WRAPPED_KEY_BYTES

    def thumbprint(self) -> str:
        """Return the thumbprint with SHA-256 (RFC 7638), in base64url. A :class:`Key` of the same material has it too.

        For a secret it is an output of HKDF instead: a digest of the secret could be found in lists of digests.
        """
        return _thumbprint(self._public, self._management)

    def to_jwk(self, *, private: bool = False) -> dict[str, object]:
        """Return the JWK: ``kty``, the members of the key, ``kid``, ``alg``, ``enc``, ``use`` and limited ``key_ops``.

        Args:
            private: whether to return the private key or the secret. By default it is the public key.

        Returns:
            A new dict of JSON values. With *private* it is a secret.

        Raises:
            InvalidKey: *private* is true and this is a public key, or it is false and this key is a secret or may not
                encrypt.
        """
        if private and self._private is None:
            raise InvalidKey("to_jwk(private=True) needs a private key or a secret, got a public key")
        if not private and self.key_type == "oct":
            raise InvalidKey(
                f"only a public key can be given away, and a key for {self.algorithm} is a secret without one: make "
                "keys for ECDH-ES+A256KW or RSA-OAEP-256"
            )
        if not private and not self.can_encrypt:
            raise InvalidKey("a public key must be allowed to encrypt, but key_ops of this key does not allow that")
        material = self._private if private else self._public
        members = key_material.write_key(material, self._management.material, private=private)
        limited = {} if self.can_encrypt and (self.can_decrypt or not private) else {"key_ops": self._operations()}
        return members | self.header_members() | {"use": "enc"} | limited

    def _operations(self) -> list[str]:
        """Return the only operation that this key may be used for."""
        return [(self._management.encrypts if self.can_encrypt else self._management.decrypts)[0]]


def _find_management(jwk: Mapping[str, object]) -> KeyManagement:
    alg, curve, encryption = jwk.get("alg"), jwk.get("crv"), jwk.get("enc", CONTENT_ENCRYPTION)
    if encryption != CONTENT_ENCRYPTION:
        raise InvalidKey(f"enc of an encryption key must be {CONTENT_ENCRYPTION} or be left out, got another")
    if not isinstance(alg, str) or alg not in ENCRYPTION_ALGORITHMS:
        got = "another" if "alg" in jwk else 'none: add "alg" to the JWK'
        raise InvalidKey(f"alg of an encryption key must be one of {', '.join(ENCRYPTION_ALGORITHMS)}, got {got}")
    fits = (found for (name, _), found in MANAGEMENTS.items() if name == alg)
    for management in fits:
        if (management.material.key_type, management.material.curve) == (jwk.get("kty"), curve):
            return management
    raise InvalidKey(_must_be_offered("another kty or crv"))


def _must_be_offered(got: str) -> str:
    return (
        'an encryption key must be a secret (kty "oct") for dir, an RSA key for RSA-OAEP-256, or a key on P-256 (kty '
        f'"EC") or X25519 (kty "OKP") for ECDH-ES+A256KW, got {got}'
    )


def _read_operations(jwk: Mapping[str, object], management: KeyManagement) -> frozenset[str]:
    """Return the operations that ``key_ops`` allows (RFC 7517 section 4.3); without it, all."""
    operations = jwk.get("key_ops", management.encrypts + management.decrypts)
    if not isinstance(operations, (list, tuple)) or not all(isinstance(name, str) for name in operations):
        raise InvalidKey(
            f'key_ops must be an array of strings, got something else: write ["{management.decrypts[0]}"], or leave it '
            "out"
        )
    return frozenset(operations)


def _check_strength(public: Any, management: KeyManagement) -> None:
    key_type = management.material.key_type
    if key_type == "oct":
        if len(public) != CONTENT_KEY_BYTES:
            raise InvalidKey(f"k of a key for dir must be exactly {CONTENT_KEY_BYTES} bytes long, got {len(public)}")
        try:
            check_secret(public)
        except InvalidKey as error:
            raise InvalidKey(f"k of a key for dir {error}") from None
    elif key_type == "RSA":
        check_rsa(public.public_numbers().n, public.public_numbers().e)
    elif key_type == "OKP":
        check_x25519(public)


def _thumbprint(public: Any, management: KeyManagement) -> str:
    # A secret of 32 bytes can sign by HS256 only: with its name, the thumbprint is the one that the signing key has.
    is_secret = management.material.key_type == "oct"
    return key_material.thumbprint(public, ALGORITHMS["HS256"] if is_secret else management.material)
