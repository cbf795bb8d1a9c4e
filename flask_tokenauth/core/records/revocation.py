"""What a store says of what is revoked: one entry each, and the news since a reader last asked."""

from datetime import timedelta
from typing import Literal

from ..encoding.limits import YEAR_9999, check_identifier, is_whole
from .record import Record

_LAST = YEAR_9999 * 1000
MARGIN = timedelta(seconds=60)  # for which what is revoked is remembered after the last moment at which it could matter
RevocationKind = Literal["token", "session", "user"]


class Revocation(Record, frozen=True, kw_only=True):
    """That a token or a session, or what is older of a user, is good no more.

    Raises:
        ValueError: the subject is no identifier, or a number is out of range.
    """

    kind: RevocationKind
    subject: str  # "jti", "sid" or "sub"
    value: int = 0  # token: its "exp" in seconds, 0 if unknown; user: the epoch, below which all is refused
    expires_at: int  # when it may be forgotten, milliseconds since 1970-01-01T00:00:00Z

    def __post_init__(self) -> None:
        if self.kind not in ("token", "session", "user"):
            raise ValueError('kind must be "token", "session" or "user"')
        check_identifier("subject", self.subject)
        if not is_whole(self.value, _LAST) or not is_whole(self.expires_at, _LAST):
            raise ValueError("value and expires_at are whole numbers, from 0 to the year 9999 in milliseconds")


class RevocationPage(Record, frozen=True, kw_only=True):
    """What a reader has not heard yet, or has heard before: entries may come again, and in any order."""

    entries: tuple[Revocation, ...] = ()
    cursor: str | None = None  # for the next call; None: the store is another one, or has lost writes, so begin anew
    more: bool = False  # there is more now: this was a page, and the next call has the next
