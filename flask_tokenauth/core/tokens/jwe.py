"""Encrypted tokens: a JWS inside a JWE in compact serialisation (RFC 7516, RFC 7519 section 11.2).

The key determines ``alg`` and ``enc``, as it does for signatures. Every rule about the header and all sizes is checked
before anything is decrypted. Nothing is known about the token inside: its signature and its claims must be verified as
if it had come plain.
"""

import json
import string
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from ..encoding import base64url
from ..encoding.strict_json import read_object
from ..encryption_errors import (
    HeaderClaimDiffers,
    MalformedEncryptedToken,
    NoTokenInside,
    UnknownEncryptionKey,
    WrongEncryption,
)
from ..form_errors import TokenTooLarge, UnsupportedHeader
from ..keys.encryption_algorithms import IV_BYTES, TAG_BYTES
from ..keys.encryption_key import EncryptionKey
from ..keys.encryption_keys import EncryptionKeys
from . import jws
from .claims import media_type
from .header_forms import FORMS, is_array_of_strings, is_object, is_string

_DOTS = 4  # header, encrypted key, initialization vector, ciphertext and tag: RFC 7516 section 7.1
_DOTS_INSIDE = 2  # of a JWS
_OF_TOKENS = string.ascii_letters.encode() + string.digits.encode() + b"-_."  # the characters of a JWS
_LONGEST_HEADER = 4096  # characters: it is read slowly, and before anything is decrypted
_PARTS = ("encrypted key", "initialization vector", "ciphertext", "tag")  # after the header
_COORDINATE = base64url.length_of(32)  # characters, of a coordinate on P-256 or X25519
_CONTENT_TYPE = "JWT"  # RFC 7519 section 5.2
_CONTENT_TYPES = frozenset({"jwt", "at+jwt"})


class Opened(NamedTuple):
    """A token that was encrypted. Nothing about it is verified: others may have the key that encrypts, too."""

    text: str  # the token inside: three parts, whose letters are those of base64url
    header: Mapping[str, object]  # of the JWE

    def check_repeated_claims(self, claims: Mapping[str, object]) -> None:
        """Check the claims that the header of the JWE repeats, see :func:`check_repeated_claims`."""
        check_repeated_claims(self.header, claims)


class Decrypted(NamedTuple):
    """The content of a JWE."""

    content: bytes
    header: Mapping[str, object]


class EncrypterFacts(Protocol):
    """The facts of a key on which the length of tokens for it depends, see :class:`EncryptionKey`."""

    @property
    def key_type(self) -> str:
        """``kty``."""

    @property
    def curve(self) -> str | None:
        """``crv``, or None."""

    @property
    def encrypted_key_bytes(self) -> int:
        """The length of the encrypted key of each token, in bytes."""

    def header_members(self) -> dict[str, object]:
        """Return the members that the header of each token for this key has."""


def is_encrypted(token: object) -> bool:
    """Return whether *token* has the five parts of a JWE in compact serialisation, and must be opened first.

    Args:
        token: untrusted. A JWS has three parts, and other tokens have one.
    """
    return isinstance(token, str) and token.count(".") == _DOTS


def open_token(token: str, keys: EncryptionKeys, *, max_bytes: int = jws.MAX_TOKEN_BYTES) -> Opened:
    """Return the token inside an encrypted token. Its signature and its claims must be verified, as of a plain one.

    After that, :func:`check_repeated_claims` compares the header with the claims.

    Args:
        token: the JWE in compact serialisation, untrusted.
        keys: the keys to decrypt with. The one that ``kid`` names is tried, and no other.
        max_bytes: the length of the longest token that is read, in bytes. The token inside is always shorter.

    Raises:
        TokenError: the token is too large or malformed, ``kid`` names no key that can decrypt, ``alg`` or ``enc`` is
            not that of the key, it needs an extension (``crit``, ``zip``), it does not decrypt, or its content is not
            a JWS. ``jwk``, ``jku``, ``x5u`` and ``x5c`` are never used.
    """
    parts = _split(token, max_bytes)
    known = keys.find_header(parts[0])
    header = _read_header(parts[0]) if known is None else known
    content_type = header.get("cty")
    if not isinstance(content_type, str) or media_type(content_type) not in _CONTENT_TYPES:
        raise NoTokenInside
    content = _decrypt(token, parts, header, keys)
    if not _is_like_token(content):
        raise NoTokenInside
    if known is None and "epk" not in header:  # an ephemeral key is another one in each token
        keys.remember_header(parts[0], header)
    return Opened(content.decode("ascii"), header)


