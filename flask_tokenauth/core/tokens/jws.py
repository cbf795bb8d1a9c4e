"""JSON Web Signatures in compact serialisation (RFC 7515): a strict reader, and a writer that agrees with it.

This module knows nothing about claims. A string can be read in one way only: the key determines the algorithm, the
header never brings a key, and nothing is repaired or ignored.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from ..encoding import base64url
from ..encoding.prefixes import REFRESH_PREFIX
from ..encoding.strict_json import read_object
from ..form_errors import MalformedToken, TokenTooLarge, UnsupportedHeader
from ..keys.key import Key
from ..keys.key_set import KeySet
from ..token_errors import RefreshTokenSent
from .header_forms import FORMS

MAX_TOKEN_BYTES = 8000  # gunicorn refuses a header line over 8190
LARGEST_LIMIT = 1024 * 1024  # bytes, that a setting allows
_LONGEST_HEADER = 8000  # characters, even for longer tokens: it is read slowly, and before the signature is checked
_SCHEME = b"bearer "  # of the Authorization header, which is no part of a token
_SIZE_OF_SCHEME = len(_SCHEME)
_PARTS = 3  # header, payload and signature, RFC 7515 section 7.1


class VerifiedJws(msgspec.Struct, frozen=True):
    """The parts of a token whose signature is good."""

    header: Mapping[str, object]
    payload: bytes
    key: Key  # the key that signed


class Parts(msgspec.Struct, frozen=True):
    """The three parts of a compact serialisation, in base64url (RFC 7515 section 7.1). Nothing is verified."""

    header: bytes
    payload: bytes
    signature: bytes
    signed: bytes  # the header and the payload with the dot between them


class VerifyingKeys(Protocol):
    """Keys to verify with, found by the header of a token."""

    def find_header(self, text: bytes) -> Mapping[str, object] | None:
        """Return the JOSE header that the header segment *text* encodes, if it is remembered, else None."""

    def remember_header(self, text: bytes, header: Mapping[str, object]) -> None:
        """Remember a JOSE header. One of the keys has signed it."""

    def select(self, header: Mapping[str, object]) -> Key:
        """Return the one key that the header names.

        Raises:
            UnknownKey: no key is named.
            WrongAlgorithm: the key has another algorithm than the header.
        """


class SignerFacts(Protocol):
    """The facts of a key on which the length of its tokens depends."""

    @property
    def kid(self) -> str:
        """The key ID."""

    @property
    def algorithm(self) -> str:
        """The value of ``alg``."""

    @property
    def signature_bytes(self) -> int:
        """The length of every signature, in bytes."""


def verify(token: str, keys: KeySet, *, max_bytes: int = MAX_TOKEN_BYTES) -> VerifiedJws:
    """Return the header and the payload of *token*, if a key of *keys* signed it. No claim is checked.

    Args:
        token: the compact serialisation, untrusted. A token without ``kid`` is refused, unless the set has only one
            key.
        keys: the keys to verify with; each has one algorithm.
        max_bytes: the length of the longest token that is read, in bytes.

    Raises:
        TokenError: the token is too large or malformed, none of the keys signed it, its algorithm is not that of the
            key, or it needs an extension (``crit``, ``b64``). ``jwk``, ``jku``, ``x5u`` and ``x5c`` are never used.
    """
    parts = split(token, max_bytes=max_bytes)
    header, key = check_signature(parts, keys)
    return VerifiedJws(header, decode_payload(parts), key)


def split(token: str, *, max_bytes: int = MAX_TOKEN_BYTES) -> Parts:
    """Return the three parts of *token*. Nothing in them is checked.

    Args:
        token: the compact serialisation, untrusted.
        max_bytes: the length of the longest token that is read, in bytes.

    Raises:
        TokenError: the token is too large, or does not have three parts.
    """
    if not isinstance(token, str):
        raise MalformedToken("token", type(token).__name__)
    if len(token) > max_bytes:
        raise TokenTooLarge(len(token), max_bytes)
    octets = token.encode("ascii") if token.isascii() else b""
    pieces = octets.split(b".", _PARTS)
    if len(pieces) != _PARTS:
        if token.startswith(REFRESH_PREFIX):
            raise RefreshTokenSent
        raise MalformedToken("token", _describe(token))
    header, payload, signature = pieces
    return Parts(header, payload, signature, octets[: len(header) + 1 + len(payload)])


def decode_payload(parts: Parts) -> bytes:
    """Return the payload. It is verified only if :func:`check_signature` has accepted the same parts.

    Raises:
        MalformedToken: it is not base64url.
    """
    try:
        return base64url.decode(parts.payload)
    except ValueError as error:
        raise MalformedToken("payload") from error


def check_signature(parts: Parts, keys: VerifyingKeys) -> tuple[Mapping[str, object], Key]:
    """Return the JOSE header, and the key of *keys* that has signed.

    Args:
        parts: as :func:`split` returns them, untrusted.
        keys: the keys to verify with; each has one algorithm.

    Raises:
        TokenError: the header is malformed or needs an extension, or none of the keys signed.
    """
    known = keys.find_header(parts.header)
    header = _read_header(parts.header) if known is None else known
    key = keys.select(header)
    try:
        signature = base64url.decode(parts.signature)
    except ValueError as error:
        raise MalformedToken("signature") from error
    key.verify(parts.signed, signature)
    if known is None:
        keys.remember_header(parts.header, header)
    return header, key


def sign(payload: bytes, key: Key, *, typ: str | None = None) -> str:
    """Return *payload* signed by *key*, in compact serialisation.

    Args:
        payload: any bytes.
        key: the key that signs. The header names its algorithm (``alg``) and its key ID (``kid``).
        typ: the media type for the header. None: the header has no ``typ``.

    Raises:
        InvalidKey: *key* cannot sign.
    """
    return sign_under(write_header(key, typ=typ), payload, key)


def write_header(key: SignerFacts, *, typ: str | None = None) -> bytes:
    """Return the header part of the tokens that *key* signs, with the dot after it.

    Args:
        key: the key that signs. The header names its algorithm (``alg``) and its key ID (``kid``).
        typ: the media type for the header. None: the header has no ``typ``.
    """
    header = {"alg": key.algorithm, "kid": key.kid} | ({} if typ is None else {"typ": typ})
    return base64url.encode(msgspec.json.encode(header)) + b"."


def sign_under(header: bytes, payload: bytes, key: Key) -> str:
    """Return *payload* signed by *key*, in compact serialisation, with a header that was written before.

    Args:
        header: the header part and its dot, as ``write_header`` returns them for *key*. They can be used many times.
        payload: any bytes.
        key: the key that signs.

    Raises:
        InvalidKey: *key* cannot sign.
    """
    signed = header + base64url.encode(payload)
    return (signed + b"." + base64url.encode(key.sign(signed))).decode()


def length_of(header: bytes, payload: bytes, key: SignerFacts) -> int:
    """Return the length of the token that ``sign_under`` makes of the same arguments, in bytes."""
    return len(header) + base64url.length_of(len(payload)) + 1 + base64url.length_of(key.signature_bytes)


def _read_header(part: bytes) -> Mapping[str, object]:
    """Return the JOSE header. Refuse one that would have to be guessed or partly ignored (RFC 7515 section 4)."""
    if len(part) > _LONGEST_HEADER:
        raise MalformedToken("header")
    try:
        header = read_object(base64url.decode(part))
    except ValueError:  # it would quote the header
        raise MalformedToken("header", _find_scheme(part)) from None
    if "alg" not in header:
        raise MalformedToken("header")
    if not all(FORMS[name](value) for name, value in header.items() if name in FORMS):
        raise MalformedToken("header")
    if "crit" in header:
        raise UnsupportedHeader("crit")
    if header.get("b64", True) is not True:
        raise UnsupportedHeader("b64")
    return header


def _describe(token: str) -> str | None:
    """Return words and advice for a string that is not three parts, without repeating it; None if it has dots."""
    no_dots = None if "." in token else "no dot: send access_token as it came; the client may not have it yet"
    return _find_scheme(token[:_SIZE_OF_SCHEME].encode(errors="replace")) or no_dots


def _find_scheme(beginning: bytes) -> str | None:
    is_scheme = beginning[:_SIZE_OF_SCHEME].lower() == _SCHEME
    return "its scheme as well: pass the token without Bearer" if is_scheme else None
