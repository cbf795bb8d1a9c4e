"""Tenants: what the loader is asked, how often, and for how long its answers count."""

import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pytest

from flask_tokenauth import SettingsError, TrustedIssuer
from flask_tokenauth.application.tenants import Tenants, _Question
from flask_tokenauth.core.claim_errors import IssuerNotAsked
from flask_tokenauth.core.errors import KeySetUnavailable
from flask_tokenauth.core.process import ProcessLock, process_id
from flask_tokenauth.core.trusted_issuers.rules import IssuerRules

from ..conftest import StandingClock
from ..core.trusted_issuers.rules_kit import issuer_with, rules_with
from ..waiting import Held, wait_until

PATTERN = re.compile(r"https://[a-z0-9]+\.example")
GOOD, OTHER = "https://good.example", "https://other.example"
PER_SECOND = 10
THREADS = 8


class Loader(Held):
    """A loader of an application, with a record of the questions."""

    def __init__(self) -> None:
        super().__init__()
        self.tenants: dict[str, Any] = {GOOD: issuer_with(issuer=GOOD)}
        self.asked: list[str] = []
        self.is_down = False

    def __call__(self, name: str) -> Any:
        self.asked.append(name)
        self.before_answer()
        if self.is_down:
            raise RuntimeError("the database is down")
        return self.tenants.get(name)


def make_rules(issuer: TrustedIssuer, before: IssuerRules | None) -> IssuerRules:
    return before if before is not None and before.issuer == issuer else rules_with(issuer=issuer.issuer[0])


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(0)


@pytest.fixture
def tenants(loader: Loader, clock: StandingClock) -> Tenants:
    return Tenants(loader, PATTERN, make_rules=make_rules, check=lambda _: None, per_second=PER_SECOND, monotonic=clock)


def names() -> Iterator[str]:
    """Return names of no tenant, which the pattern matches."""
    return (f"https://x{number}.example" for number in range(10_000))


def test_good_tenants_do_not_count_as_unknown(tenants: Tenants, loader: Loader) -> None:
    """After a start, all tenants may come in the same second."""
    good = list(islice(names(), 50))
    loader.tenants |= {name: issuer_with(issuer=name) for name in good}

    assert None not in [tenants.find(name) for name in good]


def test_a_tenant_is_found_and_remembered(tenants: Tenants, loader: Loader) -> None:
    found = [tenants.find(GOOD) for _ in range(3)]

    assert found[0] is not None
    assert found == [found[0]] * 3
    assert loader.asked == [GOOD]


@pytest.mark.parametrize(
    "name", ["https://good.example/", "http://good.example", "x https://good.example", "https://good.example\n", ""]
)  # fmt: skip
def test_names_that_the_pattern_does_not_match_as_a_whole_are_not_asked_about(
    tenants: Tenants, loader: Loader, name: str
) -> None:
    assert tenants.find(name) is None
    assert loader.asked == []


@pytest.mark.parametrize(("length", "asked"), [(255, 1), (256, 0)])
def test_long_names_are_not_asked_about(tenants: Tenants, loader: Loader, length: int, asked: int) -> None:
    name = "https://" + "a" * (length - len("https://.example")) + ".example"
    assert len(name) == length

    assert tenants.find(name) is None
    assert len(loader.asked) == asked


@pytest.mark.parametrize(("later", "asked"), [(59.999, 1), (60, 2)])
def test_an_unknown_name_is_remembered_for_a_minute(
    tenants: Tenants, loader: Loader, clock: StandingClock, later: float, asked: int
) -> None:
    assert tenants.find(OTHER) is None
    clock.now += later
    loader.tenants[OTHER] = issuer_with(issuer=OTHER)

    assert (tenants.find(OTHER) is None) is (asked == 1)
    assert len(loader.asked) == asked


def test_a_tenant_that_is_taken_away_is_out_within_a_minute(
    tenants: Tenants, loader: Loader, clock: StandingClock
) -> None:
    tenants.find(GOOD)
    del loader.tenants[GOOD]

    clock.now += 49.999
    assert tenants.find(GOOD) is not None
    clock.now += 0.001
    assert tenants.find(GOOD) is None
    assert tenants.find(GOOD) is None
    assert loader.asked == [GOOD, GOOD]


def test_a_tenant_that_stays_keeps_its_rules(tenants: Tenants, loader: Loader, clock: StandingClock) -> None:
    """Its tokens are remembered with them."""
    first = tenants.find(GOOD)
    clock.now += 60

    assert tenants.find(GOOD) is first
    assert loader.asked == [GOOD, GOOD]


