"""Base64url without padding (RFC 7515 section 2), and only the one spelling that each value has."""

from binascii import Error, a2b_base64, b2a_base64

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"===", b"==", b"=")


def encode(value: bytes) -> bytes:
    """Write *value* as base64url without padding, in ASCII."""
    return b2a_base64(value, newline=False).rstrip(b"=").translate(_TO_URL)


def decode(text: bytes) -> bytes:
    """Read base64url text, and nothing that merely resembles it.

    Raises:
        ValueError: *text* has padding, white space, a character outside the alphabet, an impossible length, or
            trailing bits that are not zero. So two texts never stand for the same value (RFC 4648 section 3.5).
    """
    try:
        value = a2b_base64(text.translate(_FROM_URL) + _PADDING[len(text) % 4])
    except Error as error:
        raise ValueError("not base64url") from error
    if encode(value) != text:  # the C decoder skips what it does not know; writing it again shows that
        raise ValueError("not base64url")
    return value
