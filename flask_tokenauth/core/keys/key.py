"""One key, with its one algorithm (RFC 7517, RFC 7638).

A key has one algorithm, so that the header of a token cannot choose another (RFC 8725 section 3.1). A key that cannot
be used safely is not loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from ..errors import InvalidKey
from ..signature_errors import InvalidSignature
from . import key_material
from .algorithms import ALGORITHMS, IMPLIED, Algorithm
from .jwk import ALL_OPERATIONS, algorithm_named, check_kid, find_algorithm, read_operations

if TYPE_CHECKING:
    from .pem import Passphrase, PemKey

_NOT_ENCRYPTED = (
    "passphrase is for encrypted private keys, got one for a key that is not encrypted or cannot be read: leave it out"
)


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key with its one algorithm. Make it with a class method: they check it, the constructor does not.

    Attributes:
        kid: the key ID (RFC 7515 section 4.1.4).
        algorithm: the value of ``alg`` (RFC 7518 section 3.1).
        can_sign: whether it signs: it is a private key or a secret, and ``key_ops`` allows it.
        can_verify: whether it verifies: ``key_ops`` allows it.
    """

    kid: str
    algorithm: str
    can_sign: bool
    can_verify: bool
    _private: Any = field(repr=False)  # the secret or private key; None in a public key
    _public: Any = field(repr=False)  # the key that verifies: the secret, or the public key
    _signature_bytes: int = field(repr=False)
    _crypto: Any = field(repr=False)  # computes the signatures, see pyjwt.py; None if this is a secret
    _mac: key_material.Mac | None = field(repr=False)  # computes in its place if this is a secret

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object], *, alg: str | None = None) -> "Key":
        """Load a JSON Web Key (RFC 7517 section 4).

        Args:
            jwk: its members. ``use`` and ``key_ops`` are obeyed. Without ``kid`` the key ID is the thumbprint.
            alg: the algorithm, for a JWK that names none. If both name one, it must be the same. If neither does, the
                curve decides: ``ES256``, ``ES384``, ``ES512`` or, for Ed25519, ``EdDSA``.

        Returns:
            A private key, a public key or a secret.

        Raises:
            InvalidKey: a member is missing, malformed or contradicts another, the key is too weak or not for
                signatures, or its algorithm is not supported.
        """
        algorithm = find_algorithm(jwk, alg)
        operations = read_operations(jwk)
        if jwk.get("kid", "") is None:
            raise InvalidKey("kid must be a string, got null: leave it out to use the thumbprint")
        return cls._build(algorithm, key_material.read_members(jwk, algorithm), jwk.get("kid"), operations)

    @classmethod
    def from_pem(
        cls, pem: str | bytes, *, alg: str | None = None, kid: str | None = None, passphrase: str | bytes | None = None
    ) -> "Key":
        """Load a private key, a public key or the public key of a certificate in PEM, or a key of OpenSSH.

        The dates, the issuer and the key usage of a certificate are not checked. If *pem* has a private key with its
        public half or its certificate, the private key is loaded.

        Args:
            pem: the content of the file, with its ``BEGIN`` and ``END`` lines. It is not a path.
            alg: the algorithm. Default: ``RS256`` for RSA, the algorithm of its parameters or ``PS256`` for RSA-PSS,
                ``EdDSA`` for Ed25519, ``ES256``, ``ES384`` or ``ES512`` for EC, by its curve. An encrypted RSA-PSS key
                cannot be told from RSA: give its *alg*.
            kid: the key ID, 1 to 255 characters. Default: the thumbprint.
            passphrase: the passphrase, if the private key is encrypted.

        Returns:
            A private or public key.

        Raises:
            InvalidKey: *pem* holds no key that can be read or several keys, *passphrase* is missing, wrong or not
                needed, or the key is too weak, of a kind that is not supported, or does not fit *alg*.
        """
        from .pem import Passphrase  # noqa: PLC0415  # it imports all about certificates, and a secret needs none of it
        from .pem_keys import read_pem_keys  # noqa: PLC0415  # see above

        opener = Passphrase(None if passphrase is None else to_bytes(passphrase))
        found = read_pem_keys(to_bytes(pem).decode("utf-8", "replace"), opener)
        if len(found) > 1:
            raise InvalidKey(
                f"PEM text for Key.from_pem must hold one key, got {len(found)} different keys: pass one of them; "
                "TOKENAUTH_KEYS takes several"
            )
        if opener.is_left_over:
            raise InvalidKey(_NOT_ENCRYPTED)
        return cls._from_pem_key(found[0], alg, kid)

    @classmethod
    def _from_pem_key(cls, found: "PemKey", alg: str | None, kid: str | None) -> "Key":
        from .key_pairs import describe, kind_of  # noqa: PLC0415  # a secret needs nothing of it

        kind = kind_of(found.public)
        if kind is None and alg is None:
            raise InvalidKey(
                "PEM must hold an RSA key, an EC key on P-256, P-384 or P-521, or an Ed25519 key, got "
                f"{describe(found.public)}, which is not supported: make a key for one of "
                f"{', '.join(name for name, algorithm in ALGORITHMS.items() if algorithm.key_type != 'oct')}"
            )
        if found.pss_algorithms and alg is not None and alg not in found.pss_algorithms:
            allowed = " or ".join(found.pss_algorithms)
            raise InvalidKey(f"alg of this RSA-PSS key must be {allowed}, got another: leave alg out")
        usual = (
            found.pss_algorithms[0] if found.pss_algorithms else "RS256" if kind == "RSA" else IMPLIED.get(str(kind))
        )
        return cls._build(algorithm_named(alg or usual), (found.private, found.public), kid)

    @classmethod
    def from_secret(cls, secret: str | bytes, *, alg: str = "HS256", kid: str | None = None) -> "Key":
        """Make an HMAC key of *secret*.

        Args:
            secret: bytes, or a string, of which the UTF-8 is used. Whether it can be guessed is not checked.
            alg: ``HS256``, ``HS384`` or ``HS512``.
            kid: the key ID, 1 to 255 characters. Default: derived from the secret, which it does not reveal.

        Returns:
            A key that signs and verifies.

        Raises:
            InvalidKey: *secret* is shorter than the hash (RFC 7518 section 3.2), is a key or certificate in PEM, or is
                neither bytes nor a string, or *alg* is not an HMAC algorithm.
        """
        algorithm = algorithm_named(alg)
        if algorithm.key_type != "oct":
            raise InvalidKey(f"alg of a secret must be HS256, HS384 or HS512, got {algorithm.name}")
        return cls._build(algorithm, key_material.split_key(to_bytes(secret)), kid)

    @classmethod
    def derive(cls, secret: bytes, *, purpose: str, issuer: str) -> "Key":
        """Derive an HS256 key from the secret of an application. Each purpose and each issuer gets another key.

        The key is 32 bytes of HKDF with SHA-256 (RFC 5869), without salt and with the *info*
        ``["flask-tokenauth","v1",purpose,"HS256",issuer]``.

        Args:
            secret: the secret. Whether it can be guessed is not checked: settings check it before.
            purpose: the use of the key, such as "access".
            issuer: the issuer of the tokens.

        Returns:
            A key that signs and verifies.
        """
        return cls.from_secret(key_material.derive_bytes(secret, purpose, "HS256", issuer))

    @classmethod
    def generate(cls, alg: str, *, kid: str | None = None) -> "Key":
        """Make a new random key.

        Args:
            alg: its algorithm. A secret is as long as the hash, an RSA key has 2048 bits, any other key is on the curve
                of the algorithm.
            kid: the key ID, 1 to 255 characters. Default: the thumbprint.

        Returns:
            A key that signs and verifies.

        Raises:
            InvalidKey: *alg* is not supported.
        """
        algorithm = algorithm_named(alg)
        return cls._build(algorithm, key_material.generate(algorithm), kid)

    @classmethod
    def _build(
        cls, algorithm: Algorithm, material: tuple[Any, Any], kid: object, operations: frozenset[str] = ALL_OPERATIONS
    ) -> "Key":
        private, public = material
        key_material.check_material(public, algorithm)
        if kid is None:
            kid = key_material.thumbprint(public, algorithm)
        kid = check_kid(kid)
        can_sign, can_verify = private is not None and "sign" in operations, "verify" in operations
        if not can_sign and not can_verify:
            raise InvalidKey('key_ops must allow "verify" or, for a private key or a secret, "sign", got neither')
        length = key_material.signature_bytes(public, algorithm)
        mac = key_material.Mac(public, algorithm.hash_bytes) if algorithm.key_type == "oct" else None
        crypto = key_material.find_crypto(algorithm) if mac is None else None
        return cls(kid, algorithm.name, can_sign, can_verify, private, public, length, crypto, mac)

    def sign(self, message: bytes) -> bytes:
        """Return the signature over *message*, in the form of JWS (RFC 7515 section 5.1, RFC 7518 section 3).

        Args:
            message: the bytes to sign.

        Returns:
            The signature, not encoded.

        Raises:
            InvalidKey: this is a public key, or ``key_ops`` does not allow it to sign.
        """
        if not self.can_sign:
            raise InvalidKey(
                'a key that signs must be a private key or a secret, with "sign" in key_ops if it has any, got a key '
                "that can only verify"
            )
        signature: bytes = self._crypto.sign(message, self._private) if self._mac is None else self._mac.sign(message)
        return signature

    def verify(self, message: bytes, signature: bytes) -> None:
        """Refuse *signature* unless this key made it over *message*.

        Args:
            message: the signed bytes.
            signature: the signature, not encoded; untrusted.

        Raises:
            InvalidSignature: this key did not make it, or ``key_ops`` does not allow this key to verify.
        """
        # OpenSSL accepts RSA-PSS signatures that lack their leading zeros, so the length is checked here.
        if not self.can_verify or len(signature) != self._signature_bytes:
            raise InvalidSignature
        if self._mac is not None:
            good = self._mac.verify(message, signature)
        else:
            good = self._crypto.verify(message, self._public, signature)
        if not good:
            raise InvalidSignature

    @property
    def signature_bytes(self) -> int:
        """The length of every signature of this key, in bytes."""
        return self._signature_bytes

    @property
    def key_type(self) -> str:
        """``kty``: ``oct``, ``RSA``, ``EC`` or ``OKP`` (RFC 7518 section 6.1)."""
        return ALGORITHMS[self.algorithm].key_type

    def thumbprint(self) -> str:
        """Return the thumbprint with SHA-256 (RFC 7638), in base64url.

        For a secret it is an output of HKDF instead: a digest of the secret could be found in lists of digests.
        """
        return key_material.thumbprint(self._public, ALGORITHMS[self.algorithm])

    def to_jwk(self, *, private: bool = False) -> dict[str, object]:
        """Return the JWK: ``kty``, the members of the key, ``kid``, ``alg``, ``use`` and, if limited, ``key_ops``.

        Args:
            private: whether to return the private key or the secret. By default it is the public key.

        Returns:
            A new dict of JSON values. With *private* it is a secret.

        Raises:
            InvalidKey: *private* is true and this is a public key, or it is false and this key is a secret or may not
                verify.
        """
        if private and self._private is None:
            raise InvalidKey("to_jwk(private=True) needs a private key or a secret, got a public key")
        if not private:
            self._check_public_half()
        material = self._private if private else self._public
        members = key_material.write_key(material, ALGORITHMS[self.algorithm], private=private)
        limited = {} if self.can_verify and (self.can_sign or not private) else {"key_ops": self._operations()}
        return members | {"kid": self.kid, "alg": self.algorithm, "use": "sig"} | limited

    def to_pem(self, *, private: bool = False) -> str:
        """Return the key in PEM: PKCS #8 without a passphrase if it is private, otherwise SubjectPublicKeyInfo.

        PEM has neither ``kid`` nor ``alg``.

        Args:
            private: whether to return the private key. By default it is the public key.

        Raises:
            InvalidKey: *private* is true and this is a public key, or this key is a secret, which PEM cannot hold.
        """
        if self.key_type == "oct":
            raise InvalidKey("only a private or public key can be written in PEM, got a secret")
        if private and self._private is None:
            raise InvalidKey("to_pem(private=True) needs a private key, got a public key")
        from cryptography.hazmat.primitives import serialization as pem  # noqa: PLC0415  # few applications write keys

        written: bytes = (
            self._private.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
            if private
            else self._public.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
        )
        return written.decode()

    def public(self) -> "Key":
        """Return the public key with the same key ID.

        Raises:
            InvalidKey: this key is a secret, or ``key_ops`` does not allow it to verify.
        """
        self._check_public_half()
        return replace(self, can_sign=False, _private=None)

    def _check_public_half(self) -> None:
        if self.key_type == "oct":
            raise InvalidKey("only a private or public key can be published, got a secret, which has no public half")
        if not self.can_verify:
            raise InvalidKey('key_ops of a key to be published must have "verify", got "sign" alone')

    def _operations(self) -> list[str]:
        return ["sign"] * self.can_sign + ["verify"] * self.can_verify


def load_pem_keys(pem: str, passphrase: "Passphrase") -> list[Key]:
    """Load all keys of PEM text, each with its usual algorithm.

    Args:
        pem: the PEM text, or lines with public keys of OpenSSH.
        passphrase: opens the private keys that are encrypted. It need not be used.

    Raises:
        InvalidKey: a key cannot be used. The message has the number of its block.
    """
    from .pem_keys import read_pem_keys  # noqa: PLC0415  # as in Key.from_pem

    keys = []
    for found in read_pem_keys(pem, passphrase):
        try:
            keys.append(Key._from_pem_key(found, None, None))
        except InvalidKey as error:
            raise found.block.refuse(error) from error
    return keys


def to_bytes(string: str | bytes) -> bytes:
    must = "a secret, a passphrase and PEM text must be bytes or a string that UTF-8 can encode"
    try:
        return string.encode() if isinstance(string, str) else bytes(memoryview(string))
    except UnicodeEncodeError:  # this error would hold the secret
        raise InvalidKey(f"{must}, got a string with surrogates") from None
    except TypeError:
        advice = ": pass the content of the file, path.read_text()" if isinstance(string, PathLike) else ""
        raise InvalidKey(f"{must}, got {type(string).__name__}{advice}") from None
