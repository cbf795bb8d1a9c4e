"""The digests by which a store knows API keys and reference tokens, and the IDs that are their beginnings."""

import hashlib
import re

from . import base64url

_ID = 22  # characters at the beginning of a digest: 132 bits, so no two tokens have the same ID
_DIGEST = re.compile(rf"[A-Za-z0-9_-]{{{base64url.length_of(hashlib.sha256().digest_size)}}}")


def digest_of(text: str) -> str:
    """Return the SHA-256 of an API key or a reference token, in base64url: 43 characters.

    One SHA-256 is enough: nobody can guess 32 random bytes.

    Args:
        text: in ASCII.
    """
    return base64url.encode(hashlib.sha256(text.encode("ascii")).digest()).decode()


def id_of(digest: str) -> str:
    """Return the ID for a digest: its first 22 characters. It is not a secret."""
    return digest[:_ID]


def check_digest(digest: object) -> None:
    """Check that *digest* has the form of a digest that :func:`digest_of` returns.

    Raises:
        ValueError: it has another form. The message does not show it.
    """
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError("digest must be a SHA-256 in base64url: 43 characters")
