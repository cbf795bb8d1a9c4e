"""Base64url without padding (RFC 7515 section 2). Each value has one spelling, and only that one is decoded."""

from binascii import b2a_base64

import msgspec

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_STANDARD = _ALPHABET[:-2] + b"+/"
# Into the alphabet of RFC 4648 section 4, which the decoder reads. Any other byte becomes "!", which no alphabet has.
_TO_STANDARD = bytes(_STANDARD[_ALPHABET.index(octet)] if octet in _ALPHABET else ord("!") for octet in range(256))
_REFUSAL = "must be base64url without padding, in its one canonical spelling"
_ENDS = (b'"', b'==="', b'=="', b'="')  # the padding and a quote, by the length modulo 4
_decode_string = msgspec.json.Decoder(bytes).decode  # twice as fast as binascii, and as strict
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
        return _decode_string(b'"' + text.translate(_TO_STANDARD) + _ENDS[remainder])
    except msgspec.DecodeError as error:
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
