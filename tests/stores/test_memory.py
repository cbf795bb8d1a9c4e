"""The store in memory keeps the contract, and is used by one process."""

import os
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta

import pytest

from flask_tokenauth.core.errors import PurgeRefused, SettingsError
from flask_tokenauth.core.records.revocation import RevocationPage
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.revocations_in_memory import RevocationsInMemory
from flask_tokenauth.testing.store_contract import (
    Age,
    AgeApiKeys,
    AgeReferenceTokens,
    AgeRevocations,
    AgeRings,
    CopyStore,
    SetGeneration,
    StoreContract,
    WipeStore,
)
from flask_tokenauth.testing.store_contract.api_key_ends import ApiKeyEndContract
from flask_tokenauth.testing.store_contract.api_keys import ApiKeyContract
from flask_tokenauth.testing.store_contract.kit import at_once
from flask_tokenauth.testing.store_contract.redemption import RedemptionContract
from flask_tokenauth.testing.store_contract.reference_tokens import ReferenceTokenContract
from flask_tokenauth.testing.store_contract.session_ends import SessionEndContract
from flask_tokenauth.testing.store_contract.sessions import SessionContract
from flask_tokenauth.testing.store_contract.spending import SpendingContract

from .exact_expiry import ExactExpiry
from .memory_kit import (
    ager,
    api_key_ager,
    generation_setter,
    reference_token_ager,
    revocation_ager,
    ring_ager,
)

DAY = 86_400_000  # milliseconds
KEPT = ("_sessions", "_going_on", "_epochs", "_api_keys", "_reference_tokens", "_revocations", "_spent")  # in a copy


class MemoryStoreFixtures:
    @pytest.fixture
    def age(self, store: MemoryStore) -> Age:
        return ager(store)

    @pytest.fixture
    def age_revocations(self, store: MemoryStore) -> AgeRevocations:
        return revocation_ager(store)

    @pytest.fixture
    def age_api_keys(self, store: MemoryStore) -> AgeApiKeys:
        return api_key_ager(store)

    @pytest.fixture
    def age_reference_tokens(self, store: MemoryStore) -> AgeReferenceTokens:
        return reference_token_ager(store)

    @pytest.fixture
    def age_rings(self, store: MemoryStore) -> AgeRings:
        return ring_ager(store)

    @pytest.fixture
    def set_generation(self, store: MemoryStore) -> SetGeneration:
        return generation_setter(store)

    @pytest.fixture
    def copy(self, store: MemoryStore) -> CopyStore:
        def copy() -> Callable[[], None]:
            kept = deepcopy({name: getattr(store, name) for name in KEPT})

            def put_back() -> None:
                vars(store).update(kept)
                # As in another process: memory cannot come back in the same one.
                store._revocations.incarnation = RevocationsInMemory().incarnation

            return put_back

        return copy

    @pytest.fixture
    def wipe(self, store: MemoryStore) -> WipeStore:
        return lambda: MemoryStore.__init__(store)


class TestMemoryStore(MemoryStoreFixtures, StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestMemoryStoreAtOneInstant(
    MemoryStoreFixtures,
    SessionContract,
    SessionEndContract,
    RedemptionContract,
    ApiKeyContract,
    ApiKeyEndContract,
    ReferenceTokenContract,
    SpendingContract,
    ExactExpiry,
):
    """By a clock that stands still, so that lifetimes end to the millisecond."""

    @pytest.fixture
    def store(self) -> MemoryStore:
        now = int(time.time() * 1000)
        return MemoryStore(clock=lambda: now)


def test_without_a_directory_for_temporary_files_it_cannot_tell_processes_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "mkstemp", fail)

    with pytest.raises(SettingsError, match="directory for temporary files"):
        MemoryStore()


def test_where_nothing_forks_nothing_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "lockf")

    assert MemoryStore().read_epoch("alice") == 0


def test_a_copy_of_another_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """test_processes.py has real forks."""
    store = MemoryStore()
    store.read_epoch("alice")
    monkeypatch.setattr(os, "getpid", lambda: 1)

    with pytest.raises(SettingsError, match="one process"):
        store.read_epoch("alice")


def test_a_store_that_another_process_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(os, "lockf", fail)

    with pytest.raises(SettingsError, match="one process"):
        MemoryStore().read_epoch("alice")


def test_many_threads_of_one_process_may_be_the_first() -> None:
    store = MemoryStore()
    store._process._take()
    store._process._take()  # as if two threads had found it free

    assert at_once(8, lambda _: store.read_epoch("alice")) == [0] * 8


@pytest.mark.parametrize(
    "change",
    [lambda cursor: cursor + "9", lambda cursor: cursor[1:], lambda cursor: cursor + ".", lambda cursor: cursor + " "],
)
def test_a_cursor_that_was_changed_gets_no_revocations(change: Callable[[str], str]) -> None:
    store = MemoryStore()
    store.revoke_user("alice", retention=timedelta(days=1), api_keys=False)
    cursor = store.revocations_since(None).cursor
    assert cursor is not None

    assert store.revocations_since(cursor) == RevocationPage(cursor=cursor)
    assert store.revocations_since(change(cursor)) == RevocationPage()


def test_an_expired_revocation_is_not_returned() -> None:
    now = [1_700_000_000_000]
    store = MemoryStore(clock=lambda: now[0])
    store.revoke_user("alice", retention=timedelta(hours=1), api_keys=False)

    counts = []
    for passed in (3_599_999, 1, 1):
        now[0] += passed
        counts.append(len(store.revocations_since(None).entries))

    assert counts == [1, 0, 0]


def test_its_clock_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    assert abs(store.clock() - time.time() * 1000) < 60_000

    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_123_999_999)

    assert store.clock() == 1_700_000_000_123


def test_epochs_rise_even_if_the_clock_is_set_back() -> None:
    now = [1_700_000_000_000]
    store = MemoryStore(clock=lambda: now[0])
    first = store.revoke_user("alice", retention=timedelta(days=1), api_keys=False)

    now[0] -= 3_600_000

    assert store.revoke_user("alice", retention=timedelta(days=1), api_keys=False) == first + 1


def test_a_forced_purge_while_the_clock_is_ahead_does_not_hide_the_next_error() -> None:
    now = [1_700_000_000_000]
    store = MemoryStore(clock=lambda: now[0])
    store.revoke_user("alice", retention=timedelta(days=1), api_keys=False)
    now[0] += 365 * DAY
    store.purge(force=True)

    now[0] -= 300 * DAY

    with pytest.raises(PurgeRefused):
        store.purge()


def test_the_purge_after_the_clock_was_set_right_is_the_last_one() -> None:
    now = [1_700_000_000_000]
    store = MemoryStore(clock=lambda: now[0])
    now[0] += 365 * DAY
    store.purge()
    now[0] -= 365 * DAY
    store.purge()

    now[0] += 3 * DAY

    with pytest.raises(PurgeRefused):
        store.purge()
