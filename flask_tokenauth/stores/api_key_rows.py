"""API keys as stores keep them, and the messages that all stores share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..core.errors import StoreUnavailable
from ..core.records.api_key import ApiKey
from ..core.records.grant import read_grant
from .rows import check_whole, in_milliseconds, to_datetime

API_KEY_EXISTS = "digest must be new, but an API key with the ID of this digest exists"
# A key that is in use all the time is not written at each use. The workers report uses about once a minute.
BETWEEN_USES = in_milliseconds(timedelta(minutes=1))

_MILLISECOND = timedelta(milliseconds=1)
_TIMES = ("created_at", "last_used_at", "expires_at", "revoked_at")
_MAY_BE_NONE = frozenset({"last_used_at", "expires_at", "revoked_at"})


def age_of_use(age: timedelta) -> int:
    """Return how long ago a key was used, in whole milliseconds; 0 if *age* is negative."""
    return max(0, age // _MILLISECOND)


@dataclass(slots=True, kw_only=True)
class ApiKeyRow:
    """One API key in a store. Times are milliseconds since 1970-01-01T00:00:00Z, by the clock of the store."""

    key_id: str
    digest: str
    user_id: str
    name: str
    hint: str
    granted: str
    created_at: int
    last_used_at: int | None = None
    expires_at: int | None = None
    revoked_at: int | None = None
    key_epoch: int

    @classmethod
    def read(cls, columns: Mapping[str, Any]) -> "ApiKeyRow":
        """Return the API key in a row of a database. The types of the columns are not trusted.

        Args:
            columns: the values by the names of the fields.

        Raises:
            StoreUnavailable: a time or the key epoch is no whole number.
        """
        for name in _TIMES:
            if not (columns[name] is None and name in _MAY_BE_NONE):
                check_whole(name, columns[name])
        check_whole("key_epoch", columns["key_epoch"])
        return cls(**columns)

    def is_live(self, now: int, key_epoch: int) -> bool:
        """Return whether this key is live at *now*, in milliseconds, for a user with this *key_epoch*."""
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_expired and self.key_epoch >= key_epoch

    def note_use(self, used_at: int) -> None:
        """Keep that the key was used at *used_at*, unless that is too soon after the use that is kept, or before it."""
        if self.last_used_at is None or self.last_used_at < used_at - BETWEEN_USES:
            self.last_used_at = used_at

    def to_api_key(self) -> ApiKey:
        """Return the record for the core.

        Raises:
            StoreUnavailable: a column has a value that no API key can have.
        """
        try:
            return ApiKey(
                id=self.key_id,
                user_id=self.user_id,
                name=self.name,
                hint=self.hint,
                grant=read_grant(self.granted),
                created_at=to_datetime(self.created_at),
                last_used_at=None if self.last_used_at is None else to_datetime(self.last_used_at),
                expires_at=None if self.expires_at is None else to_datetime(self.expires_at),
                key_epoch=self.key_epoch,
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise StoreUnavailable(
                "an API key in the store cannot be read: another program or another release has changed it"
            ) from error
