"""The end of sessions: by a call, with their lifetimes, and in a purge."""

from datetime import timedelta

import pytest

from ...core.records.session import Outcome
from ...core.store import Store
from .kit import (
    IDLE,
    LIFETIME,
    MARGIN,
    RETENTION,
    Age,
    AgeRevocations,
    at_once,
    is_live,
    is_revoked,
    list_all,
    outcome,
    start,
)


class SessionEndContract:
    """Tests the promises about the end of sessions."""

    def test_a_session_that_is_ended_is_over_and_revoked(self, store: Store) -> None:
        start(store)
        start(store, "other")

        ended = store.end_session("session", retention=RETENTION)

        assert ended is not None
        assert (ended.session_id, ended.user_id) == ("session", "alice")
        assert not is_live(store)
        assert [session.session_id for session in list_all(store, "alice")] == ["other"]
        assert is_revoked(store)
        assert is_live(store, "other")
        assert not is_revoked(store, "other")

    def test_a_session_that_has_ended_or_never_was_cannot_be_ended(self, store: Store) -> None:
        start(store)
        store.end_session("session", retention=RETENTION)

        assert store.end_session("session", retention=RETENTION) is None
        assert store.end_session("unknown", retention=RETENTION) is None
        assert is_revoked(store)
        assert not is_revoked(store, "unknown")

    @pytest.mark.parametrize("aged", [IDLE, LIFETIME])
    def test_a_session_that_has_expired_can_be_ended(self, store: Store, age: Age, aged: timedelta) -> None:
        """Its last access token may still be valid."""
        start(store)
        age("session", aged)

        ended = store.end_session("session", retention=RETENTION)

        assert ended is not None
        assert (ended.session_id, ended.user_id) == ("session", "alice")
        assert is_revoked(store)
        assert store.end_session("session", retention=RETENTION) is None

    def test_a_session_below_its_users_epoch_can_be_ended(self, store: Store) -> None:
        start(store)
        store.revoke_user("alice", retention=RETENTION, api_keys=False)

        assert store.end_session("session", retention=RETENTION) is not None
        assert is_revoked(store)

    def test_an_ended_session_stays_revoked_for_the_given_retention(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        start(store)
        store.end_session("session", retention=RETENTION)

        age_revocations(RETENTION - MARGIN)
        assert is_revoked(store)

        age_revocations(MARGIN)
        assert not is_revoked(store)

    def test_one_of_many_threads_that_end_one_session_does(self, store: Store) -> None:
        start(store)

        ended = at_once(8, lambda _: store.end_session("session", retention=RETENTION))

        assert len([session for session in ended if session]) == 1
        assert is_revoked(store)

    def test_a_purge_deletes_what_has_ended_or_expired_and_nothing_else(
        self, store: Store, age: Age, age_revocations: AgeRevocations
    ) -> None:
        for session_id in "live", "ended", "idle", "expired":
            start(store, session_id)
        start(store, "below", user_id="bob")
        store.end_session("ended", retention=RETENTION)
        store.revoke_user("bob", retention=RETENTION, api_keys=False)
        age("idle", IDLE)
        age("live", IDLE - MARGIN)
        age("expired", LIFETIME)

        store.purge()

        assert store.purge() == 0
        assert is_live(store, "live")
        assert is_revoked(store, "ended")
        assert outcome(store, session_id="ended") is Outcome.GONE
        age_revocations(RETENTION - MARGIN)
        assert store.purge() == 0
        assert is_revoked(store, "ended")

    def test_an_epoch_outlives_every_purge(self, store: Store, age_revocations: AgeRevocations) -> None:
        epoch = store.revoke_user("alice", retention=RETENTION, api_keys=False)
        age_revocations(RETENTION)

        store.purge()

        assert store.read_epoch("alice") == epoch

    def test_hundreds_of_sessions_are_purged(self, store: Store) -> None:
        for number in range(600):
            start(store, f"session{number}", user_id="alice" if number % 2 else "bob")
        store.revoke_user("alice", retention=RETENTION, api_keys=False)

        store.purge()

        assert store.purge() == 0
        assert list_all(store, "alice") == []
        assert len(list_all(store, "bob")) == 300
