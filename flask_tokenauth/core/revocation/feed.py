"""The revocations that this process knows. New ones are fetched from the store once an interval.

A look-up does not ask the store, and no thread of its own fetches. If a request finds that the last fetch is half an
interval ago, it fetches for all requests. From a whole interval on the others wait for it. If the store cannot be
asked, the revocations that are known count for some time more. After that no token is accepted, because any of them may
have been revoked.
"""

import logging
import math
import os
import time
from collections.abc import Callable
from datetime import timedelta
from random import SystemRandom
from weakref import WeakSet

from ..errors import StoreUnavailable
from ..process import ProcessLock, process_id
from ..records.revocation import MARGIN, Revocation, RevocationPage, retention_of
from ..store import Store, translated
from .feed_state import FeedState
from .index import RevocationIndex
from .lost_revocations import LONGEST_PAUSE, LostRevocations
from .pruning import Pruning
from .reload import Reload

_NO_CURSOR = "revocations_since(None) must return a page with a cursor, got a page without one: correct the store"
_NO_ANSWER = "the store has not answered yet"
_random = SystemRandom()  # it has no state that a fork could copy
_log = logging.getLogger("flask_tokenauth")


def _read_clock() -> float:
    """Return the time. ``time.time`` is looked up at each call, because freezegun replaces it."""
    return time.time()


