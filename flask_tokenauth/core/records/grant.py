"""What a session grants its access tokens, and how a store keeps that: as JSON of which nothing is guessed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import msgspec
from msgspec.structs import force_setattr

from ..encoding.immutable_json import freeze, thaw
from ..encoding.limits import YEAR_9999, check_identifier, is_identifier, is_whole
from ..errors import StoreUnavailable
from ..tokens.scopes import check_scope_token
from .record import Record

_LONGEST = timedelta(days=36525)


class Grant(Record, frozen=True, kw_only=True):
    """What the access tokens of a session say.

    Raises:
        ValueError, TypeError: a scope is none, a text is no identifier, a duration or a time is out of range, or claims
            nest more than 32 deep.
    """

    scopes: tuple[str, ...] = ()
    claims: Mapping[str, object] = msgspec.field(default_factory=dict)  # the application's, made deeply immutable
    audience: frozenset[str] | None = None  # "aud"; None: the usual one
    client_id: str | None = None  # None: the usual one
    lifetime: timedelta | None = None  # of its access tokens; None: the usual one
    auth_time: int | None = None  # when the user signed in, seconds since 1970-01-01T00:00:00Z; refresh never renews it

    def __post_init__(self) -> None:
        if not isinstance(self.scopes, tuple):
            force_setattr(self, "scopes", _as_tuple(self.scopes))
        for scope in self.scopes:
            check_scope_token(scope)
        if self.audience is not None and not (self.audience and all(map(is_identifier, self.audience))):
            raise ValueError("audience is at least one text, of 1 to 255 characters")
        if self.client_id is not None:
            check_identifier("client_id", self.client_id)
        if self.lifetime is not None:
            check_duration("lifetime", self.lifetime)
        if self.auth_time is not None and not is_whole(self.auth_time, YEAR_9999):
            raise ValueError("auth_time is seconds, from 0 to the year 9999")
        force_setattr(self, "claims", freeze(self.claims))


def _as_tuple(scopes: object) -> tuple[str, ...]:
    if isinstance(scopes, (set, frozenset)):
        return tuple(sorted(scopes))
    if isinstance(scopes, list):
        return tuple(scopes)
    raise TypeError("scopes are a tuple, a list or a set of texts")


class _WrittenGrant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grant as JSON. A member that we do not know may be a limit that we would overlook: it is refused."""

    scopes: tuple[str, ...]
    claims: dict[str, object]
    audience: tuple[str, ...] | None
    client_id: str | None
    lifetime: float | None  # seconds
    auth_time: int | None


_DECODER = msgspec.json.Decoder(_WrittenGrant)


def write_grant(grant: Grant) -> str:
    """Write *grant* as the one JSON text that a store keeps.

    Raises:
        ValueError: its claims are not JSON values, so that something else would be read.
    """
    written = _WrittenGrant(
        scopes=grant.scopes,
        claims=cast("dict[str, object]", thaw(grant.claims)),
        audience=None if grant.audience is None else tuple(sorted(grant.audience)),
        client_id=grant.client_id,
        lifetime=None if grant.lifetime is None else grant.lifetime.total_seconds(),
        auth_time=grant.auth_time,
    )
    try:
        text = msgspec.json.encode(written).decode()
        unchanged = read_grant(text) == grant
    except (TypeError, ValueError, OverflowError, RecursionError, StoreUnavailable) as error:
        raise ValueError(_NO_JSON) from error
    if not unchanged:  # not a number became null, a date became text
        raise ValueError(_NO_JSON)
    return text


_NO_JSON = "claims must be JSON values (texts, finite numbers, booleans, None, lists, dicts of texts), at most 32 deep"


def read_grant(text: object) -> Grant:
    """Read what :func:`write_grant` wrote; anyone may have written to a store.

    Raises:
        StoreUnavailable: *text* is something else.
    """
    if not isinstance(text, str):
        raise StoreUnavailable("a grant in the store is not text")
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
        raise StoreUnavailable("a grant in the store cannot be read") from error


def check_duration(name: str, duration: timedelta) -> None:
    """Raise ValueError, with the *name* of the *duration*, for one that is not above zero or over a hundred years."""
    if not timedelta(0) < duration <= _LONGEST:
        raise ValueError(f"{name} is above zero, and a hundred years at most")
