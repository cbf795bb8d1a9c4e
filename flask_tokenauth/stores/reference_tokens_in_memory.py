"""The reference tokens of the store in memory."""

from collections.abc import Mapping

from ..core.encoding.digests import id_of
from ..core.records.reference_token import ReferenceToken
from .reference_token_rows import REFERENCE_EXISTS, ReferenceTokenRow


class ReferenceTokensInMemory:
    """Holds reference tokens until they are purged. Times are milliseconds since 1970-01-01T00:00:00Z.

    Args:
        epochs: of users, which others raise.
    """

    def __init__(self, epochs: Mapping[str, int]) -> None:
        self.rows: dict[str, ReferenceTokenRow] = {}
        self._epochs = epochs

    def add(self, token: ReferenceToken) -> None:
        """Add a reference token.

        Raises:
            ValueError: there is a reference token with this ID.
        """
        if token.token_id in self.rows:
            raise ValueError(REFERENCE_EXISTS)
        self.rows[token.token_id] = ReferenceTokenRow.of(token)

    def find(self, digest: str, now: int) -> ReferenceToken | None:
        """Return the reference token with this digest, or None if there is none that counts at *now*."""
        row = self.rows.get(id_of(digest))
        return row.to_reference_token() if row and row.digest == digest and self._counts(row, now) else None

    def revoke(self, token_id: str, now: int) -> None:
        """Revoke a reference token, if it is there."""
        if token_id in self.rows:
            self.rows[token_id].revoked_at = now

    def purge(self, now: int) -> int:
        """Delete the reference tokens that do not count at *now*, and return their number."""
        dead = [row.token_id for row in self.rows.values() if not self._counts(row, now)]
        for token_id in dead:
            del self.rows[token_id]
        return len(dead)

    def _counts(self, row: ReferenceTokenRow, now: int) -> bool:
        return row.counts(now, self._epochs.get(row.user_id, 0))
