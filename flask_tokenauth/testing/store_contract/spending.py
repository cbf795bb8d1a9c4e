"""Things that can be used once: of all calls that spend an ID, exactly one is the first."""

from datetime import timedelta

import pytest

from ...core.store import LONGEST_SILENCE, Store
from .identifiers import ALIKE, NO_IDENTIFIERS
from .kit import MARGIN, at_once, until

HOUR = timedelta(hours=1)
LONGEST_ID = "x" * 255  # characters


def spend(store: Store, spent_id: str = "ticket", *, left: timedelta = HOUR) -> bool:
    """Spend an ID that expires after *left*, by the clock of the test."""
    return store.spend(spent_id, expires_at=until(left))


class SpendingContract:
    """Tests the promises about IDs that can be spent once."""

    def test_an_id_can_be_spent_once(self, store: Store) -> None:
        assert [spend(store) for _ in range(3)] == [True, False, False]

    def test_another_id_can_be_spent_too(self, store: Store) -> None:
        spend(store)

        assert spend(store, "other")

    @pytest.mark.parametrize(("one", "other"), ALIKE)
    def test_similar_ids_are_different(self, store: Store, one: str, other: str) -> None:
        assert spend(store, one)
        assert spend(store, other)
        assert not spend(store, one)

    def test_the_longest_id_can_be_spent(self, store: Store) -> None:
        assert spend(store, LONGEST_ID)
        assert not spend(store, LONGEST_ID)

    @pytest.mark.parametrize("value", NO_IDENTIFIERS)
    def test_a_string_that_is_no_identifier_cannot_be_spent(self, store: Store, value: str) -> None:
        with pytest.raises(ValueError, match="spent_id"):
            spend(store, value)

    def test_of_many_threads_that_spend_one_id_exactly_one_is_the_first(self, store: Store) -> None:
        assert at_once(8, lambda _: spend(store)).count(True) == 1

    def test_each_of_many_threads_can_spend_an_id_of_its_own(self, store: Store) -> None:
        assert all(at_once(8, lambda number: spend(store, f"ticket {number}")))

    def test_the_first_expiry_counts(self, store: Store) -> None:
        spend(store)

        spend(store, left=-2 * LONGEST_SILENCE)
        store.purge(force=True)

        assert not spend(store)

    @pytest.mark.parametrize("left", [HOUR, -HOUR, MARGIN - LONGEST_SILENCE])
    def test_a_purge_keeps_an_id_until_it_has_expired_for_long(self, store: Store, left: timedelta) -> None:
        """The clock of the store may be ahead by as much."""
        spend(store, left=left)

        store.purge(force=True)

        assert not spend(store, left=left)
