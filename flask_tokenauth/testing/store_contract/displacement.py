"""The limit of sessions for each user: a further sign-in ends the session that was idle longest."""

from datetime import timedelta

import pytest

from ...core.records.session import MOST_DISPLACED, Outcome
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
    redeem,
    start,
)


def live_ids(store: Store, user_id: str = "alice") -> set[str]:
    """Return the IDs of the live sessions of a user."""
    return {session.session_id for session in list_all(store, user_id)}


class DisplacementContract:
    """Tests the promises about users who have more sessions than they may have."""

    @pytest.mark.parametrize(("most", "displaced"), [(4, ()), (3, ()), (2, ("a",)), (1, ("a", "b"))])
    def test_a_sign_in_beyond_the_limit_ends_the_sessions_that_were_idle_longest(
        self, store: Store, age: Age, *, most: int, displaced: tuple[str, ...]
    ) -> None:
        for session_id, hours in ("b", 1), ("a", 2):
            start(store, session_id)
            age(session_id, timedelta(hours=hours))

        started = start(store, "new", most=most)

        assert started.displaced == displaced
        assert started.session == store.find_session("new")
        assert live_ids(store) == {"a", "b", "new"} - set(displaced)
        assert [is_revoked(store, session_id) for session_id in displaced] == [True] * len(displaced)
        assert not is_revoked(store, "new")

    def test_a_refreshed_session_counts_as_used_and_another_one_ends(self, store: Store, age: Age) -> None:
        for session_id, hours in ("younger", 1), ("older", 2):
            start(store, session_id)
            age(session_id, timedelta(hours=hours))
        redeem(store, session_id="older")

        assert start(store, "new", most=2).displaced == ("younger",)

    def test_the_new_session_never_ends_for_itself(self, store: Store, age: Age) -> None:
        """Even if the others seem to be younger, as after a clock that was ahead is set back."""
        for session_id in "a", "b":
            start(store, session_id)
            age(session_id, -timedelta(hours=1))

        assert set(start(store, "new", most=1).displaced) == {"a", "b"}
        assert live_ids(store) == {"new"}

    def test_a_displaced_session_is_over_and_cannot_be_ended_again(self, store: Store, age: Age) -> None:
        start(store)
        age("session", MARGIN)

        start(store, "new", most=1)

        assert not is_live(store)
        assert outcome(store) is Outcome.GONE
        assert store.end_session("session", retention=RETENTION) is None
        entries = store.revocations_since(None).entries
        assert [(entry.kind, entry.subject) for entry in entries] == [("session", "session")]

    def test_a_displaced_session_stays_revoked_for_the_retention(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        start(store)
        start(store, "new", most=1)

        age_revocations(RETENTION - MARGIN)
        assert is_revoked(store)

        age_revocations(MARGIN)
        assert not is_revoked(store)

    def test_each_user_has_a_limit_of_their_own(self, store: Store) -> None:
        start(store, "a", "alice")
        start(store, "b", "bob")

        assert start(store, "c", "Alice", most=1).displaced == ()
        assert start(store, "d", "alice", most=1).displaced == ("a",)
        assert is_live(store, "b")

    def test_sessions_that_are_over_do_not_count(self, store: Store, age: Age) -> None:
        start(store, "below")
        store.revoke_user("alice", retention=RETENTION, api_keys=False)
        for session_id in "ended", "idle", "expired", "live":
            start(store, session_id)
        store.end_session("ended", retention=RETENTION)
        age("idle", IDLE)
        age("expired", LIFETIME)
        age("live", IDLE - MARGIN)

        assert start(store, "new", most=2).displaced == ()
        assert live_ids(store) == {"live", "new"}
        assert start(store, "newer", most=2).displaced == ("live",)

    def test_one_sign_in_ends_a_limited_number_and_the_next_ones_the_rest(self, store: Store, age: Age) -> None:
        number = 2 * MOST_DISPLACED + 5
        for index in range(number):
            start(store, f"old{index}")
            age(f"old{index}", (number - index) * MARGIN)

        displaced = [start(store, f"new{index}", most=3).displaced for index in range(4)]

        assert [len(ended) for ended in displaced] == [MOST_DISPLACED, MOST_DISPLACED, 5, 1]
        assert [session_id for ended in displaced[:3] for session_id in ended] == [f"old{i}" for i in range(number)]
        assert live_ids(store) == {"new1", "new2", "new3"}

    def test_a_sign_in_that_is_refused_ends_nothing(self, store: Store) -> None:
        start(store)

        with pytest.raises(ValueError, match="ID"):
            start(store, most=1)

        assert is_live(store)
        assert store.revocations_since(None).entries == ()

    @pytest.mark.parametrize("most", [1, 3])
    def test_many_sign_ins_at_once_leave_no_more_than_the_limit(self, store: Store, most: int) -> None:
        store.create()

        started = at_once(8, lambda index: start(store, f"session{index}", most=most))

        displaced = [session_id for one in started for session_id in one.displaced]
        assert len(live_ids(store)) == most
        assert len(set(displaced)) == len(displaced) == 8 - most
        assert live_ids(store).isdisjoint(displaced)
