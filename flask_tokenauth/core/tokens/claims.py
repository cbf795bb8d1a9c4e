"""Claims sets and their policy (RFC 7519 section 4, RFC 9068 section 2.2, RFC 8725).

The same policy checks the tokens that come in and the tokens that are issued. So no token is signed that would be
refused later.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from types import MappingProxyType

import msgspec

from ..claim_errors import (
    IssuedInFuture,
    LifetimeTooLong,
    MalformedClaim,
    MissingClaim,
    TokenExpired,
    TokenNotYetValid,
    UnprovenBinding,
    WrongAudience,
    WrongIssuer,
)
from ..encoding.immutable_json import freeze_values
from ..encoding.limits import MAX_IDENTIFIER, YEAR_9999, is_identifier, is_time
from ..form_errors import MalformedToken
from ..token_errors import WrongType
from .audience import parse_audience
from .delegation import ACT, ACT_FORM, PARENT, PARENT_FORM, is_act, is_parent
from .fast_path import REQUIRED, FastPath
from .scopes import parse_scope
from .ticket_paths import MAX_PATH, is_path

RESERVED = frozenset({
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time", "epoch", "cnf",
    "ticket_path", "act", "may_act", "parent",
})  # fmt: skip
TICKET_PATH = "ticket_path"  # the path that a ticket opens

# The default of "required". Without a rule for the issuer or the audience, it does not have "iss" or "aud".
LONGEST_LEEWAY = timedelta(minutes=5)  # that a setting allows
_USUALLY_REQUIRED = frozenset({"iss", "aud", "exp", "iat", "jti", "sub"})
# Claims of RFC 9068 that decide nothing here. In tokens of another type they may have another form.
_OF_THE_PROFILE = frozenset({"client_id", "auth_time"})
_OF_TICKETS = frozenset({TICKET_PATH})  # checked only if it is required
# Claims whose form is checked in the tokens of all issuers, and claims whose form is checked in our own tokens alone.
_OF_ALL_ISSUERS = frozenset({"iss", "exp", "iat", "nbf"})
_OURS = frozenset({"sub", "scope", "sid", "epoch", ACT, PARENT})
_TWICE = 2
_ESCAPED = rb"\\u00(?:69|73)"  # the letters of "iss"; compiled at the first use
_DECODER = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsPolicy:
    """The rules for a claims set. ``None`` switches a rule off, for an issuer whose tokens have no such claim.

    If *issuer* or *audience* is None, ``iss`` or ``aud`` may be missing, unless you name it in *required* yourself. The
    claims ``client_id`` and ``auth_time`` are checked only if *typ* is ``at+jwt`` or they are required: other issuers
    use these names in their own way. With *is_foreign* that is so for ``jti`` too, whatever *typ* is, and the forms of
    ``sub``, ``scope``, ``sid``, ``epoch``, ``act`` and ``parent`` are not checked.

    Raises:
        ValueError: a rule makes no sense, or ``exp`` or (unless *is_foreign*) ``sub`` is not required.
    """

    issuer: str | None  # "iss" must equal it
    audience: frozenset[str] | None  # "aud" must have one of them
    typ: str | None = "at+jwt"  # RFC 9068 section 2.1; compared as a media type
    required: frozenset[str] = _USUALLY_REQUIRED
    leeway: timedelta = timedelta(seconds=10)  # clock skew to forgive
    max_lifetime: timedelta | None = timedelta(hours=24)  # from "iat", or from now if there is none, to "exp"
    may_start_later: bool = False  # if True, a token of the future is checked at the time when it becomes valid
    is_foreign: bool = False  # if True, "sub" may be missing, and claims that this library writes may have any form
    _skew: float = field(init=False, repr=False, compare=False)  # leeway, in seconds
    _longest: float = field(init=False, repr=False, compare=False)  # max_lifetime, in seconds
    _fast_path: FastPath | None = field(init=False, repr=False, compare=False)  # None for an unusual policy

    def __post_init__(self) -> None:
        if self.required is _USUALLY_REQUIRED:  # an equal set that the caller made is a wish, and stays as it is
            off = {name for name, rule in (("iss", self.issuer), ("aud", self.audience)) if rule is None}
            object.__setattr__(self, "required", _USUALLY_REQUIRED - off if off else _USUALLY_REQUIRED)
        object.__setattr__(self, "_skew", self.leeway.total_seconds())
        object.__setattr__(self, "_longest", inf if self.max_lifetime is None else self.max_lifetime.total_seconds())
        if missing := {"exp", *(() if self.is_foreign else ("sub",))} - self.required:
            names = " and ".join(sorted(missing))
            raise ValueError(f"required must have exp and sub, it lacks {names}: every token ends and has a subject")
        if self.audience is not None and not _is_audience(self.audience):
            raise ValueError("audience must be a frozenset of strings, at least one and none empty, or None")
        if self.typ == "":
            raise ValueError('typ must be a media type or None, got ""')
        if self.leeway < timedelta(0):
            raise ValueError(f"leeway must not be negative, got {self.leeway}")
        object.__setattr__(self, "_fast_path", self._find_fast_path())

    def _find_fast_path(self) -> FastPath | None:
        if self.issuer is None or self.audience is None or not self.required <= REQUIRED:
            return None
        return FastPath(self.issuer, self.audience, self.typ)

    def check(self, claims: Mapping[str, object], *, typ: str | None, now: float) -> None:
        """Refuse a claims set that breaks this policy.

        Args:
            claims: the claims as ``read_claims`` returns them, untrusted. The signature has been checked.
            typ: ``typ`` of the header, or None if the header has none.
            now: the current time, seconds since 1970-01-01T00:00:00Z.

        Raises:
            TokenError: the class and its ``reason`` name the broken rule. ``exp`` is checked last, so ``TokenExpired``
                means that the token was good once.
        """
        if self._fast_path is None or not self._fast_path.accepts(claims, typ):
            self._check_all_but_times(claims, typ)
        self._check_times(claims, now)

    def _check_all_but_times(self, claims: Mapping[str, object], typ: str | None) -> None:
        if self.typ is not None and media_type(typ or "") != media_type(self.typ):
            raise WrongType
        if "cnf" in claims:
            raise UnprovenBinding
        if not claims.keys() >= self.required:
            raise MissingClaim(min(self.required - claims.keys()))
        for name, is_well_formed, must_be in _FORMS:
            if name in claims and not is_well_formed(claims[name]) and self._must_be_well_formed(name):
                raise MalformedClaim(name, must_be)
        if self.issuer is not None and claims.get("iss") != self.issuer:
            raise WrongIssuer
        if self.audience is not None and self.audience.isdisjoint(read_audience(claims)):
            raise WrongAudience

    def _must_be_well_formed(self, name: str) -> bool:
        if name in _OF_TICKETS:
            return name in self.required
        if self.is_foreign:
            return name in _OF_ALL_ISSUERS or (name in self.required and name not in _OURS)
        is_profile = self.typ is not None and media_type(self.typ) == "at+jwt"
        return is_profile or name in self.required or name not in _OF_THE_PROFILE

    def _check_times(self, claims: Mapping[str, object], now: float) -> None:
        skew = self._skew
        expires: float = claims["exp"]  # type: ignore[assignment]  # numbers, as checked
        issued: float = claims.get("iat", now)  # type: ignore[assignment]
        not_before: float = claims.get("nbf", now)  # type: ignore[assignment]
        if self.may_start_later:
            now = max(now, issued, not_before)
        # Each comparison is written so that a clock that is not a number refuses.
        if not issued <= now + skew:
            raise IssuedInFuture(issued)
        if expires - issued > self._longest:
            raise LifetimeTooLong(expires - issued, self._longest)
        if not not_before <= now + skew:
            raise TokenNotYetValid(not_before)
        if not now < expires // 1 + skew:  # "on or after", RFC 7519 section 4.1.4
            raise TokenExpired(expires)

    def span(self, claims: Mapping[str, object]) -> tuple[float, float]:
        """Return the times between which this policy accepts claims that it has accepted once.

        At *now* the claims are accepted if ``since <= now + leeway`` and ``now < until``. Without ``iat`` there is no
        time between them: the lifetime counts from now, so the claims must be checked each time.

        Args:
            claims: the claims, which passed ``check``.

        Returns:
            *since* and *until*, in seconds since 1970-01-01 in UTC.
        """
        if "iat" not in claims:
            return inf, -inf
        issued: float = claims["iat"]  # type: ignore[assignment]  # numbers, as checked
        not_before: float = claims.get("nbf", issued)  # type: ignore[assignment]
        expires: float = claims["exp"]  # type: ignore[assignment]
        return max(issued, not_before), expires // 1 + self._skew


def read_claims(payload: bytes) -> Mapping[str, object]:
    """Return the claims set in a payload: one JSON object, deeply immutable.

    If a name comes twice, the last value counts (RFC 7519 section 4). No signature and no claim is checked.

    Args:
        payload: the decoded payload of a token, untrusted.

    Raises:
        MalformedToken: the payload is not UTF-8 or not a JSON object, has a number out of range or a lone surrogate, or
            is nested more than 32 deep.
    """
    return MappingProxyType(decode_claims(payload))


def decode_claims(payload: bytes) -> dict[str, object]:
    """Return the claims set in a payload as a dict whose values are deeply immutable.

    Args:
        payload: the decoded payload of a token, untrusted.

    Raises:
        MalformedToken: the payload is not UTF-8 or not a JSON object, has a number out of range or a lone surrogate, or
            is nested more than 32 deep.
    """
    try:
        return freeze_values(_DECODER.decode(payload))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedToken("payload") from error


def names_issuer_twice(payload: bytes) -> bool:
    """Return whether a claims set has ``iss`` twice, also if one is written with escapes.

    The last one counts for our own issuer. For others it must be plain which issuer a token names.

    Args:
        payload: a payload that :func:`decode_claims` can read.
    """
    if payload.count(b'"iss"') < _TWICE and not re.search(_ESCAPED, payload):
        return False
    names: list[str] = []  # of the outermost object, which is read last
    json.loads(payload, object_pairs_hook=lambda pairs: names.__setitem__(slice(None), [name for name, _ in pairs]))
    return names.count("iss") >= _TWICE


def read_audience(claims: Mapping[str, object]) -> frozenset[str]:
    """Return ``aud`` as a set, empty if it is missing (RFC 7519 section 4.1.3: a string or an array of strings).

    Args:
        claims: the claims as ``read_claims`` returns them.

    Raises:
        MalformedClaim: it is neither.
    """
    audience = claims.get("aud", ())
    if not isinstance(audience, (str, tuple)):
        raise MalformedClaim("aud", _AUDIENCE)
    try:
        return parse_audience(audience)
    except TypeError:
        raise MalformedClaim("aud", _AUDIENCE) from None


def _is_epoch(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_scope(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parse_scope(value)
    except ValueError:
        return False
    return True


_AUDIENCE = "a string or an array of strings"
_IDENTIFIER = f"a string of 1 to {MAX_IDENTIFIER} characters without control characters"
_TIME = f"seconds since 1970 as a number from 0 to {YEAR_9999}"
_FORMS: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    ("sub", is_identifier, _IDENTIFIER),
    ("jti", is_identifier, _IDENTIFIER),
    ("sid", is_identifier, _IDENTIFIER),
    ("client_id", is_identifier, _IDENTIFIER),
    ("exp", is_time, _TIME),
    ("iat", is_time, _TIME),
    ("nbf", is_time, _TIME),
    ("auth_time", is_time, _TIME),
    ("epoch", _is_epoch, "a whole number from 0 on"),
    ("iss", _is_string, "a string"),
    ("scope", _is_scope, "a string of scopes in printable ASCII with one space between them"),
    (TICKET_PATH, is_path, f"a path of at most {MAX_PATH} characters that begins with one slash"),
    (ACT, is_act, ACT_FORM),
    (PARENT, is_parent, PARENT_FORM),
)


def _is_audience(value: object) -> bool:
    return isinstance(value, frozenset) and bool(value) and all(isinstance(name, str) and name for name in value)


def media_type(typ: str) -> str:
    """Return *typ* in the form that is compared: ASCII, lower case, without "application/" (RFC 7515 section 4.1.9)."""
    return typ.lower().removeprefix("application/") if typ.isascii() else typ
