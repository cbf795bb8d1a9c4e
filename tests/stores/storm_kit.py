"""Helpers for the tests with a storm: processes that use one store, and checks that nothing acknowledged is lost."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Condition, Event, Thread
from typing import Any, Self

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.core.store import Store
from flask_tokenauth.stores.opening import open_store
from flask_tokenauth.testing.store_contract.kit import NO_WINDOW, TERMS

THOROUGH = bool(os.environ.get("TOKENAUTH_THOROUGH"))  # more and longer rounds
# MORE: lines that each process has to print before the next step
ROUNDS, MORE = (10, 100) if THOROUGH else (3, 20)
PROCESSES = 4
PATIENCE = 60  # seconds; a test that waits longer fails
PAUSE = 0.01  # seconds between two polls
EVERYBODY = "everybody"  # a user whom all processes revoke


def open_bound(url: str, *, timeout: timedelta = timedelta(seconds=0.5)) -> Store:
    """Open a store as an application does. A check that must not fail on a slow machine has more time."""
    store = open_store(url)
    hour = timedelta(hours=1)
    store.bind("https://issuer.example", timeout=timeout, lifetime=hour, leeway=timedelta(0))
    return store


@dataclass
class SeenSession:
    """A session that the store has acknowledged.

    Attributes:
        user_id: its user.
        epoch: that it began with.
        generation: of the refresh token that came last.
        is_ending: True as soon as its end was asked for.
        is_ended: True as soon as its end was acknowledged.
    """

    user_id: str
    epoch: int
    generation: int = 0
    is_ending: bool = False
    is_ended: bool = False


@dataclass
class Seen:
    """All that the store has acknowledged.

    Attributes:
        sessions: by session ID.
        swaps: how often a generation was swapped.
        tokens: the ``exp`` of revoked tokens, by token ID.
        epochs: by user ID.
        raises: how many revocations of a user were asked for and not acknowledged.
    """

    sessions: dict[str, SeenSession] = field(default_factory=dict)
    swaps: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: dict[str, int] = field(default_factory=dict)
    epochs: dict[str, list[int]] = field(default_factory=dict)
    raises: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, lines: Iterable[str]) -> "Seen":
        """Read the lines of processes. A line without an end is of a process that was killed, and does not count."""
        seen = cls()
        for words in [line.split() for line in lines if line.endswith("\n")]:
            seen._add(words)
        return seen

    def _add(self, words: list[str]) -> None:
        match words:
            case ["started", session_id, user_id, epoch]:
                self.sessions[session_id] = SeenSession(user_id, int(epoch))
            case ["swapped" | "retried" as outcome, session_id, generation]:
                self.sessions[session_id].generation = int(generation) + 1
                self.swaps[session_id, generation] += outcome == "swapped"
            case ["ending", session_id]:
                self.sessions[session_id].is_ending = True
            case ["ended", session_id]:
                self.sessions[session_id].is_ended = True
            case ["revoked", token_id, expires]:
                self.tokens[token_id] = int(expires)
            case ["raising", user_id]:
                self.raises[user_id] += 1
            case ["raised", user_id, epoch]:
                self.raises[user_id] -= 1
                self.epochs.setdefault(user_id, []).append(int(epoch))
            case _:
                raise AssertionError(f"a process has seen a wrong answer: {' '.join(words)}")

    def epoch_of(self, user_id: str) -> int:
        """Return the last acknowledged epoch of a user."""
        return max(self.epochs.get(user_id, [0]))

    def over(self) -> list[str]:
        """Return the IDs of the sessions that must be refused."""
        return [key for key, seen in self.sessions.items() if seen.is_ended or seen.epoch < self.epoch_of(seen.user_id)]

    def kept(self) -> list[str]:
        """Return the IDs of the sessions that must go on. One whose end was not acknowledged may do either."""
        over = set(self.over())
        return [
            key for key, seen in self.sessions.items()
            if key not in over and not seen.is_ending and not self.raises[seen.user_id]
        ]  # fmt: skip

    def revoked(self) -> list[dict[str, Any]]:
        """Return the arguments of ``RevocationFeed.is_revoked`` for access tokens that must be refused."""
        usual = {"token_id": "unknown", "exp": 4e9, "session_id": None, "user_id": "stranger", "epoch": 0}
        ended = [usual | {"session_id": key} for key, seen in self.sessions.items() if seen.is_ended]
        tokens = [usual | {"token_id": token_id, "exp": expires} for token_id, expires in self.tokens.items()]
        users = [usual | {"user_id": user_id, "epoch": self.epoch_of(user_id) - 1} for user_id in self.epochs]
        return ended + tokens + users

    def good(self) -> list[dict[str, Any]]:
        """Return the arguments for access tokens that must be accepted."""
        return [
            {"token_id": "t", "exp": 4e9, "session_id": key, "user_id": found.user_id, "epoch": found.epoch}
            for key, found in ((key, self.sessions[key]) for key in self.kept())
        ]

    def check_numbers(self) -> None:
        """Check that no generation was swapped twice, and that a user never got one epoch twice."""
        assert max(self.swaps.values(), default=0) <= 1, "a generation was swapped twice"
        assert all(len(set(epochs)) == len(epochs) for epochs in self.epochs.values()), "an epoch was given twice"


def check(store: Store, seen: Seen) -> None:
    """Check that a store has all that it has acknowledged. The sessions that were kept end."""
    seen.check_numbers()
    live = [key for key in seen.over() if redeem(store, key, seen.sessions[key].generation) is not Outcome.GONE]
    assert not live, f"sessions that had ended go on: {live}"
    believed = [given for given in seen.revoked() if not is_revoked_in(store, **given)]
    assert not believed, f"revocations are lost: {believed}"
    lost = [key for key in seen.epochs if store.read_epoch(key) < seen.epoch_of(key)]
    assert not lost, f"the epochs of users are lost: {lost}"
    check_kept(store, seen)


def is_revoked_in(store: Store, *, exp: float, **given: Any) -> bool:
    """Ask the store itself, which does not need ``exp``."""
    return store.is_revoked(**given)


def redeem(store: Store, session_id: str, generation: int) -> Outcome:
    return store.redeem(session_id, generation=generation, terms=TERMS).outcome


def check_kept(store: Store, seen: Seen) -> None:
    """Check that each session that was kept goes on, with one successor, and ends if an old token comes again."""
    kept = seen.kept()
    found = {key: store.find_session(key) for key in kept}
    # The last swap may be stored and not acknowledged.
    lost = [key for key, at in found.items() if not at or at.generation - seen.sessions[key].generation not in (0, 1)]
    assert not lost, f"sessions or their generations are lost: {lost}"
    stopped = [key for key in kept[::2] if not goes_on(store, key, seen.sessions[key].generation)]
    assert not stopped, f"the last tokens do not work: {stopped}"
    old = {key: seen.sessions[key].generation - 1 for key in kept}
    known = [key for key in kept if old[key] >= 0]
    replayed = [store.redeem(key, generation=old[key], terms=NO_WINDOW).outcome for key in known]
    assert set(replayed) <= {Outcome.REUSED}, "an old token was accepted"
    live = [key for key in known if store.find_session(key)]
    assert not live, f"sessions whose old token came again go on: {live}"


def goes_on(store: Store, session_id: str, generation: int) -> bool:
    """Return whether the last two refreshes of a session work."""
    first, second = (redeem(store, session_id, number) for number in (generation, generation + 1))
    return first in (Outcome.SWAPPED, Outcome.RETRIED) and second is Outcome.SWAPPED


class Process:
    """A process of the storm, and the lines that it has printed.

    Args:
        url: of the store.
        name: unique in one test.
    """

    def __init__(self, url: str, name: str) -> None:
        self.lines: list[str] = []
        self._changed = Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stores.storm", url, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()

    def await_more(self, number: int = MORE) -> None:
        """Wait until the process has printed more lines."""
        with self._changed:
            enough = len(self.lines) + number
            assert self._changed.wait_for(lambda: len(self.lines) >= enough, PATIENCE), "a process does not go on"

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> int:
        """Let the process do its last step, unless it was killed, and return its exit code."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._reader.join(PATIENCE)  # it ends with the output of the process
        code = self._process.wait(PATIENCE)
        self._process.stdout.close()
        return code


