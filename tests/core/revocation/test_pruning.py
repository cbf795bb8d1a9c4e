"""Expired revocations are forgotten in steps: a request pays for one of them."""

import pytest

from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.revocation.index import PARTS, RevocationIndex
from flask_tokenauth.core.revocation.pruning import MOST_ADDED, PERIOD, STEP, Pruning

from ...conftest import NOW
from .kit import LATER, TICK, ms


class Counting(RevocationIndex):
    """Pretends that each of its parts has so many revocations, and records which ones are pruned, and by which time."""

    def __init__(self, in_part: int) -> None:
        super().__init__(grace=70)
        self.in_part = in_part
        self.pruned: list[tuple[int, float]] = []

    def prune(self, number: int, now: float) -> int:
        self.pruned.append((number, now))
        return self.in_part

    def steps(self, pruning: Pruning, now: float, number: int = 1) -> int:
        """Do some steps, and return the number of parts that were pruned."""
        before = len(self.pruned)
        for _ in range(number):
            pruning.go_on(self, now)
        return len(self.pruned) - before


@pytest.mark.parametrize(
    ("in_part", "parts"),
    [(0, PARTS), (STEP // PARTS, PARTS), (STEP // 4, 4), (STEP // 4 - 1, 5), (STEP - 1, 2), (STEP, 1), (10**6, 1)],
)
def test_a_step_ends_after_the_part_with_which_it_has_looked_at_enough(in_part: int, parts: int) -> None:
    assert Counting(in_part).steps(Pruning(), NOW) == parts


def test_a_round_has_each_part_once_and_all_by_the_time_of_its_start() -> None:
    index, pruning = Counting(STEP), Pruning()

    for step in range(PARTS + 10):
        index.steps(pruning, NOW + step)

    assert sorted(index.pruned) == [(number, NOW) for number in range(PARTS)]


@pytest.mark.parametrize(("passed", "parts"), [(PERIOD - TICK, 0), (PERIOD, PARTS), (PERIOD + 1, PARTS), (-PERIOD, 0)])
def test_the_next_round_begins_after_a_period(passed: float, parts: int) -> None:
    index, pruning = Counting(0), Pruning()
    index.steps(pruning, NOW)

    assert index.steps(pruning, NOW + passed) == parts


def test_a_round_that_takes_longer_than_a_period_ends_before_the_next_one_begins() -> None:
    index, pruning = Counting(STEP), Pruning()
    index.steps(pruning, NOW)

    index.steps(pruning, NOW + PERIOD, PARTS)

    assert [now for _, now in index.pruned] == [NOW] * PARTS + [NOW + PERIOD]


@pytest.mark.parametrize(("added", "parts"), [(0, 1), (1, 2), (STEP // 2, 2), (MOST_ADDED, 3), (2 * MOST_ADDED, 3)])
def test_a_step_looks_at_twice_as_many_as_were_added_up_to_a_limit(added: int, parts: int) -> None:
    index, pruning = Counting(STEP), Pruning()
    index.steps(pruning, NOW)
    pruning.added += added

    assert index.steps(pruning, NOW) == parts


def test_what_was_added_above_the_limit_lengthens_the_next_steps() -> None:
    index, pruning = Counting(STEP), Pruning()
    index.steps(pruning, NOW)
    pruning.added += MOST_ADDED * 5 // 2

    assert [index.steps(pruning, NOW) for _ in range(4)] == [3, 3, 2, 1]


def test_what_was_added_before_a_round_does_not_lengthen_its_steps() -> None:
    index, pruning = Counting(STEP), Pruning()
    pruning.added = 10**6

    assert index.steps(pruning, NOW, 2) == 2


def test_after_a_clock_was_set_back_nothing_more_is_forgotten_by_the_time_that_it_had_shown() -> None:
    index, pruning = Counting(STEP), Pruning()
    index.steps(pruning, NOW + 10**6)
    pruning.set_back(NOW)

    index.steps(pruning, NOW, PARTS - 1)

    assert [now for _, now in index.pruned] == [NOW + 10**6] + [NOW] * (PARTS - 1)
    assert index.steps(pruning, NOW + PERIOD - 1) == 0
    assert index.steps(pruning, NOW + PERIOD) == 1


def test_a_time_after_that_of_the_round_sets_nothing_back() -> None:
    index, pruning = Counting(STEP), Pruning()
    index.steps(pruning, NOW)
    pruning.set_back(NOW + 1)

    index.steps(pruning, NOW + 1)

    assert [now for _, now in index.pruned] == [NOW, NOW]


def test_all_that_has_expired_is_forgotten_by_the_end_of_a_round() -> None:
    index, pruning = RevocationIndex(grace=70), Pruning()
    number = 2 * STEP
    for subject in range(number):
        index.add(Revocation(kind="session", subject=f"{subject}", expires_at=ms(NOW) + subject * 120))
    index.add(Revocation(kind="session", subject="live", expires_at=LATER))
    left: list[int] = []
    for _ in range(3):
        pruning.go_on(index, NOW + 1260)
        left.append(index.count()[1])

    assert number - STEP - 200 < left[0] < number - STEP + 1  # one part more than a step at most
    assert left[2] == 1
