"""The time limit of the running call."""

import math
from concurrent.futures import ThreadPoolExecutor

from greenlet import greenlet  # type: ignore[import-untyped]  # it has no types

from flask_tokenauth.core.time_limit import remaining, time_limit

from ..conftest import StandingClock


def test_without_a_limit_there_is_time_for_ever(clock: StandingClock) -> None:
    assert remaining(monotonic=clock) == math.inf


def test_time_that_passes_is_subtracted_from_the_limit(clock: StandingClock) -> None:
    with time_limit(5, monotonic=clock):
        clock.now += 2

        assert remaining(monotonic=clock) == 3


def test_after_the_end_no_time_is_left(clock: StandingClock) -> None:
    with time_limit(5, monotonic=clock):
        clock.now += 6

        assert remaining(monotonic=clock) == 0


def test_an_inner_limit_shortens_the_time(clock: StandingClock) -> None:
    with time_limit(5, monotonic=clock), time_limit(1, monotonic=clock):
        assert remaining(monotonic=clock) == 1


def test_an_inner_limit_does_not_lengthen_the_time(clock: StandingClock) -> None:
    with time_limit(5, monotonic=clock), time_limit(9, monotonic=clock):
        assert remaining(monotonic=clock) == 5


def test_after_an_inner_limit_the_outer_one_holds(clock: StandingClock) -> None:
    with time_limit(5, monotonic=clock):
        with time_limit(1, monotonic=clock):
            pass

        assert remaining(monotonic=clock) == 5


def test_after_the_block_there_is_no_limit(clock: StandingClock) -> None:
    with time_limit(5, monotonic=clock):
        pass

    assert remaining(monotonic=clock) == math.inf


def test_another_thread_has_no_limit() -> None:
    with time_limit(5), ThreadPoolExecutor() as pool:
        assert pool.submit(remaining).result() == math.inf


def test_another_green_thread_has_no_limit() -> None:
    with time_limit(5):
        assert greenlet(remaining).switch() == math.inf


def test_the_usual_clock_runs() -> None:
    with time_limit(3600):
        assert 0 < remaining() < 3600
