"""Revocations since a cursor: a reader gets every revocation that was stored before it asked."""

import time
from datetime import timedelta
from threading import Event

from ...core.records.revocation import Revocation
from ...core.store import Store
from .kit import (
    MARGIN,
    NO_WINDOW,
    RETENTION,
    AgeRevocations,
    Deadline,
    at_once,
    redeem,
    start,
    until,
)
from .revocation import LATER

Key = tuple[str, str]  # kind and subject

HOUR = timedelta(hours=1)
WRITERS = 8
PER_WRITER = 20  # revocations


class Reader:
    """Fetches revocations from a store, as a worker does, and keeps all of them."""

    def __init__(self, store: Store) -> None:
        self.known: dict[Key, Revocation] = {}
        self.cursor: str | None = None
        self._store = store

    def fetch(self) -> set[Key]:
        """Fetch page by page until there is no more, and return the keys that came."""
        new: dict[Key, Revocation] = {}
        more, deadline = True, Deadline("the last page of revocations")
        while more:
            deadline.check()
            page = self._store.revocations_since(self.cursor)
            assert page.cursor is not None, "the store wants its reader to load all revocations again"
            new |= {(entry.kind, entry.subject): entry for entry in page.entries}
            self.cursor, more = page.cursor, page.more
        self.known |= new
        return set(new)

    def reload(self) -> set[Key]:
        """Fetch everything, and return the keys that came."""
        self.cursor = None
        return self.fetch()


def revoke(store: Store, *subjects: str, left: timedelta = HOUR) -> None:
    """Revoke some tokens."""
    for subject in subjects:
        store.revoke(Revocation(kind="token", subject=subject, expires_at=until(left)))


def tokens(*subjects: str) -> set[Key]:
    """Return the keys of some tokens."""
    return {("token", subject) for subject in subjects}


