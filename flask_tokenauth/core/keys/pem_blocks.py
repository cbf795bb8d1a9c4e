"""Split PEM text into its blocks (RFC 7468). Lines of public keys of OpenSSH are blocks too."""

import re
from binascii import a2b_base64
from dataclasses import dataclass, field

from ..errors import InvalidKey

OPENSSH_PUBLIC = "OPENSSH PUBLIC KEY"  # the label that such a line gets here; no file has it
_MAX_BLOCKS = 100
_LINE = 64  # characters
# Also in two or four characters, as in environment variables, and with more backslashes, if it was escaped twice.
_LINE_END = r"(?:\\{1,4}r)?\\{1,4}n|\r\n?"
_BEGIN = "-----BEGIN "
_BLOCK = r"(?s)([A-Z0-9. ]{1,40})-----(.*?)-----END \1-----"  # after BEGIN; compiled when PEM text is read
_OPENSSH_LINE = r"\s*(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp(?:256|384|521)|sk-[\w@.-]+) AAAA"
_IN_BASE64 = r"\s*LS0tLS1CRUdJTi"  # "-----BEGIN " in base64
_BASE64 = (
    "PEM text must have a line -----BEGIN …-----, got the base64 of PEM text: decode it once, for example with: "
    "base64 -d FILE"
)
_NO_PEM = (
    "PEM text must have a line -----BEGIN …-----, got none: pass the content of the file, such as Path(…).read_text(), "
    "not its path; convert a file in DER with: openssl pkey -inform DER -in FILE"
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of PEM text.

    Attributes:
        position: its number among the blocks, from 1.
        count: the number of all blocks.
        label: the words after BEGIN.
        pem: the block in lines of 64 characters, or the line of OpenSSH.
    """

    position: int
    count: int
    label: str
    pem: bytes = field(repr=False)

    @property
    def der(self) -> bytes:
        """The DER of a block that has been read before."""
        return a2b_base64(b"".join(line for line in self.pem.splitlines()[1:-1] if b":" not in line))  # no headers

    def refuse(self, message: object) -> InvalidKey:
        """Return the error with *message* about this block. It has the number of the block if there are several."""
        return InvalidKey(f"block {self.position} of {self.count}: {message}" if self.count > 1 else str(message))


def is_pem(text: str) -> bool:
    """Return whether *text* is meant as PEM text or as a public key of OpenSSH."""
    return "-----BEGIN" in text or re.match(_OPENSSH_LINE, text) is not None


def is_base64_of_pem(text: str) -> bool:
    """Return whether *text* is PEM text that was encoded once more."""
    return re.match(_IN_BASE64, text) is not None


def split(text: str) -> list[Block]:
    """Return the blocks of *text*.

    White space within a block does not matter. The ends of its lines may be written as ``\\n`` or ``\\r\\n`` in two or
    four characters.

    Args:
        text: PEM text, or lines with public keys of OpenSSH.

    Raises:
        InvalidKey: there is no block, there are more than 100, or one does not end. The message has no part of *text*.
    """
    if is_base64_of_pem(text):
        raise InvalidKey(_BASE64)
    text = re.sub(_LINE_END, "\n", text)
    blocks = text.split(_BEGIN)[1:]  # a block ends before the next one begins: no text is searched twice
    if not blocks and re.match(_OPENSSH_LINE, text):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        _check_count(len(lines))
        return [
            Block(i, len(lines), OPENSSH_PUBLIC, line.encode("ascii", "replace")) for i, line in enumerate(lines, 1)
        ]
    if not blocks:
        raise InvalidKey(_NO_PEM)
    _check_count(len(blocks))
    return [_read_block(block, i, len(blocks)) for i, block in enumerate(blocks, 1)]


def _check_count(count: int) -> None:
    if count > _MAX_BLOCKS:
        raise InvalidKey(
            f"PEM text must have 1 to {_MAX_BLOCKS} blocks, each from -----BEGIN …----- to -----END …-----, got {count}"
        )


def _read_block(text: str, position: int, count: int) -> Block:
    """Return the block that *text* begins with, after the word BEGIN."""
    found = re.match(_BLOCK, text)
    if found is None:
        place = f" (block {position} of {count})" if count > 1 else ""
        raise InvalidKey(
            "each block of PEM text must end as it began, from -----BEGIN …----- to -----END …-----, got one "
            f"that does not{place}: check that the PEM text is complete"
        )
    return Block(position, count, found[1], _wrap(found[1], found[2]))


def _wrap(label: str, body: str) -> bytes:
    """Return the block with lines of 64 characters. Blocks with headers, as OpenSSL wrote them, keep their lines."""
    if ":" in body:
        lines = [line.strip() for line in body.strip().splitlines()]
    else:
        base64 = "".join(body.split())
        lines = [base64[start : start + _LINE] for start in range(0, len(base64), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode("ascii", "replace")
