"""A purge is refused if the clock of the store seems to be ahead."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ...core.errors import PurgeRefused
from ...core.records.revocation import Revocation
from ...core.store import LONGEST_SILENCE, Store
from .kit import (
    MARGIN,
    RETENTION,
    Age,
    AgeApiKeys,
    AgeRevocations,
    add_key,
    id_for,
    is_live,
    is_revoked,
    start,
    until,
)

SIGNS: dict[str, Callable[[Store], object]] = {
    "a sign-in": lambda store: start(store, "new", user_id="bob"),
    "an ended session": lambda store: (start(store, "new"), store.end_session("new", retention=RETENTION)),
    "an API key": lambda store: add_key(store, user_id="bob"),
    "a revoked API key": lambda store: (
        add_key(store, user_id="bob"),
        store.revoke_api_key(id_for("key"), retention=RETENTION),
    ),
    "a revoked user": lambda store: store.revoke_user("bob", retention=RETENTION, api_keys=False),
    "a purge": lambda store: store.purge(force=True),
}


class PurgeContract:
    """Tests the promises about purges by a clock that may be ahead."""

    def test_a_purge_long_after_the_newest_sign_in_is_refused(self, store: Store, age: Age) -> None:
        start(store)
        age("session", LONGEST_SILENCE + MARGIN)

        with pytest.raises(PurgeRefused) as caught:
            store.purge()

        silence = caught.value.now - caught.value.newest
        assert LONGEST_SILENCE + MARGIN <= silence < LONGEST_SILENCE + 2 * MARGIN

    def test_a_purge_soon_after_the_newest_sign_in_deletes(self, store: Store, age: Age) -> None:
        start(store)
        start(store, "ended")
        store.end_session("ended", retention=RETENTION)
        for session_id in "session", "ended":
            age(session_id, LONGEST_SILENCE - MARGIN)

        store.purge()

        assert store.purge() == 0
        assert is_live(store)

    def test_a_refused_purge_deletes_nothing(self, store: Store, age: Age, age_revocations: AgeRevocations) -> None:
        start(store)
        store.end_session("session", retention=RETENTION)
        age("session", LONGEST_SILENCE + MARGIN)
        age_revocations(RETENTION + MARGIN)
        with pytest.raises(PurgeRefused):
            store.purge()

        age_revocations(-2 * MARGIN)  # as after the clock is set right

        assert is_revoked(store)

    def test_a_refused_purge_is_refused_again(self, store: Store, age: Age) -> None:
        start(store)
        age("session", LONGEST_SILENCE + MARGIN)

        for _ in range(2):
            with pytest.raises(PurgeRefused):
                store.purge()

    def test_a_forced_purge_deletes_in_every_case(
        self, store: Store, age: Age, age_revocations: AgeRevocations
    ) -> None:
        start(store)
        store.end_session("session", retention=RETENTION)
        age("session", LONGEST_SILENCE + MARGIN)
        age_revocations(RETENTION + LONGEST_SILENCE + MARGIN)

        store.purge(force=True)
        age_revocations(-(LONGEST_SILENCE + 2 * MARGIN))

        assert not is_revoked(store)

    def test_a_clock_that_is_ahead_unnoticed_deletes_no_revocation_that_is_needed(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        start(store)
        store.end_session("session", retention=RETENTION)
        age_revocations(RETENTION + LONGEST_SILENCE - MARGIN)

        store.purge()
        age_revocations(-LONGEST_SILENCE)  # as after the clock is set right

        assert is_revoked(store)

    @pytest.mark.parametrize("leave_sign", SIGNS.values(), ids=SIGNS)
    def test_one_new_sign_of_the_present_suffices(
        self, store: Store, age: Age, leave_sign: Callable[[Store], object]
    ) -> None:
        start(store)
        age("session", LONGEST_SILENCE + MARGIN)
        leave_sign(store)

        store.purge()

        assert store.purge() == 0

    def test_a_purge_long_after_the_newest_api_key_was_created_is_refused(
        self, store: Store, age_api_keys: AgeApiKeys
    ) -> None:
        add_key(store)
        age_api_keys(LONGEST_SILENCE + MARGIN)

        with pytest.raises(PurgeRefused):
            store.purge()

    def test_times_after_the_present_do_not_count(self, store: Store, age: Age) -> None:
        start(store)
        age("session", LONGEST_SILENCE + MARGIN)
        start(store, "future")
        age("future", -timedelta(days=1))

        with pytest.raises(PurgeRefused):
            store.purge()

    def test_a_store_that_knows_no_time_is_purged(self, store: Store, age_revocations: AgeRevocations) -> None:
        store.revoke(Revocation(kind="token", subject="t1", expires_at=until(MARGIN)))
        age_revocations(LONGEST_SILENCE + 2 * MARGIN)

        store.purge()

        assert store.purge() == 0

    def test_an_empty_store_is_purged(self, store: Store) -> None:
        assert store.purge() == 0
