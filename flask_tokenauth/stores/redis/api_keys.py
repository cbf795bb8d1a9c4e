"""The API keys of a store on Redis. Each has a key of its own, and a user has a list in another slot of a cluster."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from secrets import token_hex

from ...core.encoding.digests import id_of
from ...core.records.api_key import ApiKey, ApiKeyToKeep
from ...core.records.grant import write_grant
from ..api_key_rows import API_KEY_EXISTS, BETWEEN_USES, ApiKeyRow, age_of_use
from ..rows import in_milliseconds
from . import record_scripts
from .hashes import Hash, api_key_row, fields_of, to_hash, to_text
from .layout import member_of
from .prepared_keys import Numbers, PreparedKeys, in_parts

_WITHOUT_END = -1
_ALL = 1_000_000  # more API keys than a user can have


class StoredApiKeys:
    """Adds, finds, lists and revokes API keys.

    Args:
        keys: of the store.
    """

    def __init__(self, keys: PreparedKeys) -> None:
        self._keys = keys

    def add(self, new: ApiKeyToKeep, *, most: int) -> ApiKey | None:
        """Add an API key, as :meth:`flask_tokenauth.core.store.Store.add_api_key` describes.

        A call above the limit writes nothing, so that it leaves nothing behind if it stops halfway. If several calls
        come at once, each counts the keys again that are before its own one in the list of the user.
        """
        layout = self._keys.layout
        key_epoch = self._keys.look(new.user_id).key_epoch
        if self._has_too_many(new.user_id, self._read_list(new.user_id, "+inf"), most):
            if any(self._fetch([new.id])):
                raise ValueError(API_KEY_EXISTS)
            return None
        fields: dict[str, str | int | None] = {
            "digest": new.digest,
            "user_id": new.user_id,
            "name": new.name,
            "hint": new.hint,
            "granted": write_grant(new.grant),
            "key_epoch": key_epoch,
        }
        lifetime = _WITHOUT_END if new.lifetime is None else in_milliseconds(new.lifetime)
        answer = self._keys.run(
            record_scripts.ADD_RECORD, layout.api_key(new.id), (token_hex(8), lifetime, "", *fields_of(fields))
        )
        if answer is None:
            raise ValueError(API_KEY_EXISTS)
        row = api_key_row(new.id, to_hash(answer))
        list_key = layout.api_keys_of(new.user_id)
        number, _ = self._keys.run(record_scripts.ADD_TO_LIST, list_key, (new.id, row.created_at, _WITHOUT_END))
        names = [name for name in self._read_list(new.user_id, to_text(number)) if name != new.id]
        if self._has_too_many(new.user_id, names, most):
            # The key first: a purge puts it back into its list.
            self._keys.run(record_scripts.DELETE, layout.api_key(new.id))
            self._keys.remove(list_key, (new.id,))
            return None
        return row.to_api_key()

    def find(self, digest: str) -> ApiKey | None:
        """Return the live API key with this digest, or None."""
        row, numbers = self._find(id_of(digest))
        if row is None or numbers is None or row.digest != digest:
            return None
        if any(numbers.revoked) and row.revoked_at is None:  # its server has lost that
            self.mark_as_revoked(row.key_id, timedelta(0))
        return row.to_api_key() if _is_live(row, numbers) else None

    def list_of(self, user_id: str) -> tuple[ApiKey, ...]:
        """Return the live API keys of a user, the newest first."""
        rows = self._select_live(user_id, self._read_list(user_id, "+inf"))
        return tuple(row.to_api_key() for row in rows)

    def revoke(self, key_id: str, retention: timedelta) -> ApiKey | None:
        """Revoke an API key, as :meth:`flask_tokenauth.core.store.Store.revoke_api_key` describes."""
        row, numbers = self._find(key_id)
        if row is None or numbers is None:
            return None
        if not _is_live(row, numbers):
            self._complete_end(row, retention, is_stored=any(numbers.revoked))
            return None
        is_ours = self.mark_as_revoked(key_id, retention)
        self._keys.revoke_for(retention, {member_of("token", key_id): 0})
        return row.to_api_key() if is_ours else None

    def mark_as_revoked(self, key_id: str, retention: timedelta) -> bool:
        """Mark an API key as revoked, and return whether this call did it. The caller writes the revocation."""
        return self._keys.mark_as_revoked(self._keys.layout.api_key(key_id), retention)

    def note_uses(self, ages: Mapping[str, timedelta]) -> None:
        """Keep when API keys were used last."""
        self._keys.prepare()
        for part in in_parts(list(ages)):
            calls = {self._keys.layout.api_key(key_id): (age_of_use(ages[key_id]), BETWEEN_USES) for key_id in part}
            self._keys.servers.run_each(record_scripts.NOTE_USE, calls)

    def repair(self, key_ids: Sequence[str]) -> int:
        """Delete those of some API keys that are not live, and return their number. Add the others to their lists."""
        found = zip(key_ids, self._fetch(key_ids), strict=True)
        rows = [api_key_row(key_id, values) for key_id, values in found if values]
        users = {row.user_id for row in rows}
        return sum(self._repair_of(user_id, [row for row in rows if row.user_id == user_id]) for user_id in users)

    def _repair_of(self, user_id: str, rows: Sequence[ApiKeyRow]) -> int:
        """Repair some API keys of one user, and return how many are deleted."""
        list_key = self._keys.layout.api_keys_of(user_id)
        numbers = self._keys.look(user_id, *(member_of("token", row.key_id) for row in rows))
        listed, dead = set(self._read_list(user_id, "+inf")), []
        for row, revoked in zip(rows, numbers.revoked, strict=True):
            if not row.is_live(numbers.now, numbers.key_epoch) or revoked:
                self._complete_end(row, timedelta(0), is_stored=revoked)
                dead.append(row.key_id)
            elif row.key_id not in listed:
                self._keys.run(record_scripts.ADD_TO_LIST, list_key, (row.key_id, row.created_at, _WITHOUT_END))
        self._keys.delete([self._keys.layout.api_key(key_id) for key_id in dead])
        self._keys.remove(list_key, dead)
        return len(dead)

    def _complete_end(self, row: ApiKeyRow, retention: timedelta, *, is_stored: bool) -> None:
        """Write the revocation of an API key that was marked as revoked, unless it is stored: a call failed halfway."""
        if row.revoked_at is not None and not is_stored:
            self._keys.revoke_for(retention, {member_of("token", row.key_id): row.revoked_at})

    def _find(self, key_id: str) -> tuple[ApiKeyRow | None, Numbers | None]:
        """Return an API key with the numbers of its user; None and None if there is none."""
        found, numbers = self._keys.find(self._keys.layout.api_key(key_id), member_of("token", key_id))
        return (api_key_row(key_id, found) if found else None), numbers

    def _fetch(self, key_ids: Iterable[str]) -> Sequence[Hash]:
        return self._keys.fetch([self._keys.layout.api_key(key_id) for key_id in key_ids])

    def _read_list(self, user_id: str, until: str) -> list[str]:
        """Return the IDs in the list of a user up to a number, the newest first."""
        key = self._keys.layout.api_keys_of(user_id)
        return [name for _, name in self._keys.read_list(key, until, _ALL)]

    def _has_too_many(self, user_id: str, names: Sequence[str], most: int) -> bool:
        """Return whether at least *most* of some API keys of a user are live."""
        return len(names) >= most and len(self._select_live(user_id, names)) >= most

    def _select_live(self, user_id: str, names: Sequence[str]) -> list[ApiKeyRow]:
        """Return the live API keys of a list, and take the others out of the list."""
        if not names:
            return []
        found = zip(names, self._fetch(names), strict=True)
        found_rows = (api_key_row(key_id, values) for key_id, values in found if values)
        rows = [row for row in found_rows if row.user_id == user_id]
        known = self._keys.look(user_id, *(member_of("token", row.key_id) for row in rows))
        pairs = zip(rows, known.revoked, strict=True)
        live = [row for row, revoked in pairs if row.is_live(known.now, known.key_epoch) and not revoked]
        for row, revoked in zip(rows, known.revoked, strict=True):
            if revoked and row.revoked_at is None:  # its server has lost that
                self.mark_as_revoked(row.key_id, timedelta(0))
        kept = {row.key_id for row in live}
        if dead := [name for name in names if name not in kept]:
            self._keys.remove(self._keys.layout.api_keys_of(user_id), dead)
        return live


def _is_live(row: ApiKeyRow, numbers: Numbers) -> bool:
    return row.is_live(numbers.now, numbers.key_epoch) and not any(numbers.revoked)
