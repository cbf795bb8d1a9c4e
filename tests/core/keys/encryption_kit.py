"""Shared by the tests of encrypted tokens: an encryption key of each kind that is offered, made once."""

from flask_tokenauth.core.keys.encryption_key import EncryptionKey

from .kit import EC, RSA, SECRET

Jwk = dict[str, object]


def make(name: str, material: Jwk, alg: str) -> Jwk:
    """Return the private JWK of an encryption key of *material*."""
    members = {member: value for member, value in material.items() if member not in ("alg", "use", "kid")}
    return members | {"kid": name, "alg": alg, "use": "enc"}


_K = EncryptionKey.generate("dir").to_jwk(private=True)
JWKS: dict[str, Jwk] = {
    "dir": make("dir", _K, "dir"),
    "rsa": make("rsa", RSA.to_jwk(private=True), "RSA-OAEP-256"),
    "p-256": make("p-256", EC.to_jwk(private=True), "ECDH-ES+A256KW"),
    "x25519": EncryptionKey.generate("ECDH-ES+A256KW", curve="X25519", kid="x25519").to_jwk(private=True),
}
KEYS = {name: EncryptionKey.from_jwk(jwk) for name, jwk in JWKS.items()}
ASYMMETRIC = ("rsa", "p-256", "x25519")
SECRET_32 = SECRET[:32]


def jwk_of(name: str, **changes: object) -> Jwk:
    """Return the private JWK of a key with *changes*. The value ``...`` leaves a member out."""
    return {member: value for member, value in (JWKS[name] | changes).items() if value is not ...}


def public_of(name: str, **changes: object) -> Jwk:
    """Return the public JWK of a key with *changes*."""
    return {member: value for member, value in (KEYS[name].to_jwk() | changes).items() if value is not ...}
