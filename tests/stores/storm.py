"""A process of a storm: it signs in, refreshes, logs out and revokes, and prints what the store has acknowledged.

``python -m tests.stores.storm URL NAME`` runs until its standard input ends. ``storm_kit.py`` reads the lines. Coverage
is not measured here.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import count
from threading import Event, Lock
from typing import TypeVar

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.grant import Grant
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.core.records.session import NewSession, Outcome, Redemption, Session, Terms
from flask_tokenauth.core.store import Store

from .storm_kit import EVERYBODY, open_bound

DAY = timedelta(days=1)
TERMS = Terms(idle_lifetime=DAY, retry_window=timedelta(hours=1), retention=DAY)
THREADS = 2
MOST_KEPT = 8  # sessions of a thread that are refreshed again and again
PAUSE = 0.02  # seconds between two tries while there is no answer
SECONDS = 600  # until a process that hangs is ended

T = TypeVar("T")

printing, over = Lock(), Event()


def say(*words: object) -> None:
    """Print a line at once, also if other threads print."""
    with printing:
        print(*words, flush=True)


def insist(work: Callable[[], T]) -> T:
    """Call *work* until the store answers, as clients do. Everything here is repeatable."""
    while True:
        try:
            return work()
        except StoreUnavailable:
            Event().wait(PAUSE)


class Player:
    """A thread that uses the store.

    Args:
        store: the store.
        name: unique among all threads and processes.
        pool: runs two calls at once.
    """

    def __init__(self, store: Store, name: str, pool: ThreadPoolExecutor) -> None:
        self.store, self.name, self.pool = store, name, pool
        self.numbers = count()
        self.kept: list[Iterator[None]] = []  # sessions that go on; each step is a refresh

    def play(self) -> None:
        """Do everything in turn until the storm is over."""
        steps = (self.end, self.revoke_token, self.raise_epochs, self.keep)
        try:
            for turn in count():
                for step in steps:
                    if over.is_set():
                        return
                    step()
                    for session in self.kept[turn % MOST_KEPT : turn % MOST_KEPT + 1]:
                        next(session)
        except BaseException as error:
            say("wrong", type(error).__name__)
            raise

    def start(self, user_id: str) -> Session:
        """Sign in. If there is no answer, the next try is another session: no client has the token of the first."""

        def try_once() -> Session:
            session_id = f"session-{self.name}-{next(self.numbers)}"
            new = NewSession(session_id=session_id, user_id=user_id, grant=Grant(), idle_lifetime=DAY, lifetime=DAY)
            return self.store.start_session(new, most=10_000, retention=DAY).session

        session = insist(try_once)
        say("started", session.session_id, user_id, session.epoch)
        return session

    def refreshed(self) -> Iterator[None]:
        """Sign in, and refresh the session at each step."""
        session_id = self.start(f"keeper-{self.name}").session_id
        for generation in count():
            list(self.pool.map(partial(self.redeem, session_id), [generation] * 2))
            yield

    def redeem(self, session_id: str, generation: int) -> None:
        done: Redemption = insist(lambda: self.store.redeem(session_id, generation=generation, terms=TERMS))
        is_right = done.outcome in (Outcome.SWAPPED, Outcome.RETRIED) and not done.rolled_back
        reached = done.session.generation if done.session else None
        say(done.outcome.value if is_right and reached == generation + 1 else "wrong", session_id, generation)

    def keep(self) -> None:
        session = self.refreshed()
        next(session)
        self.kept.append(session)

    def end(self) -> None:
        session_id = self.start(f"keeper-{self.name}").session_id
        self.redeem(session_id, 0)
        say("ending", session_id)
        insist(lambda: self.store.end_session(session_id, retention=DAY))
        say("ended", session_id)

    def revoke_token(self) -> None:
        token_id, expires = f"token-{self.name}-{next(self.numbers)}", int(time.time()) + 3600
        revocation = Revocation(kind="token", subject=token_id, value=expires, expires_at=(expires + 60) * 1000)
        insist(lambda: self.store.revoke(revocation))
        say("revoked", token_id, expires)

    def raise_epochs(self) -> None:
        """Revoke a user of this thread, and one of all processes. Both sign in before and afterwards."""
        for user_id in (f"leaver-{self.name}", EVERYBODY):
            self.start(user_id)
            say("raising", user_id)
            say("raised", user_id, insist(partial(self.store.revoke_user, user_id, retention=DAY, api_keys=False)))
            self.start(user_id)


def main(url: str, name: str) -> None:
    store = open_bound(url)
    with ThreadPoolExecutor(THREADS) as players, ThreadPoolExecutor(2 * THREADS) as pool:
        played = [players.submit(Player(store, f"{name}-{number}", pool).play) for number in range(THREADS)]
        sys.stdin.read()
        over.set()
        for thread in played:
            thread.result()
    store.close()


if __name__ == "__main__":
    signal.alarm(SECONDS)
    main(*sys.argv[1:])
