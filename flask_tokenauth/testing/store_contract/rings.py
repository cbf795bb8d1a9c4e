"""A store keeps which rings of keys the processes use."""

import time
from datetime import timedelta

import pytest

from ...core.records.ring_use import USE_LASTS, RingUse
from ...core.store import Store
from .kit import MOMENT, AgeRings

MARGIN = timedelta(seconds=30)  # "just before" and "just after" are so far from an instant
MILLISECOND = timedelta(milliseconds=1)


def find(uses: tuple[RingUse, ...], fingerprint: str = "one") -> RingUse:
    """Return the use of a ring."""
    [found] = [use for use in uses if use.fingerprint == fingerprint]
    return found


class RingContract:
    """Tests the promises about rings of keys."""

    def test_a_new_store_has_no_rings(self, store: Store) -> None:
        assert store.list_rings() == ()

    def test_a_reported_ring_is_listed_with_the_time_of_the_report(self, store: Store) -> None:
        reported = store.report_ring("one")

        found = find(store.list_rings())
        assert reported == (found,)
        assert found.since == found.until
        assert abs(found.since / 1000 - time.time()) < USE_LASTS.total_seconds()

    def test_different_rings_are_listed_side_by_side(self, store: Store) -> None:
        store.report_ring("one")

        reported = store.report_ring("two")

        assert {use.fingerprint for use in reported} == {"one", "two"}
        assert set(store.list_rings()) == set(reported)

    def test_a_later_report_prolongs_the_use(self, store: Store, age_rings: AgeRings) -> None:
        first = find(store.report_ring("one"))
        age_rings(USE_LASTS - MARGIN)

        later = find(store.report_ring("one"))

        assert abs(later.until - later.since - (USE_LASTS - MARGIN) // MILLISECOND) <= 5 * MOMENT // MILLISECOND
        assert later.until >= first.until
        assert find(store.list_rings()) == later

    def test_a_ring_is_listed_until_its_last_report_is_too_old(self, store: Store, age_rings: AgeRings) -> None:
        store.report_ring("one")
        age_rings(USE_LASTS - MARGIN)

        assert find(store.list_rings()).fingerprint == "one"

        age_rings(2 * MARGIN)

        assert store.list_rings() == ()

    def test_a_report_after_that_begins_a_new_use(self, store: Store, age_rings: AgeRings) -> None:
        store.report_ring("one")
        age_rings(USE_LASTS + MARGIN)

        found = find(store.report_ring("one"))

        assert found.since == found.until

    def test_the_report_of_another_ring_does_not_prolong_the_use(self, store: Store, age_rings: AgeRings) -> None:
        store.report_ring("one")
        age_rings(USE_LASTS + MARGIN)

        assert [use.fingerprint for use in store.report_ring("two")] == ["two"]

    def test_a_report_from_the_future_does_not_count(self, store: Store, age_rings: AgeRings) -> None:
        store.report_ring("one")

        age_rings(-(USE_LASTS + MARGIN))  # as after the clock was set right

        assert store.list_rings() == ()

    @pytest.mark.parametrize("fingerprint", ["", " ", "a b", "ä", "x" * 65, "a\n"])
    def test_what_cannot_be_a_fingerprint_is_refused(self, store: Store, fingerprint: str) -> None:
        with pytest.raises(ValueError, match="fingerprint"):
            store.report_ring(fingerprint)
