"""JSON Web Signatures in compact serialisation (RFC 7515): a strict reader, and the writer it agrees with.

Knows nothing of claims. One text has one reading: the key says the algorithm, the header never brings a key, and
nothing is repaired or ignored on the way.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite

import msgspec

from . import base64url
from .errors import MalformedToken, TokenTooLarge, UnknownKey, UnsupportedHeader, WrongAlgorithm
from .frozen import freeze
from .keys import Key, KeySet

MAX_TOKEN_BYTES = 8000  # gunicorn refuses a header line over 8190
_LONGEST_HEADER = 8000  # characters, however long a token may be: reading it is slow, and comes before the signature
_DOTS = 2  # header, payload and signature, RFC 7515 section 7.1


@dataclass(frozen=True, slots=True)
class VerifiedJws:
    """What a good signature covers."""

    header: Mapping[str, object]
    payload: bytes
    key: Key  # whose signature it is


def verify(token: str, keys: KeySet, *, max_bytes: int = MAX_TOKEN_BYTES) -> VerifiedJws:
    """Return what *token* holds, if a key of *keys* signed it.

    Args:
        token: the compact serialisation, untrusted. Without ``kid`` it is judged only by a set of one key.
        keys: whom to believe; each with its one algorithm.
        max_bytes: a longer token is not looked at.

    Raises:
        TokenError: it is too large, misshapen, signed by none of these keys or under another algorithm than the key's,
            or wants an extension (``crit``, ``b64``). ``jwk``, ``jku``, ``x5u`` and ``x5c`` are never looked at.
    """
    if not isinstance(token, str):
        raise MalformedToken("token")
    if len(token) > max_bytes:
        raise TokenTooLarge(len(token), max_bytes)
    if not token.isascii() or token.count(".") != _DOTS:
        raise MalformedToken("token")
    signed, _, signature_text = token.encode().rpartition(b".")
    header_text, _, payload_text = signed.partition(b".")
    if len(header_text) > _LONGEST_HEADER:
        raise MalformedToken("header")
    header = _read_header(_decode(header_text, "header"))
    key = keys.find(header.get("kid"))  # type: ignore[arg-type]  # a text or missing, as checked
    if key is None:
        raise UnknownKey
    if header["alg"] != key.algorithm:
        raise WrongAlgorithm(key.algorithm)
    key.verify(signed, _decode(signature_text, "signature"))
    return VerifiedJws(header, _decode(payload_text, "payload"), key)


def sign(payload: bytes, key: Key, *, typ: str | None = None) -> str:
    """Return *payload* signed by *key*, as compact serialisation with the header ``alg``, ``kid`` and *typ* if given.

    Raises:
        InvalidKey: *key* cannot sign.
    """
    header = {"alg": key.algorithm, "kid": key.kid} | ({} if typ is None else {"typ": typ})
    signed = base64url.encode(msgspec.json.encode(header)) + b"." + base64url.encode(payload)
    return (signed + b"." + base64url.encode(key.sign(signed))).decode()


def _decode(text: bytes, part: str) -> bytes:
    try:
        return base64url.decode(text)
    except ValueError as error:
        raise MalformedToken(part) from error


def _read_header(data: bytes) -> Mapping[str, object]:
    """Read the JOSE header and refuse what we would have to ignore or guess (RFC 7515 section 4)."""
    try:
        header = freeze(
            json.loads(data.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite)
        )
    except (ValueError, RecursionError):  # which quote what was sent
        raise MalformedToken("header") from None
    if not isinstance(header, Mapping) or "alg" not in header:
        raise MalformedToken("header")
    if not all(_FORMS[name](value) for name, value in header.items() if name in _FORMS):
        raise MalformedToken("header")
    if "crit" in header:
        raise UnsupportedHeader("crit")
    if header.get("b64", True) is not True:
        raise UnsupportedHeader("b64")
    return header


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_array_of_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


# Registered parameters and the form of each (RFC 7515 section 4.1). The keys that some bring are never looked at.
_FORMS: Mapping[str, Callable[[object], bool]] = {
    "alg": _is_text,
    "cty": _is_text,
    "jku": _is_url,
    "jwk": _is_object,
    "kid": _is_text,
    "typ": _is_text,
    "x5c": _is_array_of_texts,
    "x5t": _is_text,
    "x5t#S256": _is_text,
    "x5u": _is_url,
}


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("no finite number")
    return number
