"""Base64url without padding (RFC 7515 section 2). Each value has one spelling, and only that one is decoded."""

from binascii import Error, a2b_base64, b2a_base64

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")  # "!" is in no alphabet, so it is refused
_REFUSAL = "must be base64url without padding, in its one canonical spelling"
_PADDING = (b"", b"===", b"==", b"=")
# The characters that may come last, by the length modulo 4: their trailing bits are zero. No value has length 4n+1.
_LAST = (frozenset(_ALPHABET), frozenset[int](), frozenset(_ALPHABET[::16]), frozenset(_ALPHABET[::4]))


def encode(value: bytes) -> bytes:
    """Return *value* in base64url without padding, as ASCII bytes."""
    return b2a_base64(value, newline=False).rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")


def length_of(size: int) -> int:
    """Return the number of characters that *size* bytes have in base64url without padding."""
    return (size * 4 + 2) // 3


def decode(text: bytes) -> bytes:
    """Return the value that *text* encodes.

    Args:
        text: base64url without padding, as ASCII bytes; untrusted.

    Raises:
        ValueError: *text* has padding, white space, a character outside the alphabet, an impossible length, or
            trailing bits that are not zero. So no two encodings give the same value (RFC 4648 section 3.5).
    """
    remainder = len(text) % 4
    if text and text[-1] not in _LAST[remainder]:
        raise ValueError(_REFUSAL)
    try:
        return a2b_base64(text.translate(_FROM_URL) + _PADDING[remainder], strict_mode=True)
    except Error as error:
        raise ValueError(_REFUSAL) from error


def size_of(text: bytes) -> int:
    """Return the number of bytes that *text* encodes, without decoding it.

    Args:
        text: base64url without padding, as ASCII bytes; untrusted.

    Raises:
        ValueError: as :func:`decode`.
    """
    if (text and text[-1] not in _LAST[len(text) % 4]) or text.translate(None, _ALPHABET):
        raise ValueError(_REFUSAL)
    return len(text) * 3 // 4
