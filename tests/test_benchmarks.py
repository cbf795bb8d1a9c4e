"""The parts of the benchmarks that do not measure: statistics, calls and keys."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.keys import ALGORITHMS, public_half
from benchmarks.measure import Subject, Timing, measure, summarize
from benchmarks.section import Check
from flask_tokenauth.core import Key


def test_every_subject_is_called_in_its_context_in_every_round() -> None:
    events: list[str] = []

    @contextmanager
    def context() -> Iterator[None]:
        events.append("(")
        yield
        events.append(")")

    subjects = [Subject("one", lambda: events.append("1"), context), Subject("other", lambda: None)]
    timings = measure(subjects, rounds=5)

    assert {name: timing.rounds for name, timing in timings.items()} == {"one": 5, "other": 5}
    assert all(set(inside.strip("(")) == {"1"} for inside in "".join(events).split(")")[:-1])


def test_a_timing_holds_percentiles_of_the_rounds() -> None:
    assert summarize([float(sample) for sample in range(101)]) == Timing(p10=10.0, median=50.0, iqr=50.0, rounds=101)


@pytest.mark.parametrize(
    ("check", "row"),
    [
        (Check("a", 0.35, 0.35), ["a", "0.350", "<= 0.35", "yes"]),
        (Check("b", 0.351, 0.35), ["b", "0.351", "<= 0.35", "NO"]),
        (Check("c", 0.93, 0.93, least=True), ["c", "0.930", ">= 0.93", "yes"]),
        (Check("d", 0.929, 0.93, least=True), ["d", "0.929", ">= 0.93", "NO"]),
        (Check("e", 1 / 8, 1 / 9, fraction=True), ["e", "1/8.00", "<= 1/9", "NO"]),
        (Check("f", -0.01, 1 / 30, fraction=True), ["f", "-0.010", "<= 1/30", "yes"]),
    ],
)
def test_figures_stand_beside_their_targets(check: Check, row: list[str]) -> None:
    assert check.row() == row


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_public_half_removes_the_private_key(algorithm: str) -> None:
    key = Key.generate(algorithm)

    assert public_half(key.to_jwk(private=True)) == key.to_jwk(private=key.key_type == "oct")
