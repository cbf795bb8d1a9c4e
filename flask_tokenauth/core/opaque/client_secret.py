"""Secrets of clients, and the hashes by which the settings keep them (RFC 6749 section 2.3.1).

A secret is made here, of 32 random bytes, so it cannot be guessed: one SHA-256 protects it as well as a slow hash of
passwords would. Strings of another form are never accepted, so a weak secret is refused even if its hash is kept.
"""

import hashlib
import re
from secrets import token_bytes

from ..encoding import base64url
from ..encoding.prefixes import CLIENT_SECRET_PREFIX

HASH_PREFIX = "sha256:"
_BYTES = 32  # random ones in a secret, and as many in a SHA-256
_CHARACTERS = base64url.length_of(_BYTES)
SECRET_LENGTH = len(CLIENT_SECRET_PREFIX) + _CHARACTERS

_SECRET = re.compile(rf"{CLIENT_SECRET_PREFIX}[A-Za-z0-9_-]{{{_CHARACTERS}}}")
_HASH = re.compile(rf"{HASH_PREFIX}([0-9a-fA-F]{{{2 * _BYTES}}})")
HASH_FORM = f"{HASH_PREFIX} and {2 * _BYTES} hexadecimal digits"


def make_client_secret() -> str:
    """Return a new secret: ``cs1_`` and 32 random bytes in base64url."""
    return CLIENT_SECRET_PREFIX + base64url.encode(token_bytes(_BYTES)).decode()


def is_client_secret(text: str) -> bool:
    """Return whether *text* has the form of a secret that :func:`make_client_secret` makes."""
    return _SECRET.fullmatch(text) is not None


def digest_of(secret: str) -> bytes:
    """Return the SHA-256 of a secret, 32 bytes.

    Args:
        secret: has the form of a secret, see :func:`is_client_secret`.
    """
    return hashlib.sha256(secret.encode()).digest()


def write_hash(secret: str) -> str:
    """Return the hash of a secret as it stands in the settings: ``sha256:`` and 64 hexadecimal digits."""
    return HASH_PREFIX + digest_of(secret).hex()


def read_hash(value: object) -> bytes:
    """Return the SHA-256 in *value*, a string of the form that :func:`write_hash` writes; the digits in any case.

    Raises:
        ValueError: it is something else. The message does not show it.
    """
    found = _HASH.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"a hash must be {HASH_FORM}")
    return bytes.fromhex(found[1])
