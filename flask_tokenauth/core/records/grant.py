"""Grants: the contents of the access tokens of a session, and the strict JSON that stores keep them as."""

from collections.abc import Callable, Mapping
from copy import copy
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Self

import msgspec
from msgspec.structs import force_setattr

from ..encoding.immutable_json import freeze
from ..encoding.json_values import to_json_values
from ..encoding.limits import YEAR_9999, check_identifier, is_whole
from ..errors import StoreUnavailable
from ..tokens.audience import parse_audience
from ..tokens.scopes import check_scope_token
from .record import Record

LONGEST_DURATION = timedelta(days=36525)


class Grant(Record, frozen=True, kw_only=True):
    """The contents of the access tokens of a session. Deeply immutable.

    Raises:
        TypeError: a field has the wrong type.
        ValueError: a scope breaks the grammar of RFC 6749 section 3.3, a recipient or ``client_id`` does not have 1 to
            255 characters or has control characters, a duration or a time is out of range, or claims are nested more
            than 32 deep.
    """

    scopes: tuple[str, ...] = ()  # given as a tuple, a list or a set; a set is sorted
    claims: Mapping[str, object] = msgspec.field(default_factory=dict)  # of the application, JSON values
    audience: frozenset[str] | None = None  # "aud", given as one string or several; None: the default audience
    client_id: str | None = None  # "client_id"; None: the issuer
    lifetime: timedelta | None = None  # of the access tokens; None: the default lifetime
    auth_time: int | None = None  # time of the sign-in, seconds since 1970-01-01T00:00:00Z; a refresh never changes it

    def __post_init__(self) -> None:
        for name, read in _READERS.items():
            given = getattr(self, name)
            value = read(given)
            if value is not given:
                force_setattr(self, name, value)

    def replace(self, **changes: Any) -> Self:
        """Return a copy of this grant with some fields changed. The new values are checked as in a new grant.

        Args:
            changes: the new values, by the names of the fields.

        Raises:
            TypeError: a grant has no such field, or a value has the wrong type.
            ValueError: a value is out of range or malformed.
        """
        if unknown := changes.keys() - _READERS.keys():
            raise TypeError(f"a Grant has the fields {', '.join(_READERS)}, got {', '.join(sorted(unknown))}")
        changed = copy(self)  # the other fields were checked when this grant was made
        for name, value in changes.items():
            force_setattr(changed, name, _READERS[name](value))
        return changed


def _read_scopes(scopes: object) -> tuple[str, ...]:
    if isinstance(scopes, (set, frozenset)):
        scopes = sorted(scopes, key=str)
    if not isinstance(scopes, (tuple, list)):
        advice = {type(None): "() for no scopes", str: '("reports:read",)'}.get(type(scopes), "tuple(…)")
        raise TypeError(
            f"scopes must be a tuple, a list or a set of strings, got {type(scopes).__name__}: use {advice}"
        )
    for scope in scopes:
        check_scope_token(scope)
    return tuple(scopes)


def _read_claims(claims: object) -> Mapping[str, object]:
    frozen = freeze(claims)
    if not isinstance(frozen, MappingProxyType):
        raise TypeError(f"claims must be a dict, got {type(claims).__name__}")
    return frozen


def _read_audience(audience: Any) -> frozenset[str] | None:
    if audience is None:
        return None
    recipients = parse_audience(audience)
    if not recipients:
        raise ValueError("audience must be at least one string, got none: leave it out for the default audience")
    for recipient in recipients:
        check_identifier("audience", recipient)
    return recipients


def _read_client_id(client_id: Any) -> object:
    if client_id is not None:
        check_identifier("client_id", client_id)
    return client_id


def _read_lifetime(lifetime: Any) -> object:
    if lifetime is not None:
        check_duration("lifetime", lifetime)
    return lifetime


def _read_auth_time(auth_time: Any) -> object:
    if auth_time is not None and not is_whole(auth_time, YEAR_9999):
        raise ValueError(f"auth_time must be whole seconds from 0 to {YEAR_9999} (the year 9999), or None")
    return auth_time


_READERS: Mapping[str, Callable[[Any], object]] = {
    "scopes": _read_scopes,
    "claims": _read_claims,
    "audience": _read_audience,
    "client_id": _read_client_id,
    "lifetime": _read_lifetime,
    "auth_time": _read_auth_time,
}


class _WrittenGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grant as JSON. A member that this release does not know is refused, since it could be a limit."""

    scopes: tuple[str, ...]
    claims: dict[str, object]
    audience: tuple[str, ...] | None
    client_id: str | None
    lifetime: float | None  # seconds
    auth_time: int | None


_DECODER = msgspec.json.Decoder(_WrittenGrant)


def write_grant(grant: Grant) -> str:
    """Return *grant* as the JSON string that a store keeps. ``read_grant`` returns an equal grant.

    Args:
        grant: the grant.

    Raises:
        ValueError: a claim is not a JSON value, so another value would be read.
    """
    written = _WrittenGrant(
        scopes=grant.scopes,
        claims=to_json_values(grant.claims),
        audience=None if grant.audience is None else tuple(sorted(grant.audience)),
        client_id=grant.client_id,
        lifetime=None if grant.lifetime is None else grant.lifetime.total_seconds(),
        auth_time=grant.auth_time,
    )
    try:
        return msgspec.json.encode(written).decode()
    except TypeError as error:  # an instance of a subclass, which JSON cannot keep
        raise ValueError("scopes, audience and client_id of a grant must be of the type str") from error


def read_grant(text: object) -> Grant:
    """Return the grant that ``write_grant`` wrote.

    Args:
        text: the answer of a store, untrusted: others may write to its database.

    Raises:
        StoreUnavailable: *text* is not a grant. The message has nothing of it.
    """
    if not isinstance(text, str):
        raise StoreUnavailable(f"a grant in the store must be a string, got {type(text).__name__}")
    try:
        written = _DECODER.decode(text)
        return Grant(
            scopes=written.scopes,
            claims=written.claims,
            audience=None if written.audience is None else frozenset(written.audience),
            client_id=written.client_id,
            lifetime=None if written.lifetime is None else timedelta(seconds=written.lifetime),
            auth_time=written.auth_time,
        )
    except (msgspec.DecodeError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise StoreUnavailable(
            "a grant in the store cannot be read: it must be JSON as this release writes it"
        ) from error


def check_duration(name: str, duration: timedelta) -> None:
    """Refuse a duration that is not above zero, or is longer than a hundred years.

    Args:
        name: the name of the argument or the field, for the message of the error.
        duration: the duration.

    Raises:
        TypeError: it is not a ``timedelta``.
        ValueError: it is out of range.
    """
    if not isinstance(duration, timedelta):
        raise TypeError(f"{name} must be a timedelta, got {type(duration).__name__}")
    if not timedelta(0) < duration <= LONGEST_DURATION:
        raise ValueError(f"{name} must be above zero and at most {LONGEST_DURATION.days} days, got {duration}")