def test_while_it_is_asked_again_and_fails_the_answer_counts_to_the_end(
    tenants: Tenants, loader: Loader, clock: StandingClock
) -> None:
    first = tenants.find(GOOD)
    loader.is_down = True

    for later in (50, 50.1, 59.9):
        clock.now = later
        assert tenants.find(GOOD) is first
    clock.now = 61
    with pytest.raises(KeySetUnavailable):
        tenants.find(GOOD)


def test_one_request_asks_again_and_the_others_go_on(tenants: Tenants, loader: Loader, clock: StandingClock) -> None:
    first = tenants.find(GOOD)
    clock.now += 50
    asked, go_on = loader.hold()

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(tenants.find, GOOD)
        assert asked.wait(60)
        assert tenants.find(GOOD) is first
        go_on.set()
        assert asking.result() is first
    assert loader.asked == [GOOD, GOOD]


def find(tenants: Tenants, name: str) -> object:
    """Return the rules of a tenant, None, or the class of the refusal."""
    try:
        return tenants.find(name)
    except IssuerNotAsked:
        return IssuerNotAsked


class TestFlood:
    """Names that an attacker makes up."""

    def test_ten_a_second_are_asked_about_and_the_rest_is_refused(self, tenants: Tenants, loader: Loader) -> None:
        found = [find(tenants, name) for name in names()]

        assert found == [None] * PER_SECOND + [IssuerNotAsked] * (10_000 - PER_SECOND)
        assert len(loader.asked) == PER_SECOND

    @pytest.mark.parametrize(("later", "asked"), [(0.999, PER_SECOND), (1, 2 * PER_SECOND)])
    def test_after_a_second_it_goes_on(
        self, tenants: Tenants, loader: Loader, clock: StandingClock, later: float, asked: int
    ) -> None:
        flood = names()
        for _ in range(20):
            find(tenants, next(flood))
        clock.now += later
        for _ in range(20):
            find(tenants, next(flood))

        assert len(loader.asked) == asked

    def test_good_tenants_are_not_evicted_and_are_asked_about_all_the_same(
        self, tenants: Tenants, loader: Loader, clock: StandingClock
    ) -> None:
        first = tenants.find(GOOD)
        for later in (0, 55, 61):
            clock.now += later
            for name in [*names()][:1000]:
                find(tenants, name)
            assert tenants.find(GOOD) is first

        assert loader.asked.count(GOOD) == 3

    def test_the_memory_of_unknown_names_is_bounded(
        self, loader: Loader, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flask_tokenauth.application.tenants._MOST_UNKNOWN", 3)
        tenants = Tenants(
            loader, PATTERN, make_rules=make_rules, check=lambda _: None, per_second=1000, monotonic=clock
        )
        for name in [*names()][:5]:
            tenants.find(name)

        assert len(tenants._unknown) == 3

    def test_the_memory_of_tenants_is_bounded(
        self, loader: Loader, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flask_tokenauth.application.tenants._MOST_GOOD", 3)
        tenants = Tenants(loader, PATTERN, make_rules=make_rules, check=lambda _: None, per_second=1, monotonic=clock)
        good = list(islice(names(), 5))
        loader.tenants |= {name: issuer_with(issuer=name) for name in good}
        for name in good:
            tenants.find(name)

        assert [*tenants._good] == good[2:]


class Question:
    """A question of another thread, which ends without an answer as soon as somebody waits for it."""

    def __init__(self, tenants: Tenants, name: str) -> None:
        self._questions, self._name = tenants._questions, name

    def __enter__(self) -> None:
        self._questions[self._name] = _Question(process_id(), -1, ProcessLock())

    def __exit__(self, *_: object) -> None:
        del self._questions[self._name]


class TestThreads:
    """Many threads at once."""

    def test_one_asks_about_a_name_and_the_others_wait_for_the_answer(self, tenants: Tenants, loader: Loader) -> None:
        asked, go_on = loader.hold()

        with ThreadPoolExecutor(THREADS) as pool:
            found = [pool.submit(tenants.find, GOOD) for _ in range(THREADS)]
            assert asked.wait(60)
            go_on.set()
            rules = {each.result() for each in found}

        assert loader.asked == [GOOD]
        assert len(rules) == 1
        assert None not in rules

    def test_of_a_failure_all_hear(self, tenants: Tenants, loader: Loader) -> None:
        loader.is_down = True
        asked, go_on = loader.hold()

        with ThreadPoolExecutor(THREADS) as pool:
            found = [pool.submit(tenants.find, GOOD) for _ in range(THREADS)]
            assert asked.wait(60)
            go_on.set()
            errors = [each.exception() for each in found]

        assert loader.asked == [GOOD]
        assert {type(error) for error in errors} == {KeySetUnavailable}

    def test_one_that_waits_too_long_gives_up(
        self, tenants: Tenants, loader: Loader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flask_tokenauth.application.tenants._LONGEST_WAIT", 0.01)
        asked, go_on = loader.hold()

        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(tenants.find, GOOD)
            assert asked.wait(60)
            with pytest.raises(KeySetUnavailable, match="has not answered yet"):
                tenants.find(GOOD)
            go_on.set()
            assert found.result() is not None

    def test_too_many_names_at_once_are_an_outage_and_no_refusal(self, tenants: Tenants, loader: Loader) -> None:
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
        self, tenants: Tenants, loader: Loader, clock: StandingClock, age: int | None
    ) -> None:
        """It may run so late that nothing is remembered."""
        if age is not None:
            tenants.find(GOOD)
            clock.now += age
        with Question(tenants, GOOD), pytest.raises(KeySetUnavailable, match="its answer is not known"):
            tenants.find(GOOD)

    def test_a_question_that_a_fork_has_left_behind_is_asked_again(self, tenants: Tenants, loader: Loader) -> None:
        tenants._questions[GOOD] = _Question(-1, -1, ProcessLock())

        assert tenants.find(GOOD) is not None
        assert loader.asked == [GOOD]

    def test_a_loader_that_asks_for_its_own_issuer_is_refused(self, loader: Loader, tenants: Tenants) -> None:
        errors = []

        def ask() -> None:
            with pytest.raises(KeySetUnavailable) as caught:
                tenants.find(GOOD)
            errors.append(str(caught.value))

        loader.before_answer = ask

        assert tenants.find(GOOD) is not None
        assert errors == ["issuer_loader must not verify a token of the issuer it is asked about"]


class TestTrouble:
    """A loader that fails, or answers wrongly."""

    def test_while_it_fails_no_token_of_the_issuer_passes(
        self, tenants: Tenants, loader: Loader, clock: StandingClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        loader.is_down = True

        with pytest.raises(KeySetUnavailable, match="issuer_loader failed"):
            tenants.find(GOOD)

        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        loader.is_down = False
        clock.now += 1
        assert tenants.find(GOOD) is not None

    def test_a_tenant_that_was_good_is_not_for_longer_than_a_minute(
        self, tenants: Tenants, loader: Loader, clock: StandingClock
    ) -> None:
        tenants.find(GOOD)
        loader.is_down = True

        clock.now += 60
        for _ in range(2):
            with pytest.raises(KeySetUnavailable):
                tenants.find(GOOD)

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (True, "must return a TrustedIssuer or None, got bool"),
            (False, "must return a TrustedIssuer or None, got bool"),
            ({"issuer": OTHER}, "must return a TrustedIssuer or None, got dict: write TrustedIssuer(issuer=…)"),
            (issuer_with(issuer=GOOD), "must return the issuer it was asked about, got another"),
        ],
    )
    def test_a_wrong_answer_is_an_outage_with_its_reason_in_the_log(
        self, tenants: Tenants, loader: Loader, answer: object, message: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        loader.tenants[OTHER] = answer

        with pytest.raises(KeySetUnavailable):
            tenants.find(OTHER)

        assert message in caplog.text

    def test_after_a_failure_it_is_asked_once_a_second_and_logged_once_a_minute(
        self, tenants: Tenants, loader: Loader, clock: StandingClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        tenants.find(GOOD)
        loader.is_down = True
        clock.now = 60

        for later in (0, 0, 0.5, 0.5, 58, 1):
            clock.now += later
            with pytest.raises(KeySetUnavailable):
                tenants.find(GOOD)

        assert len(loader.asked) == 5
        assert len(caplog.records) == 2

    def test_an_issuer_that_must_not_be_a_tenant_is_refused(
        self, loader: Loader, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(issuer: TrustedIssuer) -> None:
            raise SettingsError(f"{issuer.name} is ours")

        tenants = Tenants(loader, PATTERN, make_rules=make_rules, check=refuse, per_second=PER_SECOND)

        with pytest.raises(KeySetUnavailable):
            tenants.find(GOOD)
        assert "is ours" in caplog.text
