"""Base64url without padding (RFC 7515 section 2), and only the one spelling that each value has."""

from binascii import Error, a2b_base64, b2a_base64

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")  # nothing reads "!"
_PADDING = (b"", b"===", b"==", b"=")
# The last character of a text of 4n, (impossible) 4n+1, 4n+2 and 4n+3: its trailing bits are zero.
_LAST = (frozenset(_ALPHABET), frozenset[int](), frozenset(_ALPHABET[::16]), frozenset(_ALPHABET[::4]))


def encode(value: bytes) -> bytes:
    """Write *value* as base64url without padding, in ASCII."""
    return b2a_base64(value, newline=False).rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")


def decode(text: bytes) -> bytes:
    """Read base64url text, and nothing that merely resembles it.

    Raises:
        ValueError: *text* has padding, white space, a character outside the alphabet, an impossible length, or
            trailing bits that are not zero. So two texts never stand for the same value (RFC 4648 section 3.5).
    """
    over = len(text) % 4
    if text and text[-1] not in _LAST[over]:
        raise ValueError("not base64url")
    try:
        return a2b_base64(text.translate(_FROM_URL) + _PADDING[over], strict_mode=True)
    except Error as error:
        raise ValueError("not base64url") from error
