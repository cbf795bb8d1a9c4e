"""The API keys of the store in memory, with the key epochs of users."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from ..core.encoding.digests import id_of
from ..core.records.api_key import ApiKey, ApiKeyToKeep
from ..core.records.grant import write_grant
from .api_key_rows import API_KEY_EXISTS, ApiKeyRow, age_of_use
from .rows import in_milliseconds


class ApiKeysInMemory:
    """Holds API keys until they are purged. Times are milliseconds since 1970-01-01T00:00:00Z."""

    def __init__(self) -> None:
        self.rows: dict[str, ApiKeyRow] = {}
        self._of_users: dict[str, dict[str, ApiKeyRow]] = {}
        self._key_epochs: dict[str, int] = {}

    def key_epoch_of(self, user_id: str) -> int:
        """Return the key epoch of a user."""
        return self._key_epochs.get(user_id, 0)

    def raise_key_epoch(self, user_id: str, least: int) -> None:
        """Raise the key epoch of a user to *least*, if it is lower."""
        self._key_epochs[user_id] = max(self.key_epoch_of(user_id), least)

    def add(self, new: ApiKeyToKeep, now: int, *, most: int) -> ApiKey | None:
        """Add an API key, and return it, or None if its user has *most* live ones.

        Raises:
            ValueError: there is an API key with this ID.
        """
        if new.id in self.rows:
            raise ValueError(API_KEY_EXISTS)
        if len(self._live_of(new.user_id, now)) >= most:
            return None
        row = ApiKeyRow(
            key_id=new.id,
            digest=new.digest,
            user_id=new.user_id,
            name=new.name,
            hint=new.hint,
            granted=write_grant(new.grant),  # as JSON, like other stores, so that the same grants are refused
            created_at=now,
            expires_at=None if new.lifetime is None else now + in_milliseconds(new.lifetime),
            key_epoch=self.key_epoch_of(new.user_id),
        )
        self.rows[row.key_id] = self._of_users.setdefault(row.user_id, {})[row.key_id] = row
        return row.to_api_key()

    def find(self, digest: str, now: int) -> ApiKey | None:
        """Return the live API key with this digest, or None."""
        row = self.rows.get(id_of(digest))
        return row.to_api_key() if row and row.digest == digest and self._is_live(row, now) else None

    def list_of(self, user_id: str, now: int) -> tuple[ApiKey, ...]:
        """Return the live API keys of a user, the newest first."""
        newest_first = sorted(self._live_of(user_id, now), key=lambda row: (row.created_at, row.key_id), reverse=True)
        return tuple(row.to_api_key() for row in newest_first)

    def revoke(self, key_id: str, now: int) -> ApiKey | None:
        """Revoke an API key, and return it as it was before, or None if there is no live one with this ID."""
        row = self.rows.get(key_id)
        if row is None or not self._is_live(row, now):
            return None
        row.revoked_at = now
        return row.to_api_key()

    def note_uses(self, ages: Mapping[str, timedelta], now: int) -> None:
        """Keep when API keys were used last.

        Args:
            ages: how long ago each key was used, by its ID.
            now: the present.
        """
        for key_id, age in ages.items():
            if key_id in self.rows:
                self.rows[key_id].note_use(max(0, now - age_of_use(age)))

    def times(self) -> Iterator[int]:
        """Yield the times at which keys were created."""
        return (row.created_at for row in self.rows.values())

    def purge(self, now: int) -> int:
        """Delete the API keys that are not live at *now*, and return their number."""
        dead = [row for row in self.rows.values() if not self._is_live(row, now)]
        for row in dead:
            del self.rows[row.key_id], self._of_users[row.user_id][row.key_id]
            if not self._of_users[row.user_id]:
                del self._of_users[row.user_id]
        return len(dead)

    def _live_of(self, user_id: str, now: int) -> list[ApiKeyRow]:
        return [row for row in self._of_users.get(user_id, {}).values() if self._is_live(row, now)]

    def _is_live(self, row: ApiKeyRow, now: int) -> bool:
        return row.is_live(now, self.key_epoch_of(row.user_id))
