"""Servers are killed and slots are moved while many threads write: nothing acknowledged is lost."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import RevocationPage
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import Deadline, is_live, outcome, start
from flask_tokenauth.testing.store_contract.revocation_pages import Reader, tokens

from ....engines.cluster import Cluster
from ....engines.sentinels import Sentinels
from ....waiting import wait_until
from ..kit import PREFIX
from .kit import SHARED, is_token_revoked, open_store, token_revocation

pytestmark = [pytest.mark.once, pytest.mark.slow]

SESSIONS, MORE = 3, 5


class Storm:
    """Threads that refresh sessions, revoke tokens and sign in until they are told to stop. They insist, as clients do.

    Each refresh token is redeemed by two threads at once.

    Args:
        store: acknowledges.

    Attributes:
        generations: the current one of each session.
        outcomes: how often a generation of a session had each outcome.
        revoked: the number of revoked tokens, and of sessions that began.
        refused: the messages of outages.
    """

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.generations = dict.fromkeys((f"session{number}" for number in range(SESSIONS)), 0)
        self.outcomes: Counter[tuple[str, int, Outcome]] = Counter()
        self.revoked = 0
        self.refused: set[str] = set()
        self._over = Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the threads run until the end of the block."""
        for session_id in self.generations:
            start(self.store, session_id)
        with ThreadPoolExecutor(3 * SESSIONS + 1) as pool:
            works = [pool.submit(self._refresh, pool, session_id) for session_id in self.generations]
            works.append(pool.submit(self._revoke))
            try:
                self.go_on()
                yield
                self.go_on()
            finally:
                self._over.set()
        for work in works:
            work.result()

    def go_on(self) -> None:
        """Wait until each thread has made progress."""
        before, revoked = dict(self.generations), self.revoked
        wait_until(
            lambda: (
                self._pause()
                and self.revoked >= revoked + MORE
                and all(self.generations[name] >= number + MORE for name, number in before.items())
            )
        )

    def check(self, store: RedisStore) -> None:
        """Check what a store has that may not have acknowledged it itself."""
        found = {name: store.find_session(name) for name in self.generations}
        assert None not in found.values()
        assert {name: outcome(store, number, session_id=name) for name, number in self.generations.items()} == (
            dict.fromkeys(self.generations, Outcome.SWAPPED)
        )
        assert [number for number in range(self.revoked) if not is_token_revoked(store, f"token{number}")] == []
        assert [number for number in range(self.revoked) if not is_live(store, f"late{number}")] == []
        assert {result for *_, result in self.outcomes} <= {Outcome.SWAPPED, Outcome.RETRIED}
        assert [key for key, times in self.outcomes.items() if key[-1] is Outcome.SWAPPED and times > 1] == []

    def _pause(self) -> bool:
        return not Event().wait(0.01)

    def _insist(self, call: Callable[[], Any]) -> Any:
        deadline = Deadline("an answer of the store")
        while True:
            try:
                return call()
            except StoreUnavailable as error:
                self.refused.add(str(error))
                deadline.check()

    def _refresh(self, pool: ThreadPoolExecutor, session_id: str) -> None:
        while not self._over.is_set():
            generation = self.generations[session_id]
            redeem = lambda: outcome(self.store, generation, session_id=session_id)  # noqa: E731, B023
            second = pool.submit(self._insist, redeem)
            for result in self._insist(redeem), second.result():
                self.outcomes[session_id, generation, result] += 1
            self.generations[session_id] += 1

    def _revoke(self) -> None:
        while not self._over.is_set():
            revocation = token_revocation(f"token{self.revoked}")
            self._insist(lambda: self.store.revoke(revocation))  # noqa: B023
            with suppress(ValueError):  # it has begun, but that was not acknowledged
                self._insist(lambda: start(self.store, f"late{self.revoked}"))
            self.revoked += 1


@pytest.mark.usefixtures("impatient")
def test_nothing_acknowledged_by_a_replica_is_lost_when_it_takes_over(sentinels: Sentinels) -> None:
    store = open_store(sentinels, wait=1)
    storm = Storm(store)
    with storm.running():
        sentinels.kill_primary()
        sentinels.restore()  # until then, no replica acknowledges anything

    storm.check(store)
    store.close()
    assert storm.refused


@pytest.mark.parametrize("key", [SHARED, f"{PREFIX}:session:session0"], ids=["revocations", "a session"])
def test_nothing_acknowledged_by_a_replica_of_a_cluster_is_lost_when_it_takes_over(cluster: Cluster, key: str) -> None:
    store = open_store(cluster, wait=1)
    storm = Storm(store)
    with storm.running():
        killed = cluster.kill_primary_of(key)
        cluster.wait_until_ok()
        killed.start()

    storm.check(store)
    store.close()


def other_primary(cluster: Cluster, key: str) -> Any:
    """Return a primary that has not the slot of a key."""
    own = cluster.primary_of(cluster.slot_of(key))
    return next(server for server in cluster.servers if server.role == "master" and server is not own)


def move_in_steps(cluster: Cluster, key: str, storm: Storm) -> None:
    """Move the slot of a key to each other primary, one key after the other, while a storm goes on."""
    slot = cluster.slot_of(key)
    first = cluster.primary_of(slot)
    for target in [server for server in cluster.servers if server.role == "master" and server is not first]:
        move = cluster.begin_move(slot, target)
        for moved in move.keys():  # noqa: SIM118  # it is no dictionary
            move.move_key(moved)
        move.finish()
        storm.go_on()


@pytest.mark.parametrize("wait", [0, 1])
def test_no_refresh_is_lost_when_the_slot_of_its_session_moves(cluster: Cluster, wait: int) -> None:
    store = open_store(cluster, wait=wait)
    storm = Storm(store)
    with storm.running():
        key = f"{PREFIX}:session:session0"
        slot = cluster.slot_of(key)
        move = cluster.begin_move(slot, other_primary(cluster, key))
        storm.go_on()
        for moved in move.keys():  # noqa: SIM118  # it is no dictionary
            move.move_key(moved)
        storm.go_on()  # the old primary sends clients to the new one for this key
        move.finish()
        storm.go_on()
        cluster.move_slot(slot, move.source)

    storm.check(store)
    store.close()
    assert storm.refused == set()


def test_nothing_acknowledged_is_lost_when_the_slot_of_the_revocations_moves(cluster: Cluster) -> None:
    store = open_store(cluster)
    cursor = store.revocations_since(None).cursor
    storm = Storm(store)
    with storm.running():
        move_in_steps(cluster, SHARED, storm)

    storm.check(store)
    is_told = store.revocations_since(cursor) == RevocationPage()  # the slot is on another server now
    reader = Reader(store)
    reader.reload()
    store.close()
    assert is_told
    assert tokens(*(f"token{number}" for number in range(storm.revoked))) <= set(reader.known)
