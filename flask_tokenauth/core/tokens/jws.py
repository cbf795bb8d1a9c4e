"""JSON Web Signatures in compact serialisation (RFC 7515): a strict reader, and the writer it agrees with.

Knows nothing of claims. One text has one reading: the key says the algorithm, the header never brings a key, and
nothing is repaired or ignored on the way.
"""

from collections.abc import Callable, Mapping

import msgspec

from ..encoding import base64url
from ..encoding.strict_json import read_object
from ..errors import MalformedToken, TokenTooLarge, UnknownKey, UnsupportedHeader, WrongAlgorithm
from ..keys.key import Key
from ..keys.key_set import KeySet

MAX_TOKEN_BYTES = 8000  # gunicorn refuses a header line over 8190
_LONGEST_HEADER = 8000  # characters, however long a token may be: reading it is slow, and comes before the signature
_DOTS = 2  # header, payload and signature, RFC 7515 section 7.1


class VerifiedJws(msgspec.Struct, frozen=True):
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
    try:
        text = token.encode("ascii")
        header_text, payload_text, signature_text = text.split(b".", _DOTS + 1)
    except ValueError:  # which would hold the token
        raise MalformedToken("token") from None
    known = keys.find_header(header_text)
    header = _read_header(header_text) if known is None else known
    key = keys.find(header.get("kid"))  # type: ignore[arg-type]  # a text or missing, as checked
    if key is None:
        raise UnknownKey
    if header["alg"] != key.algorithm:
        raise WrongAlgorithm(key.algorithm)
    try:
        signature = base64url.decode(signature_text)
    except ValueError as error:
        raise MalformedToken("signature") from error
    key.verify(text[: len(header_text) + 1 + len(payload_text)], signature)
    if known is None:
        keys.remember_header(header_text, header)
    try:
        payload = base64url.decode(payload_text)
    except ValueError as error:
        raise MalformedToken("payload") from error
    return VerifiedJws(header, payload, key)


def sign(payload: bytes, key: Key, *, typ: str | None = None) -> str:
    """Return *payload* signed by *key*, as compact serialisation with the header ``alg``, ``kid`` and *typ* if given.

    Raises:
        InvalidKey: *key* cannot sign.
    """
    return sign_under(write_header(key, typ=typ), payload, key)


def write_header(key: Key, *, typ: str | None = None) -> bytes:
    """Return the header segment of what *key* signs, and the dot after it: ``alg``, ``kid`` and *typ* if given."""
    header = {"alg": key.algorithm, "kid": key.kid} | ({} if typ is None else {"typ": typ})
    return base64url.encode(msgspec.json.encode(header)) + b"."


def sign_under(header: bytes, payload: bytes, key: Key) -> str:
    """Return *payload* signed by *key* under a *header* that :func:`write_header` made for it, to be made only once.

    Raises:
        InvalidKey: *key* cannot sign.
    """
    signed = header + base64url.encode(payload)
    return (signed + b"." + base64url.encode(key.sign(signed))).decode()


def _read_header(text: bytes) -> Mapping[str, object]:
    """Read the JOSE header and refuse what we would have to ignore or guess (RFC 7515 section 4)."""
    if len(text) > _LONGEST_HEADER:
        raise MalformedToken("header")
    try:
        header = read_object(base64url.decode(text))
    except ValueError:  # which quotes what was sent
        raise MalformedToken("header") from None
    if "alg" not in header:
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
