"""When the keys of an issuer are fetched: bounded, by one thread at a time, and never trusted for too long."""

import logging
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flask_tokenauth.core.errors import KeySetUnavailable
from flask_tokenauth.core.fetching.failures import FetchFailed
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.trusted_issuers.public_keys import ReadSet
from flask_tokenauth.core.trusted_issuers.remote_keys import FetchedSet, RemoteKeys
from flask_tokenauth.testing.store_contract.kit import at_once

from ...conftest import StandingClock
from ...waiting import Held
from .rules_kit import named

FIRST, SECOND = (Key.generate("ES256", kid=kid).public() for kid in ("first", "second"))
STALENESS = 3600.0
THREADS = 8


class Server(Held):
    """The server of an issuer, in the place of the network."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[Key] = [FIRST]
        self.skipped: dict[int, str] = {}
        self.lifetime: float | None = 600
        self.is_down = False
        self.fetches = 0

    def __call__(self) -> FetchedSet:
        self.fetches += 1
        self.before_answer()
        if self.is_down:
            raise FetchFailed("the server must answer within 5 s, got no answer")
        return FetchedSet(ReadSet(named(self.keys), self.skipped), self.lifetime)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(0)


@pytest.fixture
def remote(server: Server, clock: StandingClock) -> RemoteKeys:
    return RemoteKeys(server, name="https://id.example", max_staleness=STALENESS, monotonic=clock)


def ids(remote: RemoteKeys) -> list[str | None]:
    return [kid for kid, _ in remote.current().list_keys()]


def test_nothing_is_fetched_before_the_first_token(remote: RemoteKeys, server: Server) -> None:
    assert server.fetches == 0
    assert repr(remote) == "<RemoteKeys of https://id.example>"


def test_the_keys_are_fetched_once_and_used(remote: RemoteKeys, server: Server) -> None:
    assert [ids(remote) for _ in range(3)] == [["first"]] * 3
    assert server.fetches == 1


@pytest.mark.parametrize(
    ("lifetime", "used"),
    [
        (600, 600),
        (None, 300),
        (0, 300),
        (299, 300),
        (300, 300),
        (301, 301),
        (3599, 3599),
        (3600, 3600),
        (3601, 3600),
        (math.inf, 3600),
    ],
)
def test_cache_control_is_obeyed_from_five_minutes_to_an_hour(
    remote: RemoteKeys, server: Server, clock: StandingClock, lifetime: float | None, used: float
) -> None:
    """They are fetched again when nine tenths of the time are over."""
    server.lifetime = lifetime
    remote.current()

    clock.now += used * 0.9 - 0.001
    remote.current()
    assert server.fetches == 1

    clock.now += 0.001
    remote.current()
    assert server.fetches == 2


def test_new_keys_are_a_new_generation_and_the_same_keys_are_none(
    remote: RemoteKeys, server: Server, clock: StandingClock
) -> None:
    generations = []
    for keys in ([FIRST], [FIRST], [FIRST, SECOND], [SECOND]):
        server.keys = keys
        clock.now += 600
        generations.append(remote.current().generation)

    assert generations == [1, 1, 2, 3]


class TestUnknown:
    """Keys that are not known."""

    def test_they_are_fetched_at_the_first_token(self, remote: RemoteKeys, server: Server) -> None:
        generation = remote.current().generation
        server.keys = [FIRST, SECOND]

        assert remote.look_for_unknown(generation) is True
        assert ids(remote) == ["first", "second"]

    def test_they_are_fetched_once_in_30_seconds(
        self, remote: RemoteKeys, server: Server, clock: StandingClock
    ) -> None:
        generation = remote.current().generation
        looks = []
        for later in (0, 29.999, 0.001, 0):
            clock.now += later
            assert remote.look_for_unknown(generation) is False
            looks.append(server.fetches)

        assert looks == [2, 2, 3, 3]

    def test_ten_thousand_cost_one_fetch(self, remote: RemoteKeys, server: Server) -> None:
        generation = remote.current().generation

        assert not any(remote.look_for_unknown(generation) for _ in range(10_000))
        assert server.fetches == 2

    def test_keys_that_were_exchanged_meanwhile_are_enough(self, remote: RemoteKeys, server: Server) -> None:
        generation = remote.current().generation

        assert remote.look_for_unknown(generation - 1) is True
        assert server.fetches == 1

    def test_if_they_cannot_be_fetched_it_is_not_known_whether_they_exist(
        self, remote: RemoteKeys, server: Server
    ) -> None:
        generation = remote.current().generation
        server.is_down = True

        for _ in range(2):
            with pytest.raises(KeySetUnavailable):
                remote.look_for_unknown(generation)
        assert server.fetches == 2

    def test_known_keys_go_on_then(self, remote: RemoteKeys, server: Server) -> None:
        generation = remote.current().generation
        server.is_down = True
        with pytest.raises(KeySetUnavailable):
            remote.look_for_unknown(generation)

        assert ids(remote) == ["first"]

    def test_all_that_come_meanwhile_wait_for_one_fetch(self, remote: RemoteKeys, server: Server) -> None:
        generation = remote.current().generation
        server.keys = [FIRST, SECOND]

        assert all(at_once(THREADS, lambda _: remote.look_for_unknown(generation)))
        assert server.fetches == 2


class TestOutage:
    """A server that does not answer."""

    def test_without_any_keys_no_token_passes(self, remote: RemoteKeys, server: Server) -> None:
        server.is_down = True

        with pytest.raises(KeySetUnavailable, match=r"of the trusted issuer https://id\.example .* got no answer"):
            remote.current()

    def test_it_is_asked_again_after_a_pause_that_doubles_up_to_half_a_minute(
        self, remote: RemoteKeys, server: Server, clock: StandingClock
    ) -> None:
        server.is_down = True
        fetches = []
        with pytest.raises(KeySetUnavailable):
            remote.current()

        for pause in (5, 10, 20, 30, 30):
            for wait in (pause - 0.5, 0.5, 0):
                clock.now += wait
                with pytest.raises(KeySetUnavailable):
                    remote.current()
                fetches.append(server.fetches)

        assert fetches == [1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6]

    def test_a_made_up_key_id_during_it_does_not_disturb_fresh_keys(
        self, remote: RemoteKeys, server: Server, clock: StandingClock
    ) -> None:
        generation = remote.current().generation
        server.is_down = True
        with pytest.raises(KeySetUnavailable):
            remote.look_for_unknown(generation)

        clock.now += 539
        assert ids(remote) == ["first"]
        assert server.fetches == 2
        clock.now += 1
        remote.current()
        assert server.fetches == 3

    def test_the_last_keys_are_used_for_the_time_of_the_setting_and_no_longer(
        self, remote: RemoteKeys, server: Server, clock: StandingClock
    ) -> None:
        remote.current()
        server.is_down = True
        clock.now += 600 + STALENESS - 0.001
        assert ids(remote) == ["first"]

        clock.now += 0.001
        for _ in range(3):
            with pytest.raises(KeySetUnavailable):
                remote.current()

    def test_no_key_passes_in_the_pause_between_two_fetches_either(
        self, remote: RemoteKeys, server: Server, clock: StandingClock
    ) -> None:
        remote.current()
        server.is_down = True
        clock.now += 600 + STALENESS - 1
        remote.current()  # a fetch fails, and the next one is in five seconds

        clock.now += 1
        with pytest.raises(KeySetUnavailable):
            remote.current()

    def test_after_it_the_new_keys_are_used(self, remote: RemoteKeys, server: Server, clock: StandingClock) -> None:
        remote.current()
        server.is_down, server.keys = True, [SECOND]
        clock.now += 10_000
        with pytest.raises(KeySetUnavailable):
            remote.current()

        server.is_down = False
        clock.now += 5

        assert ids(remote) == ["second"]

    def test_it_is_logged_once_a_minute_and_says_what_happens(
        self, remote: RemoteKeys, server: Server, clock: StandingClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        remote.current()
        server.is_down = True
        clock.now += 600
        for wait in (0, 5, 10, 20, 30):
            clock.now += wait
            remote.current()

        assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
        assert "so the last ones are used for 3600 s more: the server must answer" in caplog.messages[0]

    def test_the_log_says_when_tokens_are_refused(
        self, remote: RemoteKeys, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.is_down = True
        with pytest.raises(KeySetUnavailable):
            remote.current()

        assert "so its tokens are refused with 503" in caplog.text


class TestThreads:
    """Many threads at once."""

    def test_the_first_keys_are_fetched_once(self, remote: RemoteKeys, server: Server) -> None:
        assert at_once(THREADS, lambda _: ids(remote)) == [["first"]] * THREADS
        assert server.fetches == 1

    def test_while_one_fetches_the_others_go_on_with_the_old_keys(
        self, remote: RemoteKeys, server: Server, clock: StandingClock
    ) -> None:
        remote.current()
        clock.now += 599.999
        server.keys = [SECOND]
        asked, go_on = server.hold()

        with ThreadPoolExecutor(1) as pool:
            fetching = pool.submit(ids, remote)
            assert asked.wait(60)
            assert ids(remote) == ["first"]
            go_on.set()
            assert fetching.result() == ["second"]
        assert server.fetches == 2

    def test_if_the_time_of_the_old_keys_is_over_the_others_wait(
        self, remote: RemoteKeys, server: Server, clock: StandingClock
    ) -> None:
        """A key that was withdrawn long ago must not pass while the keys are fetched."""
        remote.current()
        clock.now += 600
        server.keys = [SECOND]

        assert at_once(THREADS, lambda _: ids(remote)) == [["second"]] * THREADS
        assert server.fetches == 2

    def test_in_an_outage_nobody_waits(self, remote: RemoteKeys, server: Server, clock: StandingClock) -> None:
        server.is_down = True
        with pytest.raises(KeySetUnavailable):
            remote.current()
        clock.now += 5
        asked, go_on = server.hold()

        with ThreadPoolExecutor(1) as pool:
            fetching = pool.submit(pytest.raises, KeySetUnavailable, remote.current)
            assert asked.wait(60)
            with pytest.raises(KeySetUnavailable):
                remote.current()
            assert not fetching.done()
            go_on.set()
            fetching.result()

    def test_a_line_in_the_log_may_ask_for_the_keys(self, remote: RemoteKeys, server: Server) -> None:
        """A log filter may ask for the user of the request."""
        log, seen = logging.getLogger("flask_tokenauth"), []

        def ask(_: logging.LogRecord) -> bool:
            with pytest.raises(KeySetUnavailable):
                remote.refresh()
            seen.append(server.fetches)
            return True

        server.is_down = True
        log.addFilter(ask)
        try:
            with pytest.raises(KeySetUnavailable):
                remote.current()
        finally:
            log.removeFilter(ask)

        assert seen == [2]

    @pytest.mark.parametrize("was_used", [False, True], ids=["the first keys", "keys whose time is over"])
    def test_a_thread_hears_the_result_of_the_fetch_that_it_waits_for(
        self,
        remote: RemoteKeys,
        server: Server,
        clock: StandingClock,
        monkeypatch: pytest.MonkeyPatch,
        *,
        was_used: bool,
    ) -> None:
        if was_used:
            remote.current()
            clock.now += 600
        server.keys = [SECOND]
        asked, go_on = server.hold()
        lock: Any = remote._fetching
        acquire = lock.acquire

        def acquire_and_let_go_on(*, blocking: bool = True, timeout: float = -1) -> bool:
            if blocking:
                go_on.set()  # not before: the fetch is still under way when this thread begins to wait
            return bool(acquire(blocking=blocking, timeout=timeout))

        with ThreadPoolExecutor(1) as pool:
            fetching = pool.submit(ids, remote)
            assert asked.wait(60)
            monkeypatch.setattr(lock, "acquire", acquire_and_let_go_on)
            assert ids(remote) == fetching.result() == ["second"]
        assert server.fetches == 1 + was_used

    def test_of_a_first_fetch_that_fails_all_hear(self, remote: RemoteKeys, server: Server) -> None:
        server.is_down = True

        def use(_: int) -> bool:
            with pytest.raises(KeySetUnavailable):
                remote.current()
            return True

        assert all(at_once(THREADS, use))
        assert server.fetches == 1

    def test_a_thread_that_waits_too_long_gives_up(
        self, remote: RemoteKeys, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flask_tokenauth.core.trusted_issuers.remote_keys._LONGEST_WAIT", 0.01)
        asked, go_on = server.hold()

        with ThreadPoolExecutor(1) as pool:
            fetching = pool.submit(ids, remote)
            assert asked.wait(60)
            with pytest.raises(KeySetUnavailable):
                remote.current()
            go_on.set()
            assert fetching.result() == ["first"]

    def test_one_that_comes_as_the_fetch_ends_does_not_fetch_again(
        self, remote: RemoteKeys, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock: Any = remote._fetching
        acquire = lock.acquire

        def acquire_late(**options: Any) -> bool:
            monkeypatch.undo()
            remote.current()  # another thread, which was faster
            return bool(acquire(**options))

        monkeypatch.setattr(lock, "acquire", acquire_late)

        assert ids(remote) == ["first"]
        assert server.fetches == 1


class TestLog:
    """Keys that are not used are told once."""

    def test_skipped_keys_are_told_once_for_each_change(
        self, remote: RemoteKeys, server: Server, clock: StandingClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        for skipped in ({2: "it is a secret"}, {2: "it is a secret"}, {2: "it is a secret", 3: "use is enc"}):
            server.skipped = skipped
            clock.now += 600
            remote.current()

        assert len(caplog.messages) == 2
        assert "publishes 1 keys that are used here, and 1 that are not (key 2: it is a secret)" in caplog.messages[0]

    def test_a_set_without_a_usable_key_is_obeyed_with_a_warning(
        self, remote: RemoteKeys, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An issuer may take all its keys back."""
        server.keys = []

        assert ids(remote) == []
        assert [record.levelno for record in caplog.records] == [logging.WARNING]


class TestRefresh:
    """A fetch that people ask for."""

    def test_it_fetches_at_once(self, remote: RemoteKeys, server: Server) -> None:
        remote.current()
        server.keys = [SECOND]

        assert [kid for kid, _ in remote.refresh().list_keys()] == ["second"]

    def test_it_says_if_it_fails(self, remote: RemoteKeys, server: Server) -> None:
        remote.current()
        server.is_down = True

        with pytest.raises(KeySetUnavailable, match="got no answer"):
            remote.refresh()
