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
    at_once,
    redeem,
    start,
    until,
)
from .revocation import LATER

Facts = tuple[str, str]  # kind and subject

HOUR = timedelta(hours=1)
WRITERS = 8
EACH = 20  # entries of each writer


class Reader:
    """Asks a store for news, as a worker does, and knows all that it has heard."""

    def __init__(self, store: Store) -> None:
        self.heard: dict[Facts, Revocation] = {}
        self.cursor: str | None = None
        self._store = store

    def ask(self) -> set[Facts]:
        """Ask until there is no more; return what came."""
        came: dict[Facts, Revocation] = {}
        more = True
        while more:
            news = self._store.revocations_since(self.cursor)
            assert news.cursor is not None, "the store wants its reader to begin anew"
            came |= {(each.kind, each.subject): each for each in news.entries}
            self.cursor, more = news.cursor, news.more
        self.heard |= came
        return set(came)

    def begin_anew(self) -> set[Facts]:
        """Ask for everything; return what came."""
        self.cursor = None
        return self.ask()


def revoke(store: Store, *subjects: str, left: timedelta = HOUR) -> None:
    """Revoke tokens."""
    for subject in subjects:
        store.revoke(Revocation(kind="token", subject=subject, expires_at=until(left)))


def tokens(*subjects: str) -> set[Facts]:
    """Return what a reader hears of tokens."""
    return {("token", subject) for subject in subjects}


