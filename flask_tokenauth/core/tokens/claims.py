"""Claims sets and the policy that judges them (RFC 7519 section 4, RFC 9068 section 2.2, RFC 8725).

The same policy judges what we accept and what we issue, so nothing is signed that we would then refuse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from types import MappingProxyType
from typing import Annotated

import msgspec

from ..encoding.immutable_json import freeze_values
from ..encoding.limits import MAX_IDENTIFIER, YEAR_9999, is_identifier
from ..errors import (
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
from .scopes import parse_scope

RESERVED = frozenset({
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time", "epoch", "cnf",
})  # fmt: skip

_DECODER = msgspec.json.Decoder(dict[str, object])
_TEXTS = ("sub", "jti", "sid", "client_id")
_TIMES = ("exp", "iat", "nbf", "auth_time")


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_IDENTIFIER)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=YEAR_9999)]


class _Plain(msgspec.Struct, frozen=True):
    """The claims that we judge, in the form that nearly all tokens have; those of the application beside them."""

    iss: str
    sub: _Text
    aud: str | tuple[str, ...]
    exp: _Time
    iat: _Time
    jti: _Text
    nbf: _Time = 0
    auth_time: _Time = 0
    sid: _Text = "-"
    epoch: Annotated[int, msgspec.Meta(ge=0)] = 0
    client_id: _Text = "-"
    scope: str = ""
    cnf: msgspec.UnsetType = msgspec.UNSET  # so no value is any good


_MUST = 6  # of them have no default


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsPolicy:
    """What a claims set must say. ``None`` switches a rule off, where another issuer's tokens have no such thing."""

    issuer: str | None  # "iss" must equal it
    audience: frozenset[str] | None  # "aud" must name one of them
    typ: str | None = "at+jwt"  # RFC 9068 section 2.1; compared as a media type
    required: frozenset[str] = frozenset({"iss", "aud", "exp", "iat", "jti", "sub"})
    leeway: timedelta = timedelta(seconds=10)  # clock skew to forgive
    max_lifetime: timedelta | None = timedelta(hours=24)  # from "iat", or from now if there is none, to "exp"
    may_start_later: bool = False  # a token of the future is judged at the time when it becomes valid
    _skew: float = field(init=False, repr=False, compare=False)  # leeway, in seconds
    _longest: float = field(init=False, repr=False, compare=False)  # max_lifetime, in seconds
    _takes_plain: bool = field(init=False, repr=False, compare=False)  # no more than plain claims have

    def __post_init__(self) -> None:
        plain = self.audience is not None and self.required <= frozenset(_Plain.__struct_fields__[:_MUST])
        object.__setattr__(self, "_takes_plain", plain)
        object.__setattr__(self, "_skew", self.leeway.total_seconds())
        object.__setattr__(self, "_longest", inf if self.max_lifetime is None else self.max_lifetime.total_seconds())
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
        if type(claims) is dict and self._is_plainly_good(claims, typ, now):
            return
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

    def _is_plainly_good(self, claims: dict[str, object], typ: str | None, now: float) -> bool:
        """Tell at a glance that the long way of :meth:`check` would accept *claims* as well; False means nothing.

        Raises:
            TokenExpired: it would say so too.
        """
        try:
            plain = msgspec.convert(claims, _Plain)
            parse_scope(plain.scope)
        except (msgspec.ValidationError, ValueError):
            return False
        audience = claims["aud"]
        audience = (audience,) if type(audience) is str else audience
        good = (
            self._takes_plain
            and type(audience) is tuple  # a list would be one that nobody has frozen
            and typ == self.typ
            and plain.iss == self.issuer
            and not self.audience.isdisjoint(audience)  # type: ignore[union-attr]  # with none, nothing is plain
            and plain.iat <= now + self._skew
            and plain.nbf <= now + self._skew
            and plain.exp - plain.iat <= self._longest
            and plain.sub.isprintable()
            and plain.jti.isprintable()
            and plain.sid.isprintable()
            and plain.client_id.isprintable()
        )
        if good and not now < plain.exp + self._skew:
            raise TokenExpired(plain.exp)
        return good

    def _check_times(self, claims: Mapping[str, object], now: float) -> None:
        skew = self._skew
        expires: float = claims["exp"]  # type: ignore[assignment]  # numbers, as checked
        issued: float = claims.get("iat", now)  # type: ignore[assignment]
        not_before: float = claims.get("nbf", now)  # type: ignore[assignment]
        if self.may_start_later:
            now = max(now, issued, not_before)
        # Written so that a clock that is not a number refuses.
        if not issued <= now + skew:
            raise IssuedInFuture(issued)
        if expires - issued > self._longest:
            raise LifetimeTooLong(expires - issued, self._longest)
        if not not_before <= now + skew:
            raise TokenNotYetValid(not_before)
        if not now < expires // 1 + skew:  # "on or after", RFC 7519 section 4.1.4
            raise TokenExpired(expires)

    def span(self, claims: Mapping[str, object]) -> tuple[float, float]:
        """Return between which times claims that this policy has accepted stay acceptable, all else being the same.

        Returns:
            *since*, *until*: they are accepted at *now* if ``since <= now + leeway`` and ``now < until``, both in
            seconds since 1970-01-01T00:00:00Z. Nothing is between them where ``iat`` is missing: then the lifetime
            counts from now, and each time is judged anew.
        """
        if "iat" not in claims:
            return inf, -inf
        issued: float = claims["iat"]  # type: ignore[assignment]  # numbers, as checked
        not_before: float = claims.get("nbf", issued)  # type: ignore[assignment]
        expires: float = claims["exp"]  # type: ignore[assignment]
        return max(issued, not_before), expires // 1 + self._skew


def read_claims(payload: bytes) -> Mapping[str, object]:
    """Read a claims set: one JSON object, its values deeply immutable. Of a name twice the last counts (RFC 7519, 4).

    Raises:
        MalformedToken: this is not UTF-8 or not a JSON object, holds a number out of range, a lone surrogate, or is
            nested deeper than 32.
    """
    return MappingProxyType(decode_claims(payload))


def decode_claims(payload: bytes) -> dict[str, object]:
    """Read what :func:`read_claims` reads into a dict that is still to be closed; raises what that raises."""
    try:
        return freeze_values(_DECODER.decode(payload))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedToken("payload") from error


def read_audience(claims: Mapping[str, object]) -> frozenset[str]:
    """Return ``aud`` as a set; none where it is missing (RFC 7519 section 4.1.3: a text or an array of texts).

    Raises:
        MalformedClaim: it is something else.
    """
    audience = claims.get("aud", ())
    if isinstance(audience, str):
        return frozenset((audience,))
    if not isinstance(audience, tuple) or not all(isinstance(each, str) for each in audience):
        raise MalformedClaim("aud")
    return frozenset(audience)


def check_text(name: str, value: object) -> None:
    """Refuse an identifier that is not a text of 1 to 255 characters without control characters and surrogates.

    Raises:
        MalformedClaim: it is not.
    """
    if not is_identifier(value):
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
    epoch = claims.get("epoch", 0)
    if not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 0:
        raise MalformedClaim("epoch")
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
