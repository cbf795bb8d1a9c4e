"""Shared by the attacks on encrypted tokens: a writer of compact JWE (RFC 7516 section 7.1), good or wrong.

No JWT library is used, and nothing is random: content keys, ephemeral keys, vectors and the seed of OAEP are fixed.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.padding import PKCS7

from tests.attacks.big_numbers import digest, mgf1
from tests.attacks.controls import jwt_token
from tests.attacks.kit import PRIVATE_MEMBERS, Case, Group, Json, b64, dump, private_key, signer, unb64

CONTENT_KEY = bytes(range(100, 132))
VECTOR = bytes(range(12))
INNER = signer("EdDSA")  # signs the tokens inside
TOKEN = jwt_token(INNER)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A private test key that tokens are encrypted for."""

    name: str
    alg: str
    private: Mapping[str, str]

    @property
    def jwk(self) -> dict[str, object]:
        return {**self.private, "kid": self.name, "alg": self.alg, "use": "enc"}

    @property
    def public(self) -> dict[str, object]:
        return {name: value for name, value in self.jwk.items() if name not in PRIVATE_MEMBERS | {"k"}}

    def header(self, **changes: object) -> dict[str, object]:
        """Return a good header, with the ephemeral key if one is needed. The value ``...`` leaves a member out."""
        good: dict[str, object] = {"alg": self.alg, "enc": "A256GCM", "kid": self.name, "cty": "JWT", "typ": "at+jwt"}
        if "crv" in self.private:
            good["epk"] = public_of(ephemeral(self))
        return {name: value for name, value in (good | changes).items() if value is not ...}

    def number(self, member: str) -> int:
        return int.from_bytes(unb64(self.private[member]), "big")


DIR = Recipient("enc-oct", "dir", private_key("enc-oct"))
RSA = Recipient("enc-rsa", "RSA-OAEP-256", private_key("enc-rsa"))
EC = Recipient("enc-p-256", "ECDH-ES+A256KW", private_key("enc-p-256"))
OKP = Recipient("enc-x25519", "ECDH-ES+A256KW", private_key("enc-x25519"))
RECIPIENTS = (DIR, RSA, EC, OKP)
KEY_SET = {"keys": [recipient.jwk for recipient in RECIPIENTS]}


def group(name: str, recipient: Recipient, reason: str) -> Group:
    """Return a class of attacks on tokens for *recipient*."""
    control = f"control-jwe-{recipient.name}"
    return Group(
        name=name, layer="jwe", control=control, key=INNER.public, reason=reason, decryption={"keys": [recipient.jwk]}
    )


def ephemeral(recipient: Recipient) -> Mapping[str, str]:
    """Return the private ephemeral key on the curve of *recipient*."""
    return private_key(f"ephemeral-{recipient.private['crv'].lower()}")


def public_of(private: Mapping[str, str]) -> dict[str, object]:
    """Return the required members of a public key, and nothing else."""
    return {name: value for name, value in private.items() if name not in PRIVATE_MEMBERS}


def agree(recipient: Recipient) -> bytes:
    """Return the secret that the ephemeral key and the public key of *recipient* give."""
    own, other = ephemeral(recipient), recipient.private
    if recipient.private["crv"] == "X25519":
        private = x25519.X25519PrivateKey.from_private_bytes(unb64(own["d"]))
        return private.exchange(x25519.X25519PublicKey.from_public_bytes(unb64(other["x"])))
    public = ec.EllipticCurvePublicNumbers(recipient.number("x"), recipient.number("y"), ec.SECP256R1()).public_key()
    return ec.derive_private_key(int.from_bytes(unb64(own["d"]), "big"), ec.SECP256R1()).exchange(ec.ECDH(), public)


def derive(shared: bytes, algorithm: str, size: int, header: Json) -> bytes:
    """Return the key that Concat KDF makes of a shared secret (RFC 7518 section 4.6.2)."""
    parties = (unb64(str(header.get(name, ""))) for name in ("apu", "apv"))
    values = (algorithm.encode(), *parties)
    info = b"".join(len(value).to_bytes(4, "big") + value for value in values) + (8 * size).to_bytes(4, "big")
    return hashlib.sha256(b"\0\0\0\1" + shared + info).digest()[:size]


