"""Random strings with a prefix and a checksum: API keys and reference tokens. Only a store can explain them.

The prefix lets people and scanners for secrets recognise one. The checksum shows that a string is complete, so garbage
never reaches the store. It is no protection: anyone can compute it.
"""

import re
import zlib
from secrets import token_bytes

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES = 32
_RANDOM = 43  # characters: the fewest that hold 32 bytes in base62
_CHECKSUM = 6  # characters: the fewest that hold a CRC-32 in base62
_HINT = 4  # characters at the end that people see
LENGTH = _RANDOM + _CHECKSUM  # characters after the prefix
_BODY = re.compile(rf"[0-9A-Za-z]{{{LENGTH}}}")


def make_text(prefix: str) -> str:
    """Return a new string: *prefix*, 32 random bytes, and the CRC-32 of both, in base62.

    Args:
        prefix: of lower-case letters, digits and an underscore at its end.
    """
    text = prefix + _in_base62(int.from_bytes(token_bytes(_RANDOM_BYTES)), _RANDOM)
    return text + _checksum_of(text)


def is_well_formed(text: str, prefix: str) -> bool:
    """Return whether *text* has the form of a string that :func:`make_text` makes, with a good checksum.

    Args:
        text: untrusted; it begins with *prefix*.
        prefix: its beginning.
    """
    has_form = len(text) == len(prefix) + LENGTH and _BODY.fullmatch(text, len(prefix)) is not None
    return has_form and text[-_CHECKSUM:] == _checksum_of(text[:-_CHECKSUM])


def hint_of(text: str, prefix: str) -> str:
    """Return the prefix and the last 4 characters of *text*, by which people know it again."""
    return f"{prefix}…{text[-_HINT:]}"


def expression_for(prefix: str) -> str:
    """Return a regular expression that finds such strings, for scanners for secrets."""
    return rf"\b{prefix}[0-9A-Za-z]{{{LENGTH}}}\b"


def _checksum_of(text: str) -> str:
    return _in_base62(zlib.crc32(text.encode("ascii")), _CHECKSUM)


def _in_base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
