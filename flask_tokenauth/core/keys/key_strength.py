"""What is too weak to protect anyone: secrets that can be guessed, keys that can be computed."""

import re

from ..errors import InvalidKey

SECRET_BYTES = 32  # RFC 7518 section 3.2: a key of the size of the hash, SHA-256
DISTINCT_BYTES = 8

RSA_BITS = range(2048, 16384 + 1)  # RFC 7518 section 3.3; above it a single check costs a worker milliseconds
RSA_EXPONENTS = range(65537, 2**64, 2)  # NIST SP 800-56B section 6.2, and small enough to be checked quickly

# Words that placeholders are made of, with a few digits between; a secret of nothing else is one.
_PLACEHOLDER = (  # compiled when the first secret is judged, since that takes as long as importing all the rest
    r"(?:[0-9]{0,4}(?:app|application|at|base64|be|bits?|bytes?|change|default|demo|dev|development|django|do|"
    r"example|flask|for|generated?|here|in|is|it|jwt|key|least|local|long|me|must|my|not|of|or|our|passwords?|"
    r"please|prod|production|random|replace|safe|secrets?|secure|signing|some|something|strings?|super|test|testing|"
    r"that|the|this|to|tokens?|top|use|value|very|with|your))+[0-9]{0,16}"
)
# Printed in the documentation of Flask, of its older versions and of its tutorials, and on jwt.io.
_PRINTED = frozenset({
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "192b9bdd45ab9ed4d12e236c78afzb9a393ec15f71bbf5dc987d54727823bcbf",
    "5f352379324c22463451387a0aec5d2f",
    "astringsecretatleast256bitslong",
})  # fmt: skip
_NOT_WORDS = r"[^a-z0-9]+"  # compiled then, too

# The primes for which Infineon's generator leaves its mark: every modulus is a power of 65537 modulo each of them.
_ROCA_PRIMES = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip

_ED25519_P = 2**255 - 19
_ED25519_ORDER_8_Y = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_ED25519_SMALL_Y = frozenset({0, 1, _ED25519_P - 1, _ED25519_ORDER_8_Y, _ED25519_P - _ED25519_ORDER_8_Y})


def check_secret(secret: bytes) -> None:
    """Refuse a secret that people choose: short, of few characters, or a placeholder that many applications share.

    Raises:
        InvalidKey: *secret* is under 32 bytes, has fewer than 8 distinct ones, or is a known placeholder.
    """
    if _is_placeholder(secret):
        raise InvalidKey("is a placeholder that others know")
    if len(secret) < SECRET_BYTES:
        raise InvalidKey(f"is {len(secret)} bytes long; {SECRET_BYTES} are the least")
    if len(set(secret)) < DISTINCT_BYTES:
        raise InvalidKey(f"has fewer than {DISTINCT_BYTES} distinct characters")


def check_hmac(secret: bytes, least: int) -> None:
    """Refuse an HMAC key shorter than *least* bytes: the size of the hash (RFC 7518 section 3.2).

    Raises:
        InvalidKey: it is.
    """
    if len(secret) < least:
        raise InvalidKey(f"HMAC key is {len(secret)} bytes long; {least} are the least")


def _is_placeholder(secret: bytes) -> bool:
    try:
        text = secret.decode().lower()
    except UnicodeDecodeError:
        return False  # random bytes; of one in thousands the few that are letters would make a word
    words = re.sub(_NOT_WORDS, "", text)
    return words in _PRINTED or text.startswith("django-insecure-") or bool(re.fullmatch(_PLACEHOLDER, words))


def check_rsa(modulus: int, exponent: int) -> None:
    """Refuse an RSA key that is short, slow to check, or of the generator that ROCA broke (CVE-2017-15361).

    Raises:
        InvalidKey: *modulus* is not of 2048 to 16384 bits, *exponent* is even, under 65537 or over 64 bits, or the
            modulus has the fingerprint of Infineon's primes (chance for a sound key: about 1 in 2^28).
    """
    if modulus.bit_length() not in RSA_BITS:
        raise InvalidKey(f"RSA key of {modulus.bit_length()} bits; {RSA_BITS[0]} to {RSA_BITS[-1]} are taken")
    if exponent not in RSA_EXPONENTS:
        raise InvalidKey("RSA public exponent must be odd, from 65537 to 64 bits")
    if all(pow(modulus, _order_of_65537(prime), prime) == 1 for prime in _ROCA_PRIMES):
        raise InvalidKey("RSA key made by a generator whose keys can be factored (ROCA, CVE-2017-15361)")


def _order_of_65537(prime: int) -> int:
    """Return the size of the group that 65537 generates modulo *prime*; being cyclic, its members are told by it."""
    order, power = 1, 65537 % prime
    while power != 1:
        order, power = order + 1, power * 65537 % prime
    return order


def check_ed25519(public: bytes) -> None:
    """Refuse an Ed25519 public key for which signatures can be made without knowing anything.

    Args:
        public: the 32 bytes of RFC 8032 section 5.1.2.

    Raises:
        InvalidKey: the point is of small order, or is not written in the one canonical way.
    """
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _ED25519_P or y in _ED25519_SMALL_Y:
        raise InvalidKey("Ed25519 public key of small order, or not in canonical form")
