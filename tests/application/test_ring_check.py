"""Processes of one issuer with different rings of keys are noticed."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any, NoReturn

import pytest
from flask import Flask

from flask_tokenauth import create_token, login_required
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.application.ring_check import RingCheck, find_disagreement, find_other_ring, tolerance_of
from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_ring import KeyRing, RingKey
from flask_tokenauth.core.records.ring_use import REPORT_INTERVAL, RingUse
from flask_tokenauth.core.time_limit import remaining
from flask_tokenauth.stores.memory import MemoryStore

from ..conftest import NOW, MakeApp, StandingClock, bearer

ISSUER = "https://issuer.example"
A, B, C, D = (Key.generate("EdDSA", kid=kid) for kid in "abcd")
TOLERANCE = timedelta(seconds=10)
INTERVAL = REPORT_INTERVAL.total_seconds()
DIFFERENT = "must have one ring of keys"


class CountingStore(MemoryStore):
    """A store that keeps the reports, and can be out of order."""

    def __init__(self, clock: StandingClock) -> None:
        super().__init__(clock=lambda: int(clock.now * 1000))
        self.reports: list[str] = []
        self.is_down = False

    def report_ring(self, fingerprint: str) -> tuple[RingUse, ...]:
        self.reports.append(fingerprint)
        if self.is_down:
            raise StoreUnavailable("down")
        return super().report_ring(fingerprint)


@pytest.fixture
def store(clock: StandingClock) -> CountingStore:
    return CountingStore(clock)


@pytest.fixture
def check(store: CountingStore, clock: StandingClock) -> RingCheck:
    return RingCheck(store, tolerance=TOLERANCE, monotonic=clock)


def use(fingerprint: str, since: float, until: float) -> RingUse:
    """Return a use whose times are seconds from now."""
    return RingUse(fingerprint=fingerprint, since=int((NOW + since) * 1000), until=int((NOW + until) * 1000))


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_the_first_look_reports(check: RingCheck, store: CountingStore) -> None:
    check.report("one")

    assert store.reports == ["one"]


@pytest.mark.parametrize(("later", "reports"), [(INTERVAL - 0.001, 1), (INTERVAL, 2), (INTERVAL + 0.001, 2)])
def test_the_same_ring_is_reported_again_after_half_a_minute(
    check: RingCheck, store: CountingStore, clock: StandingClock, later: float, reports: int
) -> None:
    check.report("one")
    clock.now += later

    check.report("one")

    assert len(store.reports) == reports


def test_a_new_ring_is_reported_at_once(check: RingCheck, store: CountingStore) -> None:
    check.report("one")

    check.report("two")

    assert store.reports == ["one", "two"]


def test_an_outage_is_no_error(check: RingCheck, store: CountingStore, caplog: pytest.LogCaptureFixture) -> None:
    store.is_down = True

    check.report("one")

    assert errors(caplog) == []


def test_a_thread_that_reports_is_not_waited_for(store: CountingStore, clock: StandingClock) -> None:
    check, entered = RingCheck(store, tolerance=TOLERANCE, monotonic=clock), Event()
    usual = store.report_ring

    def report(fingerprint: str) -> tuple[RingUse, ...]:
        entered.set()
        check.report("of another thread")  # would wait for ever
        return usual(fingerprint)

    store.report_ring = report  # type: ignore[method-assign]

    check.report("one")

    assert entered.is_set()
    assert store.reports == ["one"]


def report_both(first: RingCheck, second: RingCheck, clock: StandingClock, seconds: float) -> None:
    """Let two processes with different rings report for so long."""
    end = clock.now + seconds
    while clock.now < end:
        first.report("one")
        second.report("two")
        clock.now += INTERVAL
    clock.now = end
    first.report("one")
    second.report("two")


def test_two_rings_for_longer_than_the_tolerance_are_an_error_in_both_processes(
    store: CountingStore, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (RingCheck(store, tolerance=TOLERANCE, monotonic=clock) for _ in "12")

    report_both(first, second, clock, 2 * INTERVAL)

    assert len(errors(caplog)) == 2  # the second one notices it first
    assert all(DIFFERENT in line and "TOKENAUTH_KEYS_ROLLOUT" in line for line in errors(caplog))


def test_the_error_comes_once_a_minute(
    store: CountingStore, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (RingCheck(store, tolerance=TOLERANCE, monotonic=clock) for _ in "12")

    report_both(first, second, clock, 10 * INTERVAL)

    assert len(errors(caplog)) == 10


def test_a_ring_that_all_processes_take_over_is_no_error(
    store: CountingStore, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    checks = [RingCheck(store, tolerance=TOLERANCE, monotonic=clock) for _ in range(4)]
    for _ in range(10):
        for check in checks:
            check.report("one")
        clock.now += INTERVAL
    for check in checks:  # they look one after the other
        check.report("two")
        clock.now += TOLERANCE.total_seconds() / 4
    for _ in range(10):
        for check in checks:
            check.report("two")
        clock.now += INTERVAL

    assert errors(caplog) == []


@pytest.mark.parametrize(
    ("uses", "differ"),
    [
        ([], False),
        ([use("one", -99, 0)], False),
        ([use("one", -99, 0), use("two", -10, 0)], False),
        ([use("one", -99, 0), use("two", -10.001, 0)], True),
        ([use("one", -99, -50), use("two", -60, 0)], False),
        ([use("one", -99, -50), use("two", -60.001, 0)], True),
        ([use("one", -99, -50), use("two", -40, 0)], False),
        ([use("one", -99, -50), use("two", -40, 0), use("three", -20, 0)], True),
    ],
)
def test_rings_differ_if_they_were_in_use_at_the_same_time_for_too_long(uses: list[RingUse], *, differ: bool) -> None:
    assert (find_disagreement(uses, TOLERANCE) is not None) == differ


@pytest.mark.parametrize(
    ("uses", "differs"),
    [
        ([], False),
        ([use("mine", -9, 0)], False),
        ([use("other", -99, 9.999)], False),
        ([use("other", -99, 10)], False),
        ([use("other", -99, 10.001)], True),
        ([use("other", -99, 99), use("mine", 0, 99)], False),
    ],
)
def test_a_file_that_no_process_uses_is_noticed_after_the_tolerance(uses: list[RingUse], *, differs: bool) -> None:
    assert (find_other_ring(uses, "mine", written_at=NOW, tolerance=TOLERANCE) is not None) == differs


def test_the_tolerance_is_the_rollout_and_two_looks_at_the_file() -> None:
    assert tolerance_of(rollout=timedelta(hours=1), interval=timedelta(seconds=5)) == timedelta(hours=1, seconds=10)


def put(path: Path, *members: tuple[Key, str], clock: StandingClock) -> None:
    ring = KeyRing(RingKey.of(key, status, clock.now) for key, status in members)  # type: ignore[arg-type]
    path.write_text(json.dumps(ring.to_jwks()))


@pytest.fixture
def make_guarded(make_app: MakeApp, store: CountingStore, clock: StandingClock) -> Any:
    """Return a function that makes an application with a file of keys and the store."""

    def make(path: Path) -> Flask:
        app = make_app(TOKENAUTH_KEYS=str(path), TOKENAUTH_ISSUER=ISSUER, TOKENAUTH_STORE=store)
        key_file = state_of(app).key_file
        assert key_file is not None
        assert key_file._report_ring is not None
        key_file._monotonic = clock
        key_file._look_at = clock.now
        key_file._report_ring.__self__._monotonic = clock  # type: ignore[attr-defined]
        app.add_url_rule("/", "guarded", login_required(lambda: "x"))
        return app

    return make


def test_requests_report_the_ring_of_the_file(
    make_guarded: Any, tmp_path: Path, store: CountingStore, clock: StandingClock
) -> None:
    put(tmp_path / "keys.json", (A, "active"), (B, "next"), clock=clock)

    make_guarded(tmp_path / "keys.json").test_client().get("/")

    assert store.reports == [store.list_rings()[0].fingerprint]


def test_a_set_without_states_is_not_reported(make_guarded: Any, tmp_path: Path, store: CountingStore) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [A.to_jwk(private=True)]}))

    make_guarded(tmp_path / "keys.json").test_client().get("/")

    assert store.reports == []


def test_two_applications_with_a_file_each_are_an_error(
    make_guarded: Any, tmp_path: Path, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "a.json", (A, "active"), (B, "next"), clock=clock)
    put(tmp_path / "b.json", (B, "active"), (A, "next"), clock=clock)
    clients = [make_guarded(tmp_path / name).test_client() for name in ("a.json", "b.json")]

    for _ in range(3):
        for client in clients:
            client.get("/")
        clock.now += INTERVAL

    assert len([line for line in errors(caplog) if DIFFERENT in line]) == 2


def test_the_same_keys_in_another_order_are_the_same_ring(
    make_guarded: Any, tmp_path: Path, store: CountingStore, clock: StandingClock
) -> None:
    put(tmp_path / "a.json", (A, "active"), (B, "next"), clock=clock)
    put(tmp_path / "b.json", (B, "next"), (A, "active"), clock=clock)

    for name in ("a.json", "b.json"):
        make_guarded(tmp_path / name).test_client().get("/")

    assert len(store.list_rings()) == 1


def test_tokens_of_the_other_ring_do_not_hide_the_error(
    make_guarded: Any, tmp_path: Path, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each looks for a key that is not known, and so looks at the file."""
    put(tmp_path / "a.json", (A, "active"), (B, "next"), clock=clock)
    put(tmp_path / "b.json", (C, "active"), (D, "next"), clock=clock)
    apps = [make_guarded(tmp_path / name) for name in ("a.json", "b.json")]
    tokens = []
    for app in apps:
        with app.app_context():
            tokens.append(create_token("alice"))

    for _ in range(90):
        for app in apps:
            for token in tokens:
                app.test_client().get("/", headers=bearer(token))
        clock.now += 1

    assert len([line for line in errors(caplog) if DIFFERENT in line]) == 2


def test_a_store_with_a_wrong_setting_fails_no_request(check: RingCheck, store: CountingStore) -> None:
    def report_ring(_: str) -> NoReturn:
        raise SettingsError("two processes")

    store.report_ring = report_ring  # type: ignore[assignment, method-assign]

    check.report("one")


def test_a_report_has_a_time_limit_of_its_own(store: CountingStore, clock: StandingClock) -> None:
    found: list[float] = []

    def report_ring(_: str) -> tuple[RingUse, ...]:
        found.append(remaining())
        return ()

    store.report_ring = report_ring  # type: ignore[assignment, method-assign]

    RingCheck(store, tolerance=TOLERANCE, timeout=0.25, monotonic=clock).report("one")

    assert 0 < found[0] <= 0.25
