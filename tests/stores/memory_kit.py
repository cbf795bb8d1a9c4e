"""Helpers that change a store in memory directly."""

from datetime import timedelta

from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.store_contract import (
    Age,
    AgeApiKeys,
    AgeReferenceTokens,
    AgeRevocations,
    AgeRings,
    SetGeneration,
)


def ager(store: MemoryStore) -> Age:
    """Return the contract's ``age``."""

    def age(session_id: str, duration: timedelta) -> None:
        row, by = store._sessions[session_id], duration // timedelta(milliseconds=1)
        if row.ended_at is None:
            store._going_on.remove(row)
        row.started_at, row.expires_at = row.started_at - by, row.expires_at - by
        row.idle_expires_at -= by
        row.rotated_at = None if row.rotated_at is None else row.rotated_at - by
        if row.ended_at is None:
            store._going_on.add(row)

    return age


def revocation_ager(store: MemoryStore) -> AgeRevocations:
    """Return the contract's ``age_revocations``."""

    def age_revocations(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        for key, entry in store._revocations.entries.items():
            store._revocations.entries[key] = entry._replace(expires_at=entry.expires_at - by)

    return age_revocations


def api_key_ager(store: MemoryStore) -> AgeApiKeys:
    """Return the contract's ``age_api_keys``."""

    def age_api_keys(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        for row in store._api_keys.rows.values():
            row.created_at -= by
            row.last_used_at = None if row.last_used_at is None else row.last_used_at - by
            row.expires_at = None if row.expires_at is None else row.expires_at - by
            row.revoked_at = None if row.revoked_at is None else row.revoked_at - by

    return age_api_keys


def reference_token_ager(store: MemoryStore) -> AgeReferenceTokens:
    """Return the contract's ``age_reference_tokens``."""

    def age_reference_tokens(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        for row in store._reference_tokens.rows.values():
            row.expires_at -= by
            row.revoked_at = None if row.revoked_at is None else row.revoked_at - by

    return age_reference_tokens


def ring_ager(store: MemoryStore) -> AgeRings:
    """Return the contract's ``age_rings``."""

    def age_rings(duration: timedelta) -> None:
        by = duration // timedelta(milliseconds=1)
        store._rings = tuple(use.replace(since=use.since - by, until=use.until - by) for use in store._rings)

    return age_rings


def generation_setter(store: MemoryStore) -> SetGeneration:
    """Return the contract's ``set_generation``."""

    def set_generation(session_id: str, generation: int) -> None:
        store._sessions[session_id].generation = generation

    return set_generation
