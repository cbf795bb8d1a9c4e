"""Feeds of several workers with one store: what one worker revokes, the others know, also after lost writes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import RETENTION, Deadline, at_once, start
from flask_tokenauth.testing.store_contract.revocation_pages import revoke

from .process_kit import Spawn, run
from .sqlite_kit import copier, execute, opened, revocation_ager, url_of, wiper

EXP = 4_000_000_000


class Clock:
    """A monotonic clock that tests move on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """A worker with its own feed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.feed = RevocationFeed(
            store, interval=timedelta(seconds=1), max_staleness=timedelta(seconds=30), monotonic=self.clock
        )

    def knows(self, token_id: str = "nothing", **changes: Any) -> bool:
        """Look something up when the last fetch is 6 seconds ago."""
        self.clock.now += 6
        usual: dict[str, Any] = {"session_id": None, "user_id": "stranger", "epoch": 0}
        return self.feed.is_revoked(token_id=token_id, exp=EXP, **(usual | changes))


@pytest.fixture(params=["memory", "sqlite"])
def any_store(request: pytest.FixtureRequest, path: Path) -> Iterator[Store]:
    store: Store = MemoryStore() if request.param == "memory" else SQLStore(url_of(path))
    yield store
    store.close()


@pytest.fixture
def workers(path: Path) -> Iterator[list[Worker]]:
    """Two workers with one SQLite file, as on one machine."""
    workers = [Worker(SQLStore(url_of(path))) for _ in range(2)]
    yield workers
    for worker in workers:
        worker.store.close()


def test_what_any_worker_revokes_all_know(any_store: Store) -> None:
    workers = [Worker(any_store) for _ in range(2)]
    start(any_store)
    assert not any(worker.knows() for worker in workers)

    revoke(any_store, "token")
    any_store.end_session("session", retention=RETENTION)
    epoch = any_store.revoke_user("alice", retention=RETENTION, api_keys=False)

    for worker in workers:
        assert worker.knows("token")
        assert worker.knows(session_id="session")
        assert worker.knows(user_id="alice", epoch=epoch - 1)
        assert not worker.knows(user_id="alice", epoch=epoch)


def test_a_worker_that_starts_later_knows_what_was_revoked_before(any_store: Store) -> None:
    revoke(any_store, "token")

    assert Worker(any_store).knows("token")


@pytest.mark.slow
def test_workers_that_race_writers_know_all_that_was_revoked_before_they_asked(any_store: Store) -> None:
    kept: list[str] = []
    missed: list[str] = []
    done = [Event() for _ in range(8)]

    def write(number: int) -> None:
        try:
            for index in range(20):
                revoke(any_store, f"{number}.{index}")
                kept.append(f"{number}.{index}")
        finally:
            done[number].set()

    def read() -> None:
        worker, deadline = Worker(any_store), Deadline("the end of all writers")
        while not all(event.is_set() for event in done):
            deadline.check()
            before = kept[:]
            worker.knows()
            missed.extend(token_id for token_id in before if not worker.feed.is_revoked(**asked(token_id)))
        worker.knows()
        missed.extend(token_id for token_id in kept if not worker.feed.is_revoked(**asked(token_id)))

    at_once(10, lambda index: write(index) if index < 8 else read())

    assert len(kept) == 160
    assert missed == []


def asked(token_id: str) -> dict[str, Any]:
    return {"token_id": token_id, "exp": EXP, "session_id": None, "user_id": "stranger", "epoch": 0}


def test_what_follows_a_purge_of_the_newest_entry_is_known(path: Path, workers: list[Worker]) -> None:
    one, other = workers
    revoke(one.store, "a")
    assert other.knows("a")
    revocation_ager(path)(timedelta(hours=2))
    one.store.purge()

    revoke(one.store, "b")

    assert other.knows("b")


def test_when_an_older_copy_is_restored_new_revocations_are_known_and_lost_ones_written_again(
    path: Path, workers: list[Worker]
) -> None:
    one, other = workers
    start(one.store, "s1")
    revoke(one.store, "before")
    put_back = copier(path)()
    revoke(one.store, "after")
    one.store.end_session("s1", retention=RETENTION)
    epoch = one.store.revoke_user("alice", retention=RETENTION, api_keys=False)
    assert one.knows("after")

    put_back()
    assert other.knows("before")
    assert not other.knows("after")
    revoke(other.store, "new", "newer", "newest")  # as many as were lost

    assert one.knows("new")
    assert one.knows("newest")
    assert one.knows("after")
    assert one.feed.describe().lost_by_store == 0
    assert other.knows("after")
    assert other.knows(session_id="s1")
    assert other.knows(user_id="alice", epoch=epoch - 1)
    assert other.store.read_epoch("alice") == epoch
    assert other.store.find_session("s1") is None


def test_when_the_store_is_wiped_the_revocations_are_written_again(path: Path, workers: list[Worker]) -> None:
    one, other = workers
    revoke(one.store, "a", "b")
    assert one.knows("a")

    wiper(path)()
    one.knows()

    assert other.knows("a")
    assert other.knows("b")
    assert one.store.is_revoked(token_id="a", session_id=None, user_id="stranger", epoch=0)


def test_garbage_in_the_store_lets_no_token_pass(path: Path, workers: list[Worker]) -> None:
    one, _ = workers
    one.knows()
    revoke(one.store, "a")
    execute(path, "UPDATE tokenauth_revocation SET kind = 'x'")

    for _ in range(4):
        assert not one.knows()  # the last fetch counts for thirty seconds
    with pytest.raises(StoreUnavailable):
        one.knows()


@pytest.mark.slow
def test_after_a_fork_each_child_knows_what_its_parent_knew_and_what_came_since(path: Path, spawn: Spawn) -> None:
    assert run(spawn("fork_with_feed", url_of(path))) == ["0 0 0 0 True"]


def remove(path: Path) -> None:
    """Remove a database and the files beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def test_a_file_that_was_replaced_is_noticed(path: Path, workers: list[Worker]) -> None:
    """A restore renames files. A process that has the old file open would see nothing of the new one."""
    one, other = workers
    revoke(one.store, "before")
    backup = path.with_suffix(".backup")
    with opened(path) as source, opened(backup) as target:
        source.backup(target)
    revoke(one.store, "lost")
    assert one.knows("lost")

    other.store.close()
    remove(path)
    backup.replace(path)
    revoke(other.store, "after")

    assert one.knows("after")
    assert other.knows("lost")


def test_a_file_of_another_issuer_in_its_place_is_refused(path: Path) -> None:
    mine, theirs = SQLStore(url_of(path)), SQLStore(url_of(path.with_name("theirs.db")))
    mine.bind("https://one.example", timeout=RETENTION, lifetime=RETENTION, leeway=RETENTION)
    theirs.bind("https://other.example", timeout=RETENTION, lifetime=RETENTION, leeway=RETENTION)
    assert mine.read_epoch("alice") == theirs.read_epoch("alice") == 0
    theirs.close()

    remove(path)
    path.with_name("theirs.db").replace(path)

    with pytest.raises(SettingsError, match="another issuer"):
        mine.read_epoch("alice")
    mine.close()


def test_a_file_that_was_removed_is_created_again_after_the_connections_were_closed(
    path: Path, workers: list[Worker]
) -> None:
    one, _ = workers
    revoke(one.store, "before")
    assert one.knows("before")

    remove(path)
    with pytest.raises(StoreUnavailable):
        one.store.read_epoch("alice")
    one.store.close()

    assert one.knows("before")
    assert one.store.is_revoked(token_id="before", session_id=None, user_id="stranger", epoch=0)
