"""Helpers for the tests of the feed: a worker with clocks that tests set, and a store that fails on request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation, RevocationPage
from flask_tokenauth.core.revocation.feed import RevocationFeed
from flask_tokenauth.stores.memory import MemoryStore

from ...conftest import NOW, StandingClock

SECONDS = 60  # until a test that hangs fails
LATER = int(NOW * 1000) + 24 * 3600 * 1000
NEVER = int(NOW * 1000) * 2
RETENTION = timedelta(days=1)
EXP = int(NOW) + 900
TICK = 2.0**-10  # seconds, and exact


def ms(seconds: float) -> int:
    return int(seconds * 1000)


class Watched(MemoryStore):
    """A store that records its calls, and fails or pages as a test wants."""

    def __init__(self, wall: StandingClock) -> None:
        super().__init__(clock=lambda: ms(wall.now))
        self.asked: list[str | None] = []
        self.written: list[Revocation] = []
        self.fetch_fails: Exception | None = None
        self.revoke_fails: Exception | None = None
        self.pages: list[RevocationPage] = []  # instead of the real ones
        self.meanwhile: Callable[[], object] = lambda: None
        self.before_revoke: Callable[[], object] = lambda: None

    def revocations_since(self, cursor: str | None) -> RevocationPage:
        self.asked.append(cursor)
        self.meanwhile()
        if self.fetch_fails is not None:
            raise self.fetch_fails
        return self.pages.pop(0) if self.pages else super().revocations_since(cursor)

    def revoke(self, revocation: Revocation) -> None:
        self.before_revoke()
        if self.revoke_fails is not None:
            raise self.revoke_fails
        self.written.append(revocation)
        super().revoke(revocation)

    def forget(self) -> None:
        """Lose everything, as if its process had ended."""
        MemoryStore.__init__(self, clock=self.clock)


@dataclass
class Worker:
    """A feed with its clocks and its store."""

    wall: StandingClock = field(default_factory=StandingClock)
    monotonic: StandingClock = field(default_factory=lambda: StandingClock(1000.0))

    def __post_init__(self) -> None:
        self.store = Watched(self.wall)
        self.feed = self.make()

    def make(self, **changes: Any) -> RevocationFeed:
        usual: dict[str, Any] = {
            "interval": timedelta(seconds=1),
            "max_staleness": timedelta(seconds=30),
            "timeout": timedelta(seconds=SECONDS),
            "leeway": timedelta(seconds=10),
            "monotonic": self.monotonic,
            "wall": self.wall,
            "uniform": lambda low, high: high,
        }
        self.feed = RevocationFeed(self.store, **(usual | changes))
        return self.feed

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.wall.now += seconds
        self.monotonic.now += seconds

    def asks(self) -> int:
        """Look something up, and return how often the feed asked the store for it."""
        before = len(self.store.asked)
        self.has("nothing", exp=self.wall.now + 900)
        return len(self.store.asked) - before

    def has(self, token_id: str = "t", exp: float = EXP, **changes: Any) -> bool:
        usual: dict[str, Any] = {"session_id": None, "user_id": "alice", "epoch": 0}
        return self.feed.is_revoked(token_id=token_id, exp=exp, **(usual | changes))

    def is_refused(self) -> bool:
        """Look something up, and return whether that was refused."""
        try:
            self.has("nothing", exp=self.wall.now + 900)
        except StoreUnavailable:
            return True
        return False


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def warm(worker: Worker) -> Worker:
    """A worker that has just fetched."""
    worker.feed.warm()
    return worker


def token(subject: str = "t", exp: int = EXP, until: int = LATER) -> Revocation:
    return Revocation(kind="token", subject=subject, value=exp, expires_at=until)


OUTAGE = StoreUnavailable("away")