def decrypt(token: str, keys: EncryptionKeys, *, max_bytes: int = jws.MAX_TOKEN_BYTES) -> Decrypted:
    """Return the content of a JWE, which may be anything.

    Args:
        token: the JWE in compact serialisation, untrusted.
        keys: the keys to decrypt with. The one that ``kid`` names is tried, and no other.
        max_bytes: the length of the longest token that is read, in bytes.

    Raises:
        TokenError: as :func:`open_token`, except for the content and its type.
    """
    parts = _split(token, max_bytes)
    header = _read_header(parts[0])
    return Decrypted(_decrypt(token, parts, header, keys), header)


def check_repeated_claims(header: Mapping[str, object], claims: Mapping[str, object]) -> None:
    """Check the claims that the header of a JWE repeats (RFC 7519 section 5.3). They are used for nothing else.

    Args:
        header: of the JWE, as :func:`open_token` returns it.
        claims: of the token inside, whose signature is good.

    Raises:
        HeaderClaimDiffers: ``iss``, ``sub`` or ``aud`` of the header is not the claim.
    """
    for name in ("iss", "sub", "aud"):
        if name in header and header[name] != _frozen(claims.get(name)):
            raise HeaderClaimDiffers(name)


def encrypt(token: str, key: EncryptionKey, *, typ: str | None = None) -> str:
    """Return a signed token inside a JWE (RFC 7519 section 11.2: signed, then encrypted).

    Args:
        token: a JWS in compact serialisation.
        key: the key that encrypts. The header names its ``alg``, ``enc`` and ``kid``.
        typ: the media type of the token, for the header too. None: the header has no ``typ``.

    Raises:
        InvalidKey: *key* may not encrypt.
    """
    return key.encrypt(_members(typ), token.encode("ascii"))


def length_of(length: int, key: EncrypterFacts, *, typ: str | None = None) -> int:
    """Return the length of the encrypted token that :func:`encrypt` makes, in bytes.

    Args:
        length: of the token inside, in bytes.
        key: the key that encrypts.
        typ: as for :func:`encrypt`.
    """
    coordinates = {"P-256": ("x", "y"), "X25519": ("x",)}.get(str(key.curve), ())
    point = {"kty": key.key_type, "crv": key.curve} | dict.fromkeys(coordinates, "A" * _COORDINATE)
    header = key.header_members() | _members(typ) | ({"epk": point} if coordinates else {})
    parts = (len(_to_json(header)), key.encrypted_key_bytes, IV_BYTES, length, TAG_BYTES)
    return sum(base64url.length_of(part) for part in parts) + _DOTS


def _is_like_token(content: bytes) -> bool:
    """Return whether *content* has the characters and the parts of a JWS, of which only the signature may be empty."""
    has_parts = content.count(b".") == _DOTS_INSIDE and b".." not in b"." + content
    return has_parts and not content.translate(None, _OF_TOKENS)


def _members(typ: str | None) -> dict[str, object]:
    members: dict[str, object] = {"cty": _CONTENT_TYPE}
    return members if typ is None else members | {"typ": typ}


def _to_json(header: Mapping[str, object]) -> str:
    """Return the header as joserfc writes it."""
    return json.dumps(header, separators=(",", ":"))


def _split(token: str, max_bytes: int) -> list[bytes]:
    if not isinstance(token, str):
        raise MalformedEncryptedToken("form", "a string")
    if len(token) > max_bytes:
        raise TokenTooLarge(len(token), max_bytes)
    if token.count(".") != _DOTS or not token.isascii():
        raise MalformedEncryptedToken("form", "five parts of base64url with dots between them")
    return token.encode("ascii").split(b".")


