"""Revocations: the entries that a store keeps, and the pages in which it returns them."""

from datetime import timedelta
from typing import Literal

from ..encoding.limits import YEAR_9999, check_identifier, is_whole
from .record import Record

LAST = YEAR_9999 * 1000  # the latest end of a revocation, in milliseconds
MARGIN = timedelta(seconds=60)  # a revocation is kept so much longer than it can matter
RevocationKind = Literal["token", "session", "user", "api_keys"]
_KINDS = frozenset({"token", "session", "user", "api_keys"})
_OUT_OF_RANGE = f"{{}} must be a whole number from 0 to {LAST} (the year 9999 in milliseconds)"


def retention_of(lifetime: timedelta, leeway: timedelta) -> timedelta:
    """Return how long the revocation of a token must be kept, so that every clock shows that the token has expired.

    Args:
        lifetime: of the token, from now on.
        leeway: by how much the clocks of the issuer, of the verifier and of the store may differ.
    """
    return lifetime + 2 * leeway + MARGIN


def prolong(expires_at: int, leeway: timedelta) -> int:
    """Return the end of a revocation for applications with a longer leeway than there was when it was written.

    Args:
        expires_at: the end until now, in milliseconds since 1970-01-01T00:00:00Z.
        leeway: by how much the longest leeway of the applications has grown.
    """
    longer = retention_of(timedelta(0), leeway) - retention_of(timedelta(0), timedelta(0))
    return min(expires_at + longer // timedelta(milliseconds=1), LAST)


class Revocation(Record, frozen=True, kw_only=True):
    """A revoked token, API key or session, or a user whose older tokens and sessions, or API keys, are revoked.

    Raises:
        ValueError: the kind is unknown, the subject is not an identifier, or a number is out of range.
    """

    kind: RevocationKind
    subject: str  # "jti", "sid" or "sub", as the kind says; the kind "token" is also that of one API key, by its ID
    # token: its "exp" in seconds, 0 if unknown; user, api_keys: the epoch, or the key epoch, below which all is refused
    value: int = 0
    expires_at: int  # from then on it may be forgotten, milliseconds since 1970-01-01T00:00:00Z

    def __post_init__(self) -> None:
        # A process loads up to millions of them, so there is no loop.
        if self.kind not in _KINDS:
            raise ValueError('kind must be "token", "session", "user" or "api_keys"')
        check_identifier("subject", self.subject)
        if not is_whole(self.value, LAST):
            raise ValueError(_OUT_OF_RANGE.format("value"))
        if not is_whole(self.expires_at, LAST):
            raise ValueError(_OUT_OF_RANGE.format("expires_at"))


class RevocationPage(Record, frozen=True, kw_only=True):
    """One page of the revocations of a store. Entries may come more than once, and in any order."""

    entries: tuple[Revocation, ...] = ()
    cursor: str | None = None  # for the next call; None: the store lost writes or is another one, so start with None
    more: bool = False  # True: there is another page now, and the next call returns it