class RevocationFeed:
    """Holds the revocations that this process knows, and fetches new ones from a store.

    Args:
        store: the store. It limits the time of its own calls: the thread that fetches waits until the store returns.
        interval: the age of the last fetch from which requests wait for the next one. From half of it on one request
            fetches, and the others do not wait.
        max_staleness: the age of the last fetch from which no look-up is answered.
        timeout: the longest time for which a request waits for a fetch of another one.
        load_timeout: the longest time that one fetch may take, with all its pages. If it takes longer, the next try
            goes on after the last page.
        leeway: the duration for which tokens are accepted after they have expired.
        monotonic: returns seconds that always rise, from any start. The default also runs in tests that stop the clock:
            freezegun, and time-machine before 3.0, stop ``time.monotonic``.
        wall: returns the time by which tokens expire, in seconds since 1970-01-01T00:00:00Z.
        uniform: returns a random number between two numbers.

    Attributes:
        monotonic: as given. Tests replace it.
        after_fetch: called after each fetch, by the thread that has fetched, for work that can be done with it.

    Raises:
        ValueError: a duration is not above zero, or *interval* is above *max_staleness*.
    """

    def __init__(
        self,
        store: Store,
        *,
        interval: timedelta,
        max_staleness: timedelta,
        timeout: timedelta = timedelta(seconds=0.5),
        load_timeout: timedelta = timedelta(seconds=10),
        leeway: timedelta = timedelta(0),
        monotonic: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = _read_clock,
        uniform: Callable[[float, float], float] = _random.uniform,
    ) -> None:
        if not timedelta(0) < interval <= max_staleness:
            raise ValueError(
                f"interval must be above zero and at most max_staleness, got {interval} and {max_staleness}"
            )
        if min(timeout, load_timeout) <= timedelta(0):
            raise ValueError(f"timeout and load_timeout must be above zero, got {timeout} and {load_timeout}")
        self._store = store
        self._interval = interval.total_seconds()
        self._max_staleness = max_staleness.total_seconds()
        self._timeout = timeout.total_seconds()
        self._load_timeout = load_timeout.total_seconds()
        self._grace = math.ceil(retention_of(timedelta(0), leeway).total_seconds())
        self.monotonic = monotonic
        self.after_fetch: Callable[[], None] = lambda: None
        self._wall, self._uniform = wall, uniform
        self._index = RevocationIndex(grace=self._grace)
        self._reload: Reload | None = None
        self._lost_by_store = LostRevocations(store, timeout=self._timeout, leeway=leeway)
        self._cursor: str | None = None
        self._paging_since: float | None = None  # when the first page of the present fetch was asked for
        self._pruning = Pruning()
        self._latest_wall = 0.0  # the latest time of the wall clock at the end of a fetch
        self._forgotten_until = -math.inf  # revocations of tokens that expired by then may be forgotten
        self._fetching, self._changing = ProcessLock(), ProcessLock()
        self._process = process_id()
        self._reset_process()
        _feeds.add(self)

    def is_revoked(self, *, token_id: str | None, exp: float, session_id: str | None, user_id: str, epoch: int) -> bool:
        """Return whether a token, its session, or everything that its user had at its *epoch* is revoked.

        Args:
            token_id: ``jti``.
            exp: ``exp``, in seconds since 1970-01-01T00:00:00Z.
            session_id: ``sid``; None for a token without a session.
            user_id: ``sub``.
            epoch: the claim ``epoch``; 0 for a token without it.

        Raises:
            StoreUnavailable: the last fetch is too long ago, and the store cannot be asked now.
        """
        if self.monotonic() >= self._fetch_at or exp <= self._forgotten_until:
            self._renew(exp)
        return self._index.has(token_id=token_id, session_id=session_id, user_id=user_id, epoch=epoch)

    def is_api_key_revoked(self, key_id: str, *, user_id: str, key_epoch: int) -> bool:
        """Return whether an API key, or everything that its user had at its *key_epoch*, is revoked.

        Revocations are not kept for as long as API keys live: it counts only for one that was looked up a moment ago.

        Args:
            key_id: the ID of the key.
            user_id: its user.
            key_epoch: the key epoch that its user had when the key was made.

        Raises:
            StoreUnavailable: the last fetch is too long ago, and the store cannot be asked now.
        """
        if self.monotonic() >= self._fetch_at:
            self._renew()
        return self._index.has_api_key(key_id, user_id=user_id, key_epoch=key_epoch)

    def warm(self) -> None:
        """Fetch the revocations before the first request needs them, for example in a worker that was just forked.

        Raises:
            StoreUnavailable: they were never fetched, and the store cannot be asked now.
        """
        self._enter_process()
        if self.monotonic() >= self._fetch_at:
            self._catch_up()

    def add(self, revocation: Revocation) -> None:
        """Add a revocation that this process has written, without waiting until it comes back from the store.

        Args:
            revocation: of a token, a session or a user.
        """
        with self._changing:
            self._index.add(revocation)
            if self._reload is not None:
                self._reload.added_here.add(revocation.subject)

    def describe(self) -> FeedState:
        """Return the state of the feed. The store is not asked."""
        self._enter_process()
        with self._changing:
            tokens, sessions, users = self._index.count()
        age = self._age()
        return FeedState(
            age=None if age == math.inf else age,
            tokens=tokens,
            sessions=sessions,
            users=users,
            failures=self._failures,
            lost_by_store=len(self._lost_by_store),
        )

    def _enter_process(self) -> None:
        """Start over if this process was forked from the one that used the feed last.

        A look-up does not check that until a fetch is due: what the child has is what its parent knew, and it is due in
        the child when it was in the parent.
        """
        if self._process != process_id():
            with self._changing:
                if self._process != process_id():  # no other thread was faster
                    self._reset_process()
                    self._process = process_id()

    def _reset_process(self) -> None:
        """Keep the revocations and reset all else, at the start and in a child."""
        self._lost_by_store.reset_process()
        self._fetching_since: float | None = None
        self._synced = -math.inf  # the start of the last complete fetch: all that was stored by then is known
        self._fetch_at = self._retry_at = -math.inf
        self._failures = 0
        self._last_error = _NO_ANSWER

    def _age(self) -> float:
        return self.monotonic() - self._synced

    def _describe_age(self) -> str:
        return "were never fetched" if self._synced == -math.inf else f"were fetched {self._age():.1f} s ago"

    def _renew(self, exp: float = math.inf) -> None:
        """Catch up, and give the store the revocations that it has lost."""
        self._catch_up(exp)
        if self._lost_by_store:
            self._lost_by_store.write(self.monotonic)

    def _catch_up(self, exp: float = math.inf) -> None:
        """Fetch, wait for the fetch of another thread, or do neither, depending on the age of the last fetch.

        Args:
            exp: of the token that is looked up. If its revocation may have been forgotten, which happens if the wall
                clock was wrong then or is wrong now, all revocations must be loaded again first.

        Raises:
            StoreUnavailable: the last fetch is too long ago, or revocations of that time may be forgotten.
        """
        self._enter_process()
        failure: StoreUnavailable | None = None
        came = self.monotonic()
        if came >= self._retry_at and self._become_fetcher(must_wait=exp <= self._forgotten_until):
            try:
                # A fetch that another thread began since this one came is new enough, however long it took.
                due = (self._synced < came and self.monotonic() >= self._fetch_at) or exp <= self._forgotten_until
                if due and self.monotonic() >= self._retry_at:
                    self._fetch(exp)
            except StoreUnavailable as error:
                failure = error
            finally:
                self._fetching.release()
        if self._age() >= self._max_staleness or exp <= self._forgotten_until:
            raise StoreUnavailable(f"revocations {self._describe_age()}: {self._last_error}") from failure

    def _become_fetcher(self, *, must_wait: bool) -> bool:
        """Take the lock for fetching, and return whether this thread has it now.

        Threads wait for it only if the last fetch is an interval ago, or if *must_wait*.
        """
        now, since = self.monotonic(), self._fetching_since
        if now - self._synced < self._interval and not must_wait:
            return self._fetching.acquire(blocking=False)
        longest = self._load_timeout if self._synced == -math.inf else self._timeout
        return self._fetching.acquire(timeout=longest if since is None else max(0.0, since + longest - now))

    def _fetch(self, exp: float = math.inf) -> None:
        """Fetch new revocations, or one page of them if no request must wait for all; *exp* as in :meth:`_catch_up`."""
        self._fetching_since = self.monotonic()
        deadline = self._fetching_since + self._load_timeout
        try:
            with translated():  # also for what a broken answer of the store raises here: no token is accepted then
                self._check_clock()
                self._fetch_pages(deadline, exp)
                if self._age() >= self._interval:  # loading took long: there may be new revocations already
                    self._fetch_pages(deadline, exp)
        except StoreUnavailable as error:
            self._pause()
            self._last_error = str(error)
            until = "until they are" if self._synced == -math.inf else f"from {self._max_staleness:g} s on"
            message = "revocations %s and cannot be fetched now: %s; guarded requests get 503 %s"
            _log.warning(message, self._describe_age(), error, until)
            raise
        finally:
            self._fetching_since = None
        if self._paging_since is not None:
            return  # the next request goes on
        if self._failures:
            _log.warning("revocations can be fetched again; tries that had failed: %s", self._failures)
        self._failures, self._last_error = 0, _NO_ANSWER
        self._fetch_at = self._synced + self._interval / 2
        self.after_fetch()

    def _pause(self) -> None:
        """Set the time of the next try: later after each failure, with a random part so that workers do not meet."""
        longest = min(LONGEST_PAUSE, self._interval * 2.0 ** min(self._failures, 20))
        self._failures += 1
        self._retry_at = self.monotonic() + self._uniform(0.5, 1) * longest
        self._fetch_at = min(self._retry_at, self._synced + self._max_staleness)

    def _fetch_pages(self, deadline: float, exp: float) -> None:
        """Fetch page by page until the store has no more, or until requests can go on with those that are known.

        Then the next request fetches the next page, so that none has to merge all that others have revoked at once.
        """
        while True:
            since = self.monotonic() if self._paging_since is None else self._paging_since
            page = self._store.revocations_since(self._cursor)
            if page.cursor is None:
                if self._cursor is None:
                    raise StoreUnavailable(_NO_CURSOR)
                self._start_reload()
            else:
                self._paging_since = since  # before the cursor: a child may be forked in between
                self._merge(page)
                if not page.more:
                    break
                if self._age() < self._interval and exp > self._forgotten_until:
                    return
            if self.monotonic() >= deadline:
                raise StoreUnavailable(
                    f"revocations could not all be fetched within {self._load_timeout:g} s: the next try goes on"
                )
        self._paging_since = None
        self._prune_and_compare()
        self._synced = since

    def _merge(self, page: RevocationPage) -> None:
        with self._changing:
            for entry in page.entries:
                self._index.add(entry)
                if self._reload is not None:
                    self._reload.stored.add(entry)
            self._pruning.added += len(page.entries)
        self._cursor = page.cursor

    def _start_reload(self) -> None:
        """Load all revocations again, to find those that the store has lost. None is forgotten here."""
        self._cursor = self._paging_since = None
        self._reload = Reload(grace=self._grace, added_here=() if self._reload is None else self._reload.added_here)

    def _prune_and_compare(self) -> None:
        """Forget some of what has expired. At the end of a reload, find what the store has lost."""
        now = self._wall()
        with self._changing:
            if self._reload is not None and now < self._latest_wall:  # a clock was set back, and all was loaded again
                self._pruning.set_back(now)  # first: in a child that is forked in between, the clock is still set back
                self._latest_wall = now
            self._latest_wall = max(now, self._latest_wall)
            self._forgotten_until = self._latest_wall - self._grace  # before pruning, because look-ups take no lock
            self._pruning.go_on(self._index, now)
        if self._reload is not None:
            self._lost_by_store.replace(self._reload.find_lost(self._index, self._changing, now))
            with self._changing:
                self._reload = None

    def _check_clock(self) -> None:
        """Start a reload if the wall clock was set back: tokens whose revocations were forgotten may be valid again."""
        if self._reload is None and self._wall() < self._latest_wall - MARGIN.total_seconds():
            self._start_reload()


_feeds: "WeakSet[RevocationFeed]" = WeakSet()


def _after_in_child() -> None:
    for feed in list(_feeds):
        feed._fetch_at = -math.inf  # the next look-up starts over; no lock is made here, which gevent may exchange


if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(after_in_child=_after_in_child)
