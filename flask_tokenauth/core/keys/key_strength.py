"""Refuse weak keys: secrets that can be guessed, and keys whose private half can be computed."""

import re
from typing import TYPE_CHECKING

from ..errors import InvalidKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

SECRET_BYTES = 32  # RFC 7518 section 3.2: as long as the hash, SHA-256
DISTINCT_BYTES = 8

RSA_BITS = range(2048, 16384 + 1)  # RFC 7518 section 3.3; with more bits one verification takes milliseconds
RSA_EXPONENTS = range(65537, 2**64, 2)  # NIST SP 800-56B section 6.2, and small enough for a fast verification

# The words of placeholders. A secret is a placeholder if it has only these words, and a few digits between them.
_PLACEHOLDER = (  # compiled for the first secret: that takes as long as to import the whole package
    r"(?:[0-9]{0,4}(?:app|application|at|base64|be|bits?|bytes?|change|default|demo|dev|development|django|do|"
    r"example|flask|for|generated?|here|in|is|it|jwt|key|least|local|long|me|must|my|not|of|or|our|passwords?|"
    r"please|prod|production|random|replace|safe|secrets?|secure|signing|some|something|strings?|super|test|testing|"
    r"that|the|this|to|tokens?|top|use|value|very|with|your))+[0-9]{0,16}"
)
# Secrets printed in the documentation of Flask, its older versions and its tutorials, and on jwt.io.
_PRINTED = frozenset({
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "192b9bdd45ab9ed4d12e236c78afzb9a393ec15f71bbf5dc987d54727823bcbf",
    "5f352379324c22463451387a0aec5d2f",
    "astringsecretatleast256bitslong",
})  # fmt: skip
_NOT_WORDS = r"[^a-z0-9]+"  # compiled for the first secret too
_KEY_BEGINS = (b"ssh-rsa AAAA", b"ssh-ed25519 AAAA", b"ssh-dss AAAA", b"ecdsa-sha2-nistp")  # public keys of OpenSSH
_ANOTHER_KEY = (
    "must be random bytes, got a key or certificate in PEM or OpenSSH's format, which others may have: load it with "
    "TOKENAUTH_KEYS or Key.from_pem"
)

# Modulo each of these primes, every modulus of Infineon's generator is a power of 65537.
_ROCA_PRIMES = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip

_ED25519_P = 2**255 - 19  # the field of X25519 too
_ED25519_ORDER_8_Y = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_ED25519_SMALL_Y = frozenset({0, 1, _ED25519_P - 1, _ED25519_ORDER_8_Y, _ED25519_P - _ED25519_ORDER_8_Y})


def check_secret(secret: bytes) -> None:
    """Refuse a secret that can be guessed.

    Args:
        secret: the secret. The message does not show it.

    Raises:
        InvalidKey: *secret* has fewer than 32 bytes or fewer than 8 different bytes, or it is a known placeholder,
            or a key or certificate in PEM. The message goes on after the name of the setting.
    """
    if _is_key_text(secret):
        raise InvalidKey(_ANOTHER_KEY)
    if _is_placeholder(secret):
        raise InvalidKey("must be random, got a placeholder that is publicly known")
    if len(secret) < SECRET_BYTES:
        raise InvalidKey(f"must be at least {SECRET_BYTES} bytes long, got {len(secret)}")
    if len(set(secret)) < DISTINCT_BYTES:
        raise InvalidKey(f"must have at least {DISTINCT_BYTES} different bytes, got {len(set(secret))}")


def check_hmac(secret: bytes, least: int) -> None:
    """Refuse an HMAC key that is shorter than the hash (RFC 7518 section 3.2), or is another key.

    An attacker who has the public key could sign, if a program took its PEM for a secret (RFC 8725 section 2.1).

    Args:
        secret: the key.
        least: the size of the hash, in bytes.

    Raises:
        InvalidKey: *secret* has fewer than *least* bytes, or is a key or certificate in PEM.
    """
    if _is_key_text(secret):
        raise InvalidKey(f"an HMAC key {_ANOTHER_KEY}")
    if len(secret) < least:
        raise InvalidKey(f"an HMAC key must be at least {least} bytes long, got {len(secret)}")


def _is_key_text(secret: bytes) -> bool:
    return b"-----BEGIN " in secret or secret.lstrip().startswith(_KEY_BEGINS)


def _is_placeholder(secret: bytes) -> bool:
    try:
        string = secret.decode().lower()
    except UnicodeDecodeError:
        return False  # random bytes: in one of some thousands the few letters would make a word
    words = re.sub(_NOT_WORDS, "", string)
    return words in _PRINTED or string.startswith("django-insecure-") or bool(re.fullmatch(_PLACEHOLDER, words))


def check_rsa(modulus: int, exponent: int) -> None:
    """Refuse an RSA key that is weak, or slow to verify with.

    Args:
        modulus: ``n``.
        exponent: ``e``, the public exponent.

    Raises:
        InvalidKey: *modulus* does not have 2048 to 16384 bits, *exponent* is even, under 65537 or over 64 bits, or the
            key is from Infineon's generator, whose keys can be factored (ROCA, CVE-2017-15361). About one good key in
            2^28 is refused for that too.
    """
    if modulus.bit_length() not in RSA_BITS:
        raise InvalidKey(f"an RSA key must have {RSA_BITS[0]} to {RSA_BITS[-1]} bits, got {modulus.bit_length()}")
    if exponent not in RSA_EXPONENTS:
        raise InvalidKey(
            f"the public exponent of an RSA key must be odd, from {RSA_EXPONENTS[0]} to 64 bits: use 65537"
        )
    if all(pow(modulus, _order_of_65537(prime), prime) == 1 for prime in _ROCA_PRIMES):
        raise InvalidKey(
            "an RSA key must not be from a generator whose keys can be factored (ROCA, CVE-2017-15361): make another"
        )


def _order_of_65537(prime: int) -> int:
    """Return the order of 65537 modulo *prime*: a number raised to it is 1 if and only if it is a power of 65537."""
    order, power = 1, 65537 % prime
    while power != 1:
        order, power = order + 1, power * 65537 % prime
    return order


def check_ed25519(public: bytes) -> None:
    """Refuse an Ed25519 public key under which signatures can be made without a private key.

    Args:
        public: the 32 bytes of RFC 8032 section 5.1.2.

    Raises:
        InvalidKey: the point is of small order, or is not in its canonical encoding.
    """
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _ED25519_P or y in _ED25519_SMALL_Y:
        raise InvalidKey(
            "an Ed25519 public key must be a point of large order in its canonical encoding: make another key"
        )


def check_x25519(public: "X25519PublicKey") -> None:
    """Refuse an X25519 public key with which every shared secret is zero (RFC 7748 section 6.1).

    Args:
        public: the key.

    Raises:
        InvalidKey: the point is of small order, or is not in its canonical encoding.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415  # few keys are

    try:
        X25519PrivateKey.generate().exchange(public)
        is_good = int.from_bytes(public.public_bytes_raw(), "little") < _ED25519_P
    except ValueError:  # the shared secret is zero
        is_good = False
    if not is_good:
        raise InvalidKey(
            "an X25519 public key must be a point of large order in its canonical encoding: make another key"
        )
