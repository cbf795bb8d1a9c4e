"""Revocation of a token, of a session, and of everything that a user has."""

import time
from datetime import timedelta

import pytest

from ...core.encoding.limits import YEAR_9999
from ...core.records.revocation import Revocation, RevocationKind, retention_of
from ...core.records.session import Outcome, Terms
from ...core.store import Store
from .kit import (
    IDLE,
    LEEWAY,
    MARGIN,
    RETENTION,
    TIMEOUT,
    AgeRevocations,
    at_once,
    is_live,
    is_revoked,
    list_all,
    outcome,
    start,
    until,
)

LATER = int(time.time() * 1000) + 24 * 3600 * 1000  # milliseconds since 1970-01-01T00:00:00Z
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KINDS: tuple[RevocationKind, ...] = ("token", "session", "user", "api_keys")


def has(store: Store, *, token_id: str | None = None, user_id: str = "stranger", epoch: int = 0) -> bool:
    """Return whether a token without a session is revoked."""
    return store.is_revoked(token_id=token_id, session_id=None, user_id=user_id, epoch=epoch)


class RevocationContract:
    """Tests the promises about revocations."""

    def test_nothing_is_revoked_at_first(self, store: Store) -> None:
        assert not store.is_revoked(token_id="token", session_id="session", user_id="alice", epoch=0)
        assert store.read_epoch("alice") == 0

    def test_a_token_is_revoked_until_the_revocation_expires(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        store.revoke(Revocation(kind="token", subject="token", value=1_700_000_000, expires_at=until(HOUR)))

        assert has(store, token_id="token")
        age_revocations(HOUR - MARGIN)
        assert has(store, token_id="token")
        age_revocations(2 * MARGIN)  # the instant is by the clock of the test, the store has its own
        assert not has(store, token_id="token")

    def test_revocations_are_kept_for_the_longest_lifetime_and_leeway_that_the_store_was_ever_bound_with(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        """Another application may issue tokens that live longer, or accept them for longer."""
        for lifetime, leeway in ((HOUR, LEEWAY), (DAY, LEEWAY), (HOUR, HOUR), (HOUR, LEEWAY)):
            store.bind("https://one.example", timeout=TIMEOUT, lifetime=lifetime, leeway=leeway)
        assert (store.longest_lifetime(), store.longest_leeway()) == (DAY, HOUR)
        start(store)
        start(store, "reused")
        terms = Terms(idle_lifetime=IDLE, retry_window=timedelta(0), retention=HOUR)
        store.end_session("session", retention=HOUR)
        assert [outcome(store, session_id="reused", terms=terms) for _ in range(2)][1] is Outcome.REUSED
        epoch = store.revoke_user("alice", retention=HOUR, api_keys=False)

        age_revocations(retention_of(DAY, HOUR) - MARGIN)
        assert [is_revoked(store, session_id) for session_id in ("session", "reused")] == [True, True]
        assert has(store, user_id="alice", epoch=epoch - 1)
        age_revocations(2 * MARGIN)
        assert [is_revoked(store, session_id) for session_id in ("session", "reused")] == [False, False]
        assert not has(store, user_id="alice", epoch=epoch - 1)

    @pytest.mark.parametrize("passed", [timedelta(0), HOUR + MARGIN], ids=["before it expires", "after it has expired"])
    def test_a_longer_leeway_prolongs_the_revocations_that_the_store_has(
        self, store: Store, age_revocations: AgeRevocations, passed: timedelta
    ) -> None:
        """The application accepts a token for longer than it did when the token was revoked."""
        store.bind("https://one.example", timeout=TIMEOUT, lifetime=DAY, leeway=LEEWAY)
        for kind in KINDS:
            store.revoke(Revocation(kind=kind, subject="x", value=7, expires_at=until(HOUR)))
        age_revocations(passed)

        store.bind("https://one.example", timeout=TIMEOUT, lifetime=DAY, leeway=LEEWAY + HOUR)
        store.create()

        age_revocations(3 * HOUR - passed - MARGIN)
        assert [has(store, token_id="x"), is_revoked(store, "x"), has(store, user_id="x", epoch=6)] == [True] * 3
        age_revocations(2 * MARGIN)
        assert [has(store, token_id="x"), is_revoked(store, "x"), has(store, user_id="x", epoch=6)] == [False] * 3

    def test_a_leeway_that_is_not_longer_changes_no_revocation(self, store: Store) -> None:
        for lifetime, leeway in ((DAY, HOUR), (DAY, LEEWAY), (2 * DAY, HOUR)):
            store.bind("https://one.example", timeout=TIMEOUT, lifetime=lifetime, leeway=leeway)
            store.revoke(Revocation(kind="token", subject="token", expires_at=LATER))

        assert [entry.expires_at for entry in store.revocations_since(None).entries] == [LATER]

    def test_a_prolonged_revocation_ends_with_the_year_9999_at_the_latest(self, store: Store) -> None:
        """A later time could not be read."""
        store.bind("https://one.example", timeout=TIMEOUT, lifetime=DAY, leeway=LEEWAY)
        store.revoke(Revocation(kind="token", subject="token", expires_at=YEAR_9999 * 1000))

        store.bind("https://one.example", timeout=TIMEOUT, lifetime=DAY, leeway=HOUR)

        assert [entry.expires_at for entry in store.revocations_since(None).entries] == [YEAR_9999 * 1000]

    def test_a_store_that_was_never_bound_has_no_lifetime_and_no_leeway(self, store: Store) -> None:
        assert (store.longest_lifetime(), store.longest_leeway()) == (timedelta(0), timedelta(0))

    def test_a_token_without_a_known_expiry_can_be_revoked(self, store: Store) -> None:
        store.revoke(Revocation(kind="token", subject="token", value=0, expires_at=LATER))

        assert has(store, token_id="token")

    def test_a_revocation_does_not_touch_other_subjects_and_kinds(self, store: Store) -> None:
        store.revoke(Revocation(kind="token", subject="x", expires_at=LATER))

        assert not has(store, token_id="y")
        assert not has(store, token_id=None, user_id="x")
        assert not is_revoked(store, "x")

    def test_a_token_is_revoked_by_its_id_its_session_or_its_user(self, store: Store) -> None:
        store.revoke(Revocation(kind="token", subject="token", expires_at=LATER))
        store.revoke(Revocation(kind="session", subject="session", expires_at=LATER))
        store.revoke(Revocation(kind="user", subject="alice", value=5, expires_at=LATER))

        assert store.is_revoked(token_id="token", session_id="other", user_id="bob", epoch=0)
        assert store.is_revoked(token_id="other", session_id="session", user_id="bob", epoch=0)
        assert store.is_revoked(token_id="other", session_id="other", user_id="alice", epoch=4)
        assert not store.is_revoked(token_id="other", session_id="other", user_id="alice", epoch=5)
        assert not store.is_revoked(token_id=None, session_id=None, user_id="bob", epoch=0)

    def test_a_revocation_may_be_repeated_and_the_latest_expiry_counts(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        for left in HOUR, 3 * HOUR, 2 * HOUR:
            store.revoke(Revocation(kind="token", subject="token", expires_at=until(left)))

        age_revocations(3 * HOUR - MARGIN)
        assert has(store, token_id="token")
        age_revocations(2 * MARGIN)  # the instant is by the clock of the test, the store has its own
        assert not has(store, token_id="token")

    def test_a_revocation_that_is_repeated_is_kept_once(self, store: Store) -> None:
        """Clients repeat themselves, and must not fill the store."""
        for expires_at in (LATER, LATER, LATER - 1000):
            for kind in KINDS:
                store.revoke(Revocation(kind=kind, subject="x", value=7, expires_at=expires_at))

        entries = store.revocations_since(None).entries
        assert sorted(entry.kind for entry in entries) == sorted(KINDS)
        assert {(entry.value, entry.expires_at) for entry in entries} == {(7, LATER)}

    def test_a_shorter_revocation_of_an_ended_session_does_not_shorten_the_first(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        start(store)
        store.end_session("session", retention=3 * HOUR)
        store.revoke(Revocation(kind="session", subject="session", expires_at=until(HOUR)))

        age_revocations(3 * HOUR - MARGIN)

        assert is_revoked(store)

    def test_a_shorter_revocation_of_a_user_does_not_shorten_the_first(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        epoch = store.revoke_user("alice", retention=3 * HOUR, api_keys=False)
        again = store.revoke_user("alice", retention=HOUR, api_keys=False)
        store.revoke(Revocation(kind="user", subject="alice", value=again, expires_at=until(HOUR)))

        age_revocations(3 * HOUR - MARGIN)

        assert has(store, user_id="alice", epoch=epoch - 1)

    def test_revoking_a_session_ends_it(self, store: Store) -> None:
        start(store)
        start(store, "other")

        store.revoke(Revocation(kind="session", subject="session", expires_at=LATER))

        assert not is_live(store)
        assert is_revoked(store)
        assert outcome(store) is Outcome.GONE
        assert is_live(store, "other")

    def test_writing_an_epoch_raises_it_and_never_lowers_it(self, store: Store) -> None:
        start(store)

        store.revoke(Revocation(kind="user", subject="alice", value=7, expires_at=LATER))
        store.revoke(Revocation(kind="user", subject="alice", value=6, expires_at=LATER))

        assert store.read_epoch("alice") == 7
        assert not is_live(store)
        assert has(store, user_id="alice", epoch=6)

    def test_revoking_a_user_revokes_what_was_before_and_nothing_after(self, store: Store) -> None:
        start(store, "before")
        old = store.read_epoch("alice")

        epoch = store.revoke_user("alice", retention=RETENTION, api_keys=False)
        start(store, "after")

        assert store.read_epoch("alice") == epoch
        assert not is_live(store, "before")
        found = store.find_session("after")
        assert found is not None
        assert found.epoch == epoch
        assert outcome(store, session_id="before") is Outcome.GONE
        assert outcome(store, session_id="after") is Outcome.SWAPPED
        assert [session.session_id for session in list_all(store, "alice")] == ["after"]
        assert has(store, user_id="alice", epoch=old)
        assert has(store, user_id="alice", epoch=epoch - 1)
        assert not has(store, user_id="alice", epoch=epoch)

    def test_nothing_of_other_users_is_revoked(self, store: Store) -> None:
        start(store, user_id="bob")

        store.revoke_user("alice", retention=RETENTION, api_keys=False)

        assert is_live(store)
        assert store.read_epoch("bob") == 0
        assert not has(store, user_id="bob")

    def test_an_epoch_is_the_present_in_milliseconds(self, store: Store) -> None:
        epoch = store.revoke_user("alice", retention=RETENTION, api_keys=False)

        assert abs(epoch - time.time() * 1000) < 24 * 3600 * 1000  # milliseconds; clocks may differ by hours

    def test_epochs_of_the_same_millisecond_rise(self, store: Store) -> None:
        epochs = [store.revoke_user("alice", retention=RETENTION, api_keys=False) for _ in range(20)]

        assert epochs == sorted(set(epochs))

    def test_epochs_that_many_threads_raise_at_once_are_all_different(self, store: Store) -> None:
        epochs = at_once(16, lambda _: store.revoke_user("alice", retention=RETENTION, api_keys=False))

        assert len(set(epochs)) == 16
        assert store.read_epoch("alice") == max(epochs)
        assert has(store, user_id="alice", epoch=max(epochs) - 1)

    def test_an_epoch_ahead_of_the_clock_rises_too(self, store: Store) -> None:
        ahead = LATER * 2
        store.revoke(Revocation(kind="user", subject="alice", value=ahead, expires_at=LATER))

        assert store.revoke_user("alice", retention=RETENTION, api_keys=False) == ahead + 1

    def test_a_user_stays_revoked_for_the_given_retention(self, store: Store, age_revocations: AgeRevocations) -> None:
        epoch = store.revoke_user("alice", retention=RETENTION, api_keys=False)

        age_revocations(RETENTION - MARGIN)
        assert has(store, user_id="alice", epoch=epoch - 1)
        age_revocations(MARGIN)
        assert not has(store, user_id="alice", epoch=epoch - 1)

    @pytest.mark.parametrize("epoch", [-(2**80), -1, 2**63 - 1, 2**63, 2**80])
    def test_an_epoch_of_any_size_can_be_asked_for(self, store: Store, epoch: int) -> None:
        store.revoke_user("alice", retention=RETENTION, api_keys=False)

        assert has(store, user_id="alice", epoch=epoch) is (epoch < 0)

    def test_revocations_by_the_thousand_are_purged_and_those_that_last_are_not(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        for number in range(1200):
            left = HOUR if number % 2 else 2 * HOUR
            store.revoke(Revocation(kind="token", subject=f"token{number}", expires_at=until(left)))
        age_revocations(HOUR + MARGIN)

        store.purge()

        assert store.purge() == 0
        assert [has(store, token_id=f"token{number}") for number in range(4)] == [True, False, True, False]

    def test_sessions_that_start_while_their_user_is_revoked_are_dead_or_know_the_epoch(self, store: Store) -> None:
        def step(index: int) -> int:
            if index == 0:
                return store.revoke_user("alice", retention=RETENTION, api_keys=False)
            start(store, f"session{index}")
            return 0

        epoch = max(at_once(8, step))

        assert {session.epoch for session in list_all(store, "alice")} <= {epoch}
