"""Time calls in one process, by turns: if the machine slows down, it slows all subjects alike."""

import gc
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import repeat
from statistics import median, quantiles
from time import perf_counter_ns

_BATCH = 2_000_000  # nanoseconds, about: the time of a batch of calls
_LARGEST_BATCH = 50
_SLOW = 10_000_000  # nanoseconds; slower calls are timed in a few rounds only
_SLOW_EVERY = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """A call to time, and a context around each batch of calls. The context is not timed."""

    name: str
    call: Callable[[], object]
    context: Callable[[], AbstractContextManager[object]] = nullcontext
    calls: int | None = None  # of a batch; None: as many as take about 2 ms


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of a call over all rounds, in microseconds."""

    p10: float
    median: float
    iqr: float  # width of the range that holds the middle half
    rounds: int


def summarize(samples: Sequence[float]) -> Timing:
    """Return the timing of one subject from its samples, one for each round."""
    if len(samples) == 1:
        return Timing(samples[0], samples[0], iqr(samples), 1)
    p10, *_ = quantiles(samples, n=10, method="inclusive")
    return Timing(p10, median(samples), iqr(samples), len(samples))


def iqr(samples: Sequence[float]) -> float:
    """Return the width of the range that holds the middle half; 0 for a single sample."""
    if len(samples) == 1:
        return 0.0
    first, _, third = quantiles(samples, n=4, method="inclusive")
    return third - first


def measure(subjects: Sequence[Subject], rounds: int) -> dict[str, Timing]:
    """Time every subject once in each round, in random order; calls of more than 10 ms in every 20th round only."""
    batches = {subject.name: _calibrate(subject) for subject in subjects}
    samples: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    order, shuffle = list(subjects), random.Random(rounds).shuffle  # the same order in every run
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for number in range(rounds):
            shuffle(order)
            for subject in order:
                calls = batches[subject.name]
                if calls or number % _SLOW_EVERY == 0:
                    samples[subject.name].append(_time(subject, calls or 1) / 1000)
            gc.collect()  # between rounds, so that no subject collects the garbage of another
    finally:
        gc.enable()
        gc.unfreeze()
    return {name: summarize(taken) for name, taken in samples.items()}


def measure_cases(cases: Mapping[str, Sequence[Subject]], rounds: int) -> dict[str, dict[str, Timing]]:
    """Time the subjects of all cases by turns, and return the timings by case and subject."""
    subjects = [
        replace(subject, name=f"{case}: {subject.name}") for case, of_case in cases.items() for subject in of_case
    ]
    taken = measure(subjects, rounds)
    return {
        case: {subject.name: taken[f"{case}: {subject.name}"] for subject in of_case} for case, of_case in cases.items()
    }


def _time(subject: Subject, calls: int) -> float:
    """Return the average nanoseconds of one call."""
    call = subject.call
    with subject.context():
        began = perf_counter_ns()
        for _ in repeat(None, calls):
            call()
        return (perf_counter_ns() - began) / calls


def _calibrate(subject: Subject) -> int:
    """Warm the subject up, and return the number of calls in a batch; 0 for a slow subject."""
    took = min(_time(subject, 1) for _ in range(3))
    if subject.calls is not None:
        return subject.calls
    return 0 if took > _SLOW else max(1, min(_LARGEST_BATCH, int(_BATCH / took)))