@contextmanager
def storm(url: str, name: str = "storm") -> Iterator[list[Process]]:
    """Let processes use a store, and kill them at the end of the ``with`` block if they still run."""
    with ExitStack() as stack:
        processes = [Process(url, f"{name}-{number}") for number in range(PROCESSES)]
        for process in processes:
            stack.callback(process.end)
            stack.callback(process.kill)
        yield processes


def await_more(processes: Iterable[Process]) -> None:
    """Wait until each process goes on."""
    for process in processes:
        process.await_more()


def seen_by(processes: Iterable[Process]) -> Seen:
    """Return all that the processes have seen until now."""
    return Seen.read([line for process in processes for line in list(process.lines)])


class Reader:
    """A revocation feed that a thread polls all the time, as long as the ``with`` block runs.

    Args:
        store: the store. It is closed at the end.
    """

    def __init__(self, store: Store) -> None:
        self.feed = RevocationFeed(store, interval=timedelta(seconds=0.1), max_staleness=timedelta(seconds=PATIENCE))
        self._store, self._over, self._polled = store, Event(), Condition()
        self._thread = Thread(target=self._poll)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(PATIENCE)
        self._store.close()

    def _poll(self) -> None:
        while not self._over.wait(PAUSE):
            with suppress(StoreUnavailable):
                self.feed.warm()
            with self._polled:
                self._polled.notify_all()

    def check(self, seen: Seen) -> None:
        """Check that the feed believes no revoked token, as soon as it has asked the store."""
        since = self.feed.monotonic()

        def is_new() -> bool:
            age = self.feed.describe().age
            return age is not None and self.feed.monotonic() - age > since

        with self._polled:
            assert self._polled.wait_for(is_new, PATIENCE), "the feed does not go on"
        assert self.feed.describe().lost_by_store == 0, "revocations that the feed knows are lost"
        believed = [given for given in seen.revoked() if not self.feed.is_revoked(**given)]
        assert not believed, f"revoked tokens are believed: {believed}"

    def check_good(self, seen: Seen) -> None:
        """Check that the feed believes the tokens of sessions that go on."""
        refused = [given for given in seen.good() if self.feed.is_revoked(**given)]
        assert not refused, f"good tokens are refused: {refused}"