class RevocationPagesContract:
    """What a store promises to readers."""

    def test_of_an_empty_store_there_is_no_news(self, store: Store) -> None:
        reader = Reader(store)

        assert [reader.ask() for _ in range(3)] == [set()] * 3

    def test_the_first_answer_has_everything_as_it_was_said(self, store: Store) -> None:
        said = [
            Revocation(kind="token", subject="dated", value=1_700_000_000, expires_at=LATER),
            Revocation(kind="token", subject="undated", value=0, expires_at=LATER + 1),
            Revocation(kind="session", subject="session", expires_at=LATER + 2),
            Revocation(kind="user", subject="alice", value=253_402_300_799_000, expires_at=LATER + 3),
        ]
        for each in said:
            store.revoke(each)
        reader = Reader(store)

        reader.ask()

        assert sorted(reader.heard.values(), key=lambda each: each.expires_at) == said

    def test_from_then_on_comes_what_is_new(self, store: Store) -> None:
        revoke(store, "a", "b")
        reader = Reader(store)
        reader.ask()

        revoke(store, "c", "d")
        assert reader.ask() >= tokens("c", "d")
        revoke(store, "e")
        assert reader.ask() >= tokens("e")
        assert set(reader.heard) == tokens("a", "b", "c", "d", "e")

    def test_an_answer_that_was_lost_can_be_asked_for_again(self, store: Store) -> None:
        reader = Reader(store)
        reader.ask()
        before = reader.cursor
        revoke(store, "a", "b")
        reader.ask()

        reader.cursor = before

        assert reader.ask() >= tokens("a", "b")

    def test_an_old_cursor_is_good_as_long_as_its_store(self, store: Store) -> None:
        late, early = Reader(store), Reader(store)
        late.ask()
        for number in range(30):
            revoke(store, f"token{number}")
            early.ask()

        assert late.ask() == tokens(*(f"token{number}" for number in range(30)))

    def test_each_reader_hears_everything(self, store: Store) -> None:
        readers = [Reader(store) for _ in range(2)]
        readers[0].ask()
        revoke(store, "a")
        readers[1].ask()
        revoke(store, "b")

        for reader in readers:
            reader.ask()

        assert [set(reader.heard) for reader in readers] == [tokens("a", "b")] * 2

    def test_the_end_of_a_session_is_news(self, store: Store) -> None:
        start(store)
        reader = Reader(store)
        reader.ask()

        store.end_session("session", retention=RETENTION)

        assert reader.ask() == {("session", "session")}
        told = reader.heard["session", "session"]
        assert told.value == 0
        assert abs(told.expires_at - until(RETENTION)) < MARGIN / timedelta(milliseconds=1)

    def test_a_session_that_ends_because_its_token_was_reused_is_news(self, store: Store) -> None:
        start(store)
        redeem(store, terms=NO_WINDOW)
        reader = Reader(store)
        assert reader.ask() == set()

        redeem(store, terms=NO_WINDOW)

        assert reader.ask() == {("session", "session")}
        assert abs(reader.heard["session", "session"].expires_at - until(RETENTION)) < MARGIN / timedelta(
            milliseconds=1
        )

    def test_a_user_who_is_revoked_is_news_with_the_new_epoch(self, store: Store) -> None:
        reader = Reader(store)
        reader.ask()

        epochs = []
        for _ in range(3):
            epochs.append(store.revoke_user("alice", retention=RETENTION))
            assert reader.ask() == {("user", "alice")}

        told = reader.heard["user", "alice"]
        assert told.value == epochs[-1]
        assert abs(told.expires_at - until(RETENTION)) < MARGIN / timedelta(milliseconds=1)

    def test_what_is_said_again_is_news_where_it_says_more(self, store: Store) -> None:
        store.revoke(Revocation(kind="user", subject="alice", value=5, expires_at=LATER))
        revoke(store, "other")
        reader = Reader(store)
        reader.ask()

        store.revoke(Revocation(kind="user", subject="alice", value=6, expires_at=LATER))
        assert reader.ask() == {("user", "alice")}
        assert reader.heard["user", "alice"].value == 6
        revoke(store, "another")
        reader.ask()
        store.revoke(Revocation(kind="user", subject="alice", value=6, expires_at=LATER + 1))
        assert reader.ask() == {("user", "alice")}
        assert reader.heard["user", "alice"].expires_at == LATER + 1

    def test_what_only_refreshes_or_begins_is_no_news(self, store: Store) -> None:
        reader = Reader(store)
        reader.ask()

        start(store)
        redeem(store)

        assert reader.ask() == set()

    def test_what_follows_a_purge_of_the_newest_entry_is_news(
        self, store: Store, age_revocations: AgeRevocations
    ) -> None:
        """A number that is used twice would hide the second entry that has it."""
        revoke(store, "a")
        reader = Reader(store)
        reader.ask()
        age_revocations(2 * HOUR)
        store.purge()

        revoke(store, "b")

        assert reader.ask() == tokens("b")

    def test_a_purge_takes_no_news_from_a_reader(self, store: Store, age_revocations: AgeRevocations) -> None:
        readers = [Reader(store) for _ in range(3)]
        readers[0].ask()
        revoke(store, "a", "b")
        readers[1].ask()
        revoke(store, "c", left=3 * HOUR)
        revoke(store, "d")
        readers[2].ask()

        age_revocations(2 * HOUR)
        store.purge()
        revoke(store, "e")

        assert [reader.ask() for reader in readers] == [tokens("c", "e"), tokens("c", "e"), tokens("e")]
        assert Reader(store).ask() == tokens("c", "e")

    def test_a_reader_that_races_writers_misses_nothing(self, store: Store) -> None:
        """Each answer has all that was kept before it was asked for, and the last one has all."""
        kept: list[Facts] = []
        missed: list[Facts] = []
        done = [Event() for _ in range(WRITERS)]

        def write(writer: int) -> None:
            for number in range(EACH):
                name = f"{writer}.{number}"
                if number % 4 == 0:
                    store.revoke_user(name, retention=RETENTION)
                    kept.append(("user", name))
                elif number % 4 == 1:
                    start(store, name)
                    store.end_session(name, retention=RETENTION)
                    kept.append(("session", name))
                else:
                    revoke(store, name)
                    kept.append(("token", name))
            done[writer].set()

        def read() -> None:
            reader = Reader(store)
            while not all(each.is_set() for each in done):
                before = kept[:]
                reader.ask()
                missed.extend(set(before) - set(reader.heard))
            reader.ask()
            missed.extend(set(kept) - set(reader.heard))

        at_once(WRITERS + 2, lambda index: write(index) if index < WRITERS else read())

        assert missed == []
        assert len(set(kept)) == WRITERS * EACH
        assert set(kept) == Reader(store).ask()

    def test_a_reader_may_close_the_store_between_two_questions(self, store: Store) -> None:
        reader = Reader(store)
        reader.ask()
        revoke(store, "a")

        store.close()

        assert reader.ask() == tokens("a")

    def test_expiry_is_told_in_milliseconds_of_the_present(self, store: Store) -> None:
        store.revoke_user("alice", retention=HOUR)
        reader = Reader(store)
        reader.ask()

        left = reader.heard["user", "alice"].expires_at - time.time() * 1000

        assert abs(left - HOUR / timedelta(milliseconds=1)) < MARGIN / timedelta(milliseconds=1)