def _decrypt(token: str, parts: list[bytes], header: Mapping[str, object], keys: EncryptionKeys) -> bytes:
    key = keys.find(str(header.get("kid", "")))
    if key is None or not key.can_decrypt:
        raise UnknownEncryptionKey
    if header["alg"] != key.algorithm or header["enc"] != key.encryption:
        raise WrongEncryption(key.algorithm, key.encryption)
    _check_agreement(header, key)
    sizes = (key.encrypted_key_bytes, IV_BYTES, None, TAG_BYTES)
    for name, part, size in zip(_PARTS, parts[1:], sizes, strict=True):
        _check_part(name, part, size)
    return key.decrypt(token)


def _check_part(name: str, part: bytes, size: int | None) -> None:
    """Check that *part* is base64url of *size* bytes, or of any number of bytes if that is None."""
    try:
        length = base64url.size_of(part)
    except ValueError:
        length = -1
    if length < 0 or size not in (None, length):
        raise MalformedEncryptedToken(name, "base64url" + ("" if size is None else f" of {size} bytes"))


def _check_agreement(header: Mapping[str, object], key: EncryptionKey) -> None:
    """Check the ephemeral key (RFC 7518 section 4.6.1.1). Whether it is a point on the curve is checked with it."""
    if key.curve is None:
        if not header.keys().isdisjoint(_OF_AGREEMENT):
            raise MalformedEncryptedToken("header", f"without epk, apu and apv, as for {key.algorithm}")
        return
    point = header.get("epk")
    coordinates = ("x", "y") if key.key_type == "EC" else ("x",)
    if (
        not isinstance(point, Mapping)
        or point.keys() != {"kty", "crv", *coordinates}
        or (point["kty"], point["crv"]) != (key.key_type, key.curve)
        or not all(_is_coordinate(point[name]) for name in coordinates)
    ):
        raise MalformedEncryptedToken("header", f"with an epk on {key.curve}, and with nothing more in it")


def _is_coordinate(value: object) -> bool:
    return _is_base64url(value) and len(str(value)) == _COORDINATE


def _read_header(part: bytes) -> Mapping[str, object]:
    """Return the JOSE header. Refuse one that would have to be guessed or partly ignored (RFC 7516 section 4).

    Members that are not known here are refused too: they could repeat a claim that is not compared.
    """
    if len(part) > _LONGEST_HEADER:
        raise MalformedEncryptedToken("header", f"of at most {_LONGEST_HEADER} characters")
    try:
        header = read_object(base64url.decode(part))
    except ValueError:  # it would quote the header
        raise MalformedEncryptedToken("header", "a JSON object in base64url, with each name once") from None
    for name in ("crit", "zip"):
        if name in header:
            raise UnsupportedHeader(name)
    if not header.keys() >= {"alg", "enc"}:
        raise MalformedEncryptedToken("header", "with alg and enc")
    if not all(name in _FORMS and _FORMS[name](value) for name, value in header.items()):
        raise MalformedEncryptedToken("header", "of members that are known here, each in its form")
    return header


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _is_base64url(value: object) -> bool:
    try:
        base64url.size_of(value.encode("ascii"))  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return False
    return True


def _is_audience(value: object) -> bool:
    return isinstance(value, str) or is_array_of_strings(value)


_OF_AGREEMENT = frozenset({"epk", "apu", "apv"})  # RFC 7518 section 4.6.1
# All members that a header may have, and their forms (RFC 7516 section 4.1, RFC 7518 section 4.6.1, RFC 7519 section
# 5.3). No key in them is used but the ephemeral one.
_FORMS: Mapping[str, Callable[[object], bool]] = {
    **FORMS,
    "apu": _is_base64url,
    "apv": _is_base64url,
    "aud": _is_audience,
    "enc": is_string,
    "epk": is_object,
    "iss": is_string,
    "sub": is_string,
}
