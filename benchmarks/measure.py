"""Times calls in one process, interleaved, so that what slows the machine slows every subject alike."""

import gc
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import repeat
from statistics import median, quantiles
from time import perf_counter_ns

_BATCH = 2_000_000  # nanoseconds that a batch of calls takes, roughly
_LARGEST_BATCH = 50
_SLOW = 10_000_000  # nanoseconds; a call that takes longer is timed in a few rounds only
_SLOW_EVERY = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to call, and what surrounds each batch of calls without being timed."""

    name: str
    call: Callable[[], object]
    context: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True, slots=True)
class Timing:
    """What a call took over all rounds, in microseconds."""

    p10: float
    median: float
    iqr: float  # the middle half of the rounds lies within
    rounds: int


def summarize(samples: Sequence[float]) -> Timing:
    """Return the figures of one subject's samples, one a round."""
    if len(samples) == 1:
        return Timing(samples[0], samples[0], iqr(samples), 1)
    p10, *_ = quantiles(samples, n=10, method="inclusive")
    return Timing(p10, median(samples), iqr(samples), len(samples))


def iqr(samples: Sequence[float]) -> float:
    """Return the width of the range that holds the middle half; none of a single sample."""
    if len(samples) == 1:
        return 0.0
    first, _, third = quantiles(samples, n=4, method="inclusive")
    return third - first


def measure(subjects: Sequence[Subject], rounds: int) -> dict[str, Timing]:
    """Time every subject once a round, in an order shuffled for each round; calls of over 10 ms in every 20th."""
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
            gc.collect()  # between rounds, so that no subject pays for what another left
    finally:
        gc.enable()
        gc.unfreeze()
    return {name: summarize(taken) for name, taken in samples.items()}


def _time(subject: Subject, calls: int) -> float:
    """Return the nanoseconds that one of *calls* calls took on average."""
    call = subject.call
    with subject.context():
        began = perf_counter_ns()
        for _ in repeat(None, calls):
            call()
        return (perf_counter_ns() - began) / calls


def _calibrate(subject: Subject) -> int:
    """Warm the subject up and return how many calls make a batch; none for the slow."""
    took = min(_time(subject, 1) for _ in range(3))
    return 0 if took > _SLOW else max(1, min(_LARGEST_BATCH, int(_BATCH / took)))
