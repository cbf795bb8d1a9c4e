"""Helpers that change a store in memory directly."""

from datetime import timedelta

from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.store_contract import Age, AgeRevocations, AgeRings, SetGeneration


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
        store._revoked = {
            key: entry._replace(expires_at=entry.expires_at - by) for key, entry in store._revoked.items()
        }

    return age_revocations


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
