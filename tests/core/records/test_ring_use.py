"""The reports of rings that a store keeps."""

from datetime import timedelta

import pytest

from flask_tokenauth.core.records.ring_use import RingUse, find_longest_overlap, report, select_live

NOW = 1_000_000_000_000
LIFE = 120_000  # milliseconds


def use(fingerprint: str = "one", since: int = NOW, until: int = NOW) -> RingUse:
    return RingUse(fingerprint=fingerprint, since=since, until=until)


@pytest.mark.parametrize("fingerprint", ["", "a b", "\t", "é", "x" * 65, 5])
def test_a_fingerprint_is_a_short_word(fingerprint: str) -> None:
    with pytest.raises(ValueError, match="fingerprint must be 1 to 64 printable ASCII characters without spaces"):
        use(fingerprint)


def test_the_longest_fingerprint_is_accepted() -> None:
    assert use("x" * 64).fingerprint == "x" * 64


@pytest.mark.parametrize("time", [-1, 10**18, True, 1.5])
def test_a_time_is_a_whole_number_of_milliseconds(time: int) -> None:
    with pytest.raises(ValueError, match="since and until must be times in milliseconds"):
        use(since=time)
    with pytest.raises(ValueError, match="since and until must be times in milliseconds"):
        use(until=time)


@pytest.mark.parametrize(("until", "live"), [(-LIFE - 1, 0), (-LIFE, 1), (0, 1), (LIFE, 1), (LIFE + 1, 0)])
def test_a_ring_is_in_use_for_two_minutes(until: int, live: int) -> None:
    assert len(select_live([use(until=NOW + until)], NOW)) == live


@pytest.mark.parametrize(("later", "renewed"), [(14_999, False), (15_000, True), (15_001, True)])
def test_a_report_is_written_again_after_a_quarter_of_a_minute(later: int, *, renewed: bool) -> None:
    assert use().has_to_be_renewed(NOW + later) == renewed


def test_a_report_keeps_the_beginning_of_the_use() -> None:
    uses = [use("two", since=5, until=NOW - 1), use("one", since=7, until=NOW - 1)]

    assert report(uses, "one", NOW) == use("one", since=7, until=NOW)


def test_a_use_begins_in_the_past() -> None:
    assert report([use(since=NOW + 50, until=NOW + 60)], "one", NOW) == use(since=NOW, until=NOW)


@pytest.mark.parametrize(
    ("times", "milliseconds"),
    [
        ([], 0),
        ([(0, 9)], 0),
        ([(0, 9), (9, 20)], 0),
        ([(0, 9), (10, 20)], 0),
        ([(0, 9), (8, 20)], 1),
        ([(0, 100), (10, 20)], 10),
        ([(10, 20), (0, 100)], 10),
        ([(0, 9), (30, 40), (5, 35)], 5),
    ],
)
def test_the_longest_overlap_is_that_of_two_rings(times: list[tuple[int, int]], milliseconds: int) -> None:
    uses = [use(str(number), since, until) for number, (since, until) in enumerate(times)]

    assert find_longest_overlap(uses) == timedelta(milliseconds=milliseconds)


def test_a_ring_that_comes_back_after_another_one_was_not_in_use_meanwhile() -> None:
    uses = [use("one", since=5, until=NOW - 50), use("two", since=NOW - 40, until=NOW - 1)]

    assert report(uses, "one", NOW) == use("one", since=NOW, until=NOW)


def test_rings_that_are_in_use_at_the_same_time_keep_their_beginning() -> None:
    uses = [use("one", since=5, until=NOW - 30), use("two", since=NOW - 40, until=NOW - 1)]

    assert report(uses, "one", NOW) == use("one", since=5, until=NOW)
