"""The reference tokens of a store on Redis. Each one has a key of its own, which expires with it."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from secrets import token_hex

from ...core.encoding.digests import id_of
from ...core.records.reference_token import ReferenceToken
from ..reference_token_rows import REFERENCE_EXISTS, ReferenceTokenRow
from . import record_scripts
from .hashes import fields_of, reference_row
from .layout import member_of
from .prepared_keys import PreparedKeys

_WITHOUT_LIFETIME = -1


class StoredReferenceTokens:
    """Adds, finds and revokes reference tokens.

    Args:
        keys: of the store.
    """

    def __init__(self, keys: PreparedKeys) -> None:
        self._keys = keys

    def add(self, token: ReferenceToken) -> None:
        """Add a reference token.

        Raises:
            ValueError: there is a reference token with this ID.
        """
        fields = asdict(ReferenceTokenRow.of(token))
        token_id = fields.pop("token_id")
        arguments: list[str | int] = [token_hex(8), _WITHOUT_LIFETIME, token.expires_at, *fields_of(fields)]
        if self._keys.run(record_scripts.ADD_RECORD, self._keys.layout.reference(token_id), arguments) is None:
            raise ValueError(REFERENCE_EXISTS)

    def find(self, digest: str) -> ReferenceToken | None:
        """Return the reference token with this digest, or None if there is none that counts."""
        token_id = id_of(digest)
        found, numbers = self._keys.find(self._keys.layout.reference(token_id), member_of("token", token_id))
        if numbers is None:
            return None
        row = reference_row(token_id, found)
        counts = row.digest == digest and row.counts(numbers.now, numbers.epoch) and not any(numbers.revoked)
        return row.to_reference_token() if counts else None

    def purge(self, token_ids: Iterable[str]) -> int:
        """Delete those of some reference tokens that do not count, and return their number."""
        rows, dead = self._read(token_ids), []
        for user_id in {row.user_id for row in rows}:
            of_user = [row for row in rows if row.user_id == user_id]
            numbers = self._keys.look(user_id, *(member_of("token", row.token_id) for row in of_user))
            for row, revoked in zip(of_user, numbers.revoked, strict=True):
                if revoked or not row.counts(numbers.now, numbers.epoch):
                    dead.append(self._keys.layout.reference(row.token_id))
        self._keys.delete(dead)
        return len(dead)

    def _read(self, token_ids: Iterable[str]) -> list[ReferenceTokenRow]:
        """Return those of some reference tokens that are there."""
        names = list(token_ids)
        found = self._keys.fetch([self._keys.layout.reference(name) for name in names])
        return [reference_row(name, values) for name, values in zip(names, found, strict=True) if values]

    def mark_as_revoked(self, token_id: str) -> None:
        """Mark a reference token as revoked. The caller writes the revocation."""
        self._keys.mark_as_revoked(self._keys.layout.reference(token_id), timedelta(0))
