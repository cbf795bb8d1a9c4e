"""Private and public keys, as ``cryptography`` has them: make a private key, and find the kind of a public one."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from .algorithms import Algorithm

_CURVES: dict[str, type[ec.EllipticCurve]] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_OTHER_KINDS = {
    "Ed25519": "an Ed25519 key",
    "Ed448": "an Ed448 key",
    "X25519": "an X25519 key",
    "X448": "an X448 key",
    "DSA": "a DSA key",
    "DH": "a DH key",
}  # by the names of the classes in cryptography


def generate_private(algorithm: Algorithm) -> Any:
    """Make a new private key: 2048 bits of RSA, or a key on the curve."""
    if algorithm.key_type == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm.key_type == "EC":
        return ec.generate_private_key(_CURVES[str(algorithm.curve)]())
    return (x25519.X25519PrivateKey if algorithm.curve == "X25519" else ed25519.Ed25519PrivateKey).generate()


def kind_of(public: Any) -> str | None:
    """Return "RSA", or the JWK name of the curve. Return None if no supported algorithm uses such a key."""
    if isinstance(public, rsa.RSAPublicKey):
        return "RSA"
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "Ed25519"
    return _CURVE_NAMES.get(public.curve.name) if isinstance(public, ec.EllipticCurvePublicKey) else None


def describe(public: Any) -> str:
    """Return the kind of a public key in words, such as "an Ed25519 key", for error messages."""
    if isinstance(public, rsa.RSAPublicKey):
        return "an RSA key"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return f"an EC key on {_CURVE_NAMES.get(public.curve.name, public.curve.name)}"
    return _OTHER_KINDS.get(type(public).__name__.rpartition("PublicKey")[0], "a key of another kind")