class RevocationPagesContract:
    """Tests the promises to readers of revocations."""

    def test_an_empty_store_has_no_revocations(self, store: Store) -> None:
        reader = Reader(store)

        assert [reader.fetch() for _ in range(3)] == [set()] * 3

    def test_the_first_load_has_everything_as_it_was_written(self, store: Store) -> None:
        written = [
            Revocation(kind="token", subject="dated", value=1_700_000_000, expires_at=LATER),
            Revocation(kind="token", subject="undated", value=0, expires_at=LATER + 1),
            Revocation(kind="session", subject="session", expires_at=LATER + 2),
            Revocation(kind="user", subject="alice", value=253_402_300_799_000, expires_at=LATER + 3),
            Revocation(kind="api_keys", subject="alice", value=253_402_300_799_000, expires_at=LATER + 4),
        ]
        for revocation in written:
            store.revoke(revocation)
        reader = Reader(store)

        reader.fetch()

        assert sorted(reader.known.values(), key=lambda entry: entry.expires_at) == written

    def test_each_later_fetch_has_what_is_new(self, store: Store) -> None:
        revoke(store, "a", "b")
        reader = Reader(store)
        reader.fetch()

        revoke(store, "c", "d")
        assert reader.fetch() >= tokens("c", "d")
        revoke(store, "e")
        assert reader.fetch() >= tokens("e")
        assert set(reader.known) == tokens("a", "b", "c", "d", "e")

    def test_a_page_that_was_lost_can_be_fetched_again(self, store: Store) -> None:
        reader = Reader(store)
        reader.fetch()
        before = reader.cursor
        revoke(store, "a", "b")
        reader.fetch()

        reader.cursor = before

        assert reader.fetch() >= tokens("a", "b")

    def test_an_old_cursor_stays_valid(self, store: Store) -> None:
        late, early = Reader(store), Reader(store)
        late.fetch()
        for number in range(30):
            revoke(store, f"token{number}")
            early.fetch()

        assert late.fetch() == tokens(*(f"token{number}" for number in range(30)))

    def test_each_reader_gets_everything(self, store: Store) -> None:
        readers = [Reader(store) for _ in range(2)]
        readers[0].fetch()
        revoke(store, "a")
        readers[1].fetch()
        revoke(store, "b")

        for reader in readers:
            reader.fetch()

        assert [set(reader.known) for reader in readers] == [tokens("a", "b")] * 2

    def test_the_end_of_a_session_is_fetched(self, store: Store) -> None:
        start(store)
        reader = Reader(store)
        reader.fetch()

        store.end_session("session", retention=RETENTION)

        assert reader.fetch() == {("session", "session")}
        entry = reader.known["session", "session"]
        assert entry.value == 0
        assert abs(entry.expires_at - until(RETENTION)) < MARGIN / timedelta(milliseconds=1)

    def test_the_end_of_a_session_by_reuse_is_fetched(self, store: Store) -> None:
        start(store)
        redeem(store, terms=NO_WINDOW)
        reader = Reader(store)
        assert reader.fetch() == set()

        redeem(store, terms=NO_WINDOW)

        assert reader.fetch() == {("session", "session")}
        assert abs(reader.known["session", "session"].expires_at - until(RETENTION)) < MARGIN / timedelta(
            milliseconds=1
        )

    def test_a_revoked_user_is_fetched_with_the_new_epoch(self, store: Store) -> None:
        reader = Reader(store)
        reader.fetch()

        epochs = []
        for _ in range(3):
            epochs.append(store.revoke_user("alice", retention=RETENTION, api_keys=False))
            assert reader.fetch() == {("user", "alice")}

        entry = reader.known["user", "alice"]
        assert entry.value == epochs[-1]
        assert abs(entry.expires_at - until(RETENTION)) < MARGIN / timedelta(milliseconds=1)

    def test_a_repeated_revocation_is_fetched_if_it_is_longer_or_higher(self, store: Store) -> None:
        store.revoke(Revocation(kind="user", subject="alice", value=5, expires_at=LATER))
        revoke(store, "other")
        reader = Reader(store)
        reader.fetch()

        store.revoke(Revocation(kind="user", subject="alice", value=6, expires_at=LATER))
        assert reader.fetch() == {("user", "alice")}
        assert reader.known["user", "alice"].value == 6
        revoke(store, "another")
        reader.fetch()
        store.revoke(Revocation(kind="user", subject="alice", value=6, expires_at=LATER + 1))
        assert reader.fetch() == {("user", "alice")}
        assert reader.known["user", "alice"].expires_at == LATER + 1

    def test_a_start_or_a_refresh_of_a_session_is_no_revocation(self, store: Store) -> None:
        reader = Reader(store)
        reader.fetch()

        start(store)
        redeem(store)

        assert reader.fetch() == set()

    def test_the_next_revocation_after_a_purge_of_the_newest_is_fetched(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        """If a number were used twice, its second row would be hidden."""
        revoke(store, "a")
        reader = Reader(store)
        reader.fetch()
        age_revocations(2 * HOUR)
        store.purge()

        revoke(store, "b")

        assert reader.fetch() == tokens("b")

    def test_a_purge_hides_no_revocation_from_a_reader(self, store: Store, age_revocations: AgeRevocations) -> None:
        readers = [Reader(store) for _ in range(3)]
        readers[0].fetch()
        revoke(store, "a", "b")
        readers[1].fetch()
        revoke(store, "c", left=3 * HOUR)
        revoke(store, "d")
        readers[2].fetch()

        age_revocations(2 * HOUR)
        store.purge()
        revoke(store, "e")

        expired = tokens("a", "b", "d")  # a store may return them or not
        fetched = [reader.fetch() - expired for reader in readers]
        assert fetched == [tokens("c", "e"), tokens("c", "e"), tokens("e")]
        assert Reader(store).fetch() - expired == tokens("c", "e")

    def test_a_reader_that_races_writers_misses_nothing(self, store: Store) -> None:
        """Each fetch has all that was stored before it, and the last one has everything."""
        kept: list[Key] = []
        missed: list[Key] = []
        done = [Event() for _ in range(WRITERS)]

        def write(writer: int) -> None:
            for number in range(PER_WRITER):
                name = f"{writer}.{number}"
                if number % 4 == 0:
                    store.revoke_user(name, retention=RETENTION, api_keys=False)
                    kept.append(("user", name))
                elif number % 4 == 1:
                    start(store, name)
                    store.end_session(name, retention=RETENTION)
                    kept.append(("session", name))
                else:
                    revoke(store, name)
                    kept.append(("token", name))

        def read() -> None:
            reader, deadline = Reader(store), Deadline("the end of all writers")
            while not all(event.is_set() for event in done):
                deadline.check()
                before = kept[:]
                reader.fetch()
                missed.extend(set(before) - set(reader.known))
            reader.fetch()
            missed.extend(set(kept) - set(reader.known))

        def work(index: int) -> None:
            if index < WRITERS:
                try:
                    write(index)
                finally:
                    done[index].set()  # else the readers would wait for a writer that has failed
            else:
                read()

        at_once(WRITERS + 2, work)

        assert missed == []
        assert len(set(kept)) == WRITERS * PER_WRITER
        assert set(kept) == Reader(store).fetch()

    def test_a_reader_may_close_the_store_between_two_fetches(self, store: Store) -> None:
        reader = Reader(store)
        reader.fetch()
        revoke(store, "a")

        store.close()

        assert reader.fetch() == tokens("a")

    def test_the_expiry_is_in_milliseconds_since_1970(self, store: Store) -> None:
        store.revoke_user("alice", retention=HOUR, api_keys=False)
        reader = Reader(store)
        reader.fetch()

        left = reader.known["user", "alice"].expires_at - time.time() * 1000

        assert abs(left - HOUR / timedelta(milliseconds=1)) < MARGIN / timedelta(milliseconds=1)
