"""Tenants: many threads at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from flask_tokenauth.application.tenants import Tenants, _Question
from flask_tokenauth.core.errors import KeySetUnavailable
from flask_tokenauth.core.process import ProcessLock, process_id

from ...conftest import StandingClock
from ...waiting import wait_until
from .kit import GOOD, PER_SECOND, Loader, names

THREADS = 8


class Question:
    """A question of another thread, which ends without an answer as soon as somebody waits for it."""

    def __init__(self, tenants: Tenants, name: str) -> None:
        self._questions, self._name = tenants._questions, name

    def __enter__(self) -> None:
        self._questions[self._name] = _Question(process_id(), -1, ProcessLock())

    def __exit__(self, *_: object) -> None:
        del self._questions[self._name]


def test_one_asks_about_a_name_and_the_others_wait_for_the_answer(tenants: Tenants, loader: Loader) -> None:
    asked, go_on = loader.hold()

    with ThreadPoolExecutor(THREADS) as pool:
        found = [pool.submit(tenants.find, GOOD) for _ in range(THREADS)]
        assert asked.wait(60)
        go_on.set()
        rules = {each.result() for each in found}

    assert loader.asked == [GOOD]
    assert len(rules) == 1
    assert None not in rules


def test_of_a_failure_all_hear(tenants: Tenants, loader: Loader) -> None:
    loader.is_down = True
    asked, go_on = loader.hold()

    with ThreadPoolExecutor(THREADS) as pool:
        found = [pool.submit(tenants.find, GOOD) for _ in range(THREADS)]
        assert asked.wait(60)
        go_on.set()
        errors = [each.exception() for each in found]

    assert loader.asked == [GOOD]
    assert {type(error) for error in errors} == {KeySetUnavailable}


def test_one_that_waits_too_long_gives_up(tenants: Tenants, loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_tokenauth.application.tenants._LONGEST_WAIT", 0.01)
    asked, go_on = loader.hold()

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(tenants.find, GOOD)
        assert asked.wait(60)
        with pytest.raises(KeySetUnavailable, match="has not answered yet"):
            tenants.find(GOOD)
        go_on.set()
        assert found.result() is not None


def test_too_many_names_at_once_are_an_outage_and_no_refusal(tenants: Tenants, loader: Loader) -> None:
    """Nothing is known about them yet: a client must not throw its token away."""
    flood = names()
    _, go_on = loader.hold()

    with ThreadPoolExecutor(PER_SECOND) as pool:
        found = [pool.submit(tenants.find, next(flood)) for _ in range(PER_SECOND)]
        wait_until(lambda: len(loader.asked) == PER_SECOND)
        with pytest.raises(KeySetUnavailable, match="too many issuers at once"):
            tenants.find(GOOD)
        go_on.set()
        assert [each.result() for each in found] == [None] * PER_SECOND


@pytest.mark.parametrize("age", [None, 60], ids=["unknown", "known too long ago"])
def test_an_answer_that_a_waiting_thread_does_not_hear_is_no_refusal_and_no_pass(
    tenants: Tenants, loader: Loader, clock: StandingClock, age: int | None
) -> None:
    """It may run so late that nothing is remembered."""
    if age is not None:
        tenants.find(GOOD)
        clock.now += age
    with Question(tenants, GOOD), pytest.raises(KeySetUnavailable, match="its answer is not known"):
        tenants.find(GOOD)


def test_a_question_that_a_fork_has_left_behind_is_asked_again(tenants: Tenants, loader: Loader) -> None:
    tenants._questions[GOOD] = _Question(-1, -1, ProcessLock())

    assert tenants.find(GOOD) is not None
    assert loader.asked == [GOOD]


def test_a_loader_that_asks_for_its_own_issuer_is_refused(loader: Loader, tenants: Tenants) -> None:
    errors = []

    def ask() -> None:
        with pytest.raises(KeySetUnavailable) as caught:
            tenants.find(GOOD)
        errors.append(str(caught.value))

    loader.before_answer = ask

    assert tenants.find(GOOD) is not None
    assert errors == ["issuer_loader must not verify a token of the issuer it is asked about"]
