"""Claims sets and the policy that judges them (RFC 7519 section 4, RFC 9068 section 2.2, RFC 8725).

The same policy judges what we accept and what we issue, so nothing is signed that we would then refuse.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import cast

import msgspec

from .errors import (
    IssuedInFuture,
    LifetimeTooLong,
    MalformedClaim,
    MalformedToken,
    MissingClaim,
    TokenExpired,
    TokenNotYetValid,
    UnprovenBinding,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from .frozen import freeze
from .scopes import parse_scope

RESERVED = frozenset({
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time", "epoch", "cnf",
})  # fmt: skip
YEAR_9999 = 253402300799  # the last second that datetime knows
MAX_TEXT = 255  # characters of an identifier

_DECODER = msgspec.json.Decoder(dict[str, object])
_TEXTS = ("sub", "jti", "sid", "client_id")
_TIMES = ("exp", "iat", "nbf", "auth_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsPolicy:
    """What a claims set must say. ``None`` switches a rule off, where another issuer's tokens have no such thing."""

    issuer: str | None  # "iss" must equal it
    audience: frozenset[str] | None  # "aud" must name one of them
    typ: str | None = "at+jwt"  # RFC 9068 section 2.1; compared as a media type
    required: frozenset[str] = frozenset({"iss", "aud", "exp", "iat", "jti", "sub"})
    leeway: timedelta = timedelta(seconds=10)  # clock skew to forgive
    max_lifetime: timedelta | None = timedelta(hours=24)  # between "iat", or now where there is none, and "exp"

    def __post_init__(self) -> None:
        if not {"exp", "sub"} <= self.required:
            raise ValueError('"exp" and "sub" are always required: a token ends, and is somebody\'s')
        if self.audience is not None and not _is_audience(self.audience):
            raise ValueError("audience is a frozenset of at least one text, none of them empty")
        if self.typ == "" or self.leeway < timedelta(0):
            raise ValueError("typ is no empty text, and leeway not below zero")

    def check(self, claims: Mapping[str, object], *, typ: str | None, now: float) -> None:
        """Refuse a claims set that breaks this policy.

        Args:
            claims: as :func:`read_claims` returns them. The signature has been checked.
            typ: of the header, or None where it has none.
            now: seconds since 1970-01-01T00:00:00Z.

        Raises:
            TokenError: which one says what is wrong; ``exp`` is judged last, so that "expired" is only told of tokens
                that were good.
        """
        if self.typ is not None and _media_type(typ or "") != _media_type(self.typ):
            raise WrongType
        if "cnf" in claims:
            raise UnprovenBinding
        for name in sorted(self.required - claims.keys()):
            raise MissingClaim(name)
        _check_forms(claims)
        if self.issuer is not None and claims.get("iss") != self.issuer:
            raise WrongIssuer
        if self.audience is not None and self.audience.isdisjoint(read_audience(claims)):
            raise WrongAudience
        self._check_times(claims, now)

    def _check_times(self, claims: Mapping[str, object], now: float) -> None:
        skew = self.leeway.total_seconds()
        times = {name: float(claims[name]) for name in _TIMES if name in claims}  # type: ignore[arg-type]  # numbers, as checked
        issued = times.get("iat", now)
        # Written so that a clock that is not a number refuses.
        if not issued <= now + skew:
            raise IssuedInFuture(issued)
        if self.max_lifetime is not None:
            lifetime, limit = times["exp"] - issued, self.max_lifetime.total_seconds()
            if lifetime > limit:
                raise LifetimeTooLong(lifetime, limit)
        if not times.get("nbf", now) <= now + skew:
            raise TokenNotYetValid(times["nbf"])
        if not now < floor(times["exp"]) + skew:  # "on or after", RFC 7519 section 4.1.4
            raise TokenExpired(times["exp"])


def read_claims(payload: bytes) -> Mapping[str, object]:
    """Read a claims set: one JSON object, its values deeply immutable. Of a name twice the last counts (RFC 7519, 4).

    Raises:
        MalformedToken: this is not UTF-8 or not a JSON object, holds a number out of range, a lone surrogate, or is
            nested deeper than 32.
    """
    try:
        return cast("Mapping[str, object]", freeze(_DECODER.decode(payload)))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedToken("payload") from error


def read_audience(claims: Mapping[str, object]) -> frozenset[str]:
    """Return ``aud`` as a set; none where it is missing (RFC 7519 section 4.1.3: a text or an array of texts).

    Raises:
        MalformedClaim: it is something else.
    """
    audience = claims.get("aud", ())
    entries = (audience,) if isinstance(audience, str) else audience
    if not isinstance(entries, tuple) or not all(isinstance(each, str) for each in entries):
        raise MalformedClaim("aud")
    return frozenset(entries)


def check_text(name: str, value: object) -> None:
    """Refuse an identifier that is not a text of 1 to 255 characters without control characters and surrogates.

    Raises:
        MalformedClaim: it is not.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise MalformedClaim(name)
    if not value.isprintable() and any(unicodedata.category(each) in ("Cc", "Cs") for each in value):
        raise MalformedClaim(name)


def check_time(name: str, value: object) -> None:
    """Refuse a NumericDate (RFC 7519 section 2) that is no finite number from 0 to the end of the year 9999.

    Raises:
        MalformedClaim: it is not; a boolean is not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= YEAR_9999:
        raise MalformedClaim(name)


def _check_forms(claims: Mapping[str, object]) -> None:
    for name in _TEXTS:
        if name in claims:
            check_text(name, claims[name])
    for name in _TIMES:
        if name in claims:
            check_time(name, claims[name])
    if not isinstance(claims.get("iss", ""), str):
        raise MalformedClaim("iss")
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise MalformedClaim("scope")
    try:
        parse_scope(scope)
    except ValueError as error:
        raise MalformedClaim("scope") from error


def _is_audience(value: object) -> bool:
    return isinstance(value, frozenset) and bool(value) and all(isinstance(each, str) and each for each in value)


def _media_type(typ: str) -> str:
    """Return *typ* as it compares: ASCII, without case and "application/" (RFC 7515 section 4.1.9)."""
    return typ.lower().removeprefix("application/") if typ.isascii() else typ