def oaep(key: bytes, recipient: Recipient, *, name: str = "sha256") -> bytes:
    """Encrypt *key* with RSA-OAEP (RFC 8017 section 7.1.1)."""
    size, length = len(unb64(recipient.private["n"])), hashlib.new(name).digest_size
    block = digest(name, b"") + bytes(size - len(key) - 2 * length - 2) + b"\1" + key
    seed = bytes(range(length))
    masked = _xor(block, mgf1(name, seed, len(block)))
    return rsa_raw(b"\0" + _xor(seed, mgf1(name, masked, length)) + masked, recipient)


def pkcs1(key: bytes, recipient: Recipient) -> bytes:
    """Encrypt *key* with RSAES-PKCS1-v1_5 (RFC 8017 section 7.2.1)."""
    size = len(unb64(recipient.private["n"]))
    return rsa_raw(b"\0\2" + b"\1" * (size - len(key) - 3) + b"\0" + key, recipient)


def rsa_raw(block: bytes, recipient: Recipient) -> bytes:
    """Raise *block* to the public exponent."""
    value = pow(int.from_bytes(block, "big"), recipient.number("e"), recipient.number("n"))
    return value.to_bytes(len(unb64(recipient.private["n"])), "big")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def gcm(key: bytes, vector: bytes, content: bytes, header: bytes) -> tuple[bytes, bytes]:
    """Return the ciphertext and the tag of AES GCM (RFC 7518 section 5.3)."""
    sealed = AESGCM(key).encrypt(vector, content, header)
    return sealed[:-16], sealed[-16:]


def cbc(key: bytes, vector: bytes, content: bytes, header: bytes) -> tuple[bytes, bytes]:
    """Return the ciphertext and the tag of AES CBC with HMAC (RFC 7518 section 5.2)."""
    half = len(key) // 2
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(key[half:]), CBC(vector)).encryptor()
    sealed = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    signed = header + vector + sealed + (8 * len(header)).to_bytes(8, "big")
    return sealed, hmac.digest(key[:half], signed, {16: "sha256", 32: "sha512"}[half])[:half]


def wrap(recipient: Recipient, header: Json, key: bytes, shared: bytes | None = None) -> bytes:
    """Return the encrypted key for *recipient*, by the algorithm of the recipient."""
    if recipient.alg == "dir":
        return b""
    if recipient.alg == "RSA-OAEP-256":
        return oaep(key, recipient)
    agreed = agree(recipient) if shared is None else shared
    return aes_key_wrap(derive(agreed, recipient.alg, 32, header), key)


def seal(
    recipient: Recipient,
    content: str | bytes = TOKEN,
    *,
    header: Json | bytes | None = None,
    key: bytes | None = None,
    encrypted_key: bytes | None = None,
    shared: bytes | None = None,
    vector: bytes = VECTOR,
    encrypt: Callable[[bytes, bytes, bytes, bytes], tuple[bytes, bytes]] = gcm,
    tag: Callable[[bytes], bytes] = bytes,
) -> str:
    """Return a JWE for *recipient*, good unless an argument is wrong.

    Args:
        recipient: whose key it is encrypted with.
        content: what is encrypted.
        header: the header, or the octets of one.
        key: the content key.
        encrypted_key: the second part, if it is not the content key encrypted for the recipient.
        shared: the agreed secret that the recipient is to compute.
        vector: the initialization vector.
        encrypt: the content encryption.
        tag: changes the tag.
    """
    written = recipient.header() if header is None else header
    octets = written if isinstance(written, bytes) else dump(written)
    members: Any = written if isinstance(written, Mapping) else recipient.header()
    default = unb64(recipient.private["k"]) if recipient.alg == "dir" else CONTENT_KEY
    content_key = default if key is None else key
    if encrypted_key is None:
        encrypted_key = wrap(recipient, members, content_key, shared)
    protected = b64(octets)
    plain = content if isinstance(content, bytes) else content.encode()
    ciphertext, mark = encrypt(content_key, vector, plain, protected.encode())
    return ".".join((protected, b64(encrypted_key), b64(vector), b64(ciphertext), b64(tag(mark))))


def control(recipient: Recipient) -> Case:
    """Return the good token for *recipient*, which attacks change."""
    return group("control", recipient, "").accept(
        f"jwe-{recipient.name}", seal(recipient), f"No attack: a good token, encrypted with {recipient.alg}."
    )
