"""What is revoked, known in this process: news of the store once an interval, and no look-up there for a request.

There is no thread that asks. A request that finds the news old asks for all, and others go on meanwhile, unless they
are older than the interval. When the store cannot be asked, what is known is good for a while, and then nothing is: no
token is believed that may have been taken back.
"""

import logging
import math
import os
import random
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from weakref import WeakSet

import msgspec

from ..errors import StoreUnavailable
from ..records.revocation import MARGIN, Revocation, RevocationPage
from ..store import Store, translated
from .index import RevocationIndex

_LONGEST_PAUSE = 5.0  # seconds, after a failure
_NO_ANSWER = "the store has not answered yet"

_log = logging.getLogger("flask_tokenauth")


def bucket_width(lifetime: timedelta) -> timedelta:
    """Return how wide buckets are best where access tokens usually live for *lifetime*."""
    return max(timedelta(minutes=5), lifetime / 16)


def _read_clock() -> float:
    """Return the time, by the function that is in its place now: freezegun puts another one there."""
    return time.time()


class FeedState(msgspec.Struct, frozen=True, kw_only=True):
    """How a feed is."""

    age: float | None  # seconds since it last asked and was answered; None: never in this process
    tokens: int
    sessions: int
    users: int
    failures: int  # in a row, up to now
    lost_by_store: int  # revocations that the store has lost and was not told again yet


class RevocationFeed:
    """Knows what is revoked, and keeps up with a store.

    Args:
        store: which is asked. It bounds its own calls: the one that asks waits as long as the store lets it.
        interval: from this age on requests wait for news; from half of it on one of them fetches them.
        max_staleness: from this age on nothing is answered without news.
        timeout: how long requests wait at most for news that another one fetches.
        load_timeout: how long it may take to hear everything, when we begin. What came until then is kept.
        bucket_width: see :func:`bucket_width`.
        leeway: for which tokens are believed after they expired.
        monotonic: returns seconds that always rise, from any start. The default goes on where tests
            stop the clock: freezegun, and time-machine before 3.0, stop ``time.monotonic`` too.
        wall: seconds since 1970-01-01T00:00:00Z, by which tokens are judged.
        uniform: a random number between two.

    Attributes:
        monotonic: as given; tests put another in its place.

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
        bucket_width: timedelta = timedelta(minutes=5),
        leeway: timedelta = timedelta(0),
        monotonic: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = _read_clock,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        if not (timedelta(0) < interval <= max_staleness and min(timeout, load_timeout, bucket_width) > timedelta(0)):
            raise ValueError("durations are above zero, and the interval is not above the longest staleness")
        self._store = store
        self._interval = interval.total_seconds()
        self._max_staleness = max_staleness.total_seconds()
        self._timeout = timeout.total_seconds()
        self._load_timeout = load_timeout.total_seconds()
        self._width = math.ceil(bucket_width.total_seconds())
        self._grace = math.ceil((2 * leeway + MARGIN).total_seconds())  # who issues and who judges may both be wrong
        self.monotonic = monotonic
        self._wall, self._uniform = wall, uniform
        self._index = self._new_index()
        self._reloaded: RevocationIndex | None = None  # what the store has, while we begin anew
        self._not_yet_in_store: dict[
            str, int
        ] = {}  # what is noted, and need not be in what we hear of the store; until when
        self._lost_by_store: list[Revocation] = []
        self._cursor: str | None = None
        self._paging_since: float | None = None  # when the first page was asked for of those that we are amidst
        self._pruned_at = 0.0
        self._latest = 0.0  # when we heard something, by the wall clock
        self._forgotten = -math.inf  # of tokens that expired by then we may not know that they are revoked
        self._reset_process()
        _feeds.add(self)

    def is_revoked(self, *, token_id: str | None, exp: float, session_id: str | None, user_id: str, epoch: int) -> bool:
        """Say whether a token is revoked, its session, or what its user had at its *epoch*.

        Args:
            token_id: ``jti``.
            exp: of the token, seconds since 1970-01-01T00:00:00Z.
            session_id: ``sid``.
            user_id: ``sub``.
            epoch: 0 where the token does not say.

        Raises:
            StoreUnavailable: nobody knows, and has not for too long.
        """
        due = self.monotonic() >= self._fetch_at or exp <= self._forgotten
        if due:
            self._catch_up(exp)
        found = self._index.has(token_id=token_id, exp=exp, session_id=session_id, user_id=user_id, epoch=epoch)
        if due and self._lost_by_store:
            self._restore_lost()
        return found

    def warm(self) -> None:
        """Hear what is revoked before the first request asks, as in a worker that was just forked.

        Raises:
            StoreUnavailable: as for that request.
        """
        if self.monotonic() >= self._fetch_at:
            self._catch_up()

    def add(self, revocation: Revocation, *, in_store: bool = True) -> None:
        """Add a revocation of this process, without waiting until it comes back from the store.

        Args:
            revocation: of a token, a session or a user.
            in_store: False if it was not written to the store, which refuses the token already, for example by its
                session. This process may not have fetched that yet.
        """
        with self._changing:
            self._index.add(revocation)
            if not in_store or self._reloaded is not None:  # the pages fetched so far may be older than this entry
                self._not_yet_in_store[revocation.subject] = revocation.expires_at

    def describe(self) -> FeedState:
        """Return how it is, without asking the store."""
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

    def _reset_process(self) -> None:
        """Take nothing for granted but what is known: a lock may be held by a thread that a fork has left behind."""
        self._fetching, self._restoring, self._changing = Lock(), Lock(), Lock()
        self._fetching_since: float | None = None
        self._synced = -math.inf  # when we asked for the last news that came; all that was kept by then is known
        self._fetch_at = self._retry_at = self._restore_at = -math.inf
        self._failures = 0
        self._last_error = _NO_ANSWER

    def _new_index(self) -> RevocationIndex:
        return RevocationIndex(width=self._width, grace=self._grace)

    def _age(self) -> float:
        return self.monotonic() - self._synced

    def _describe_age(self) -> str:
        return "was never heard" if self._synced == -math.inf else f"was heard {self._age():.1f} s ago"

    def _catch_up(self, exp: float = math.inf) -> None:
        """Ask the store, or let another thread do so, or do without, as far as the age of the news allows it.

        Args:
            exp: of a token that somebody believes. Of one that had expired when we last forgot, because a clock was
                wrong then or is now, nothing is known before everything was heard again.

        Raises:
            StoreUnavailable: the news are too old, or do not reach as far back.
        """
        failure: StoreUnavailable | None = None
        if self.monotonic() >= self._retry_at and self._become_fetcher(must=exp <= self._forgotten):
            try:
                due = self.monotonic() >= self._fetch_at or exp <= self._forgotten
                if due and self.monotonic() >= self._retry_at:  # nobody has while we waited
                    self._fetch()
            except StoreUnavailable as error:
                failure = error
            finally:
                self._fetching.release()
        if self._age() >= self._max_staleness or exp <= self._forgotten:
            raise StoreUnavailable(f"what is revoked {self._describe_age()}: {self._last_error}") from failure

    def _become_fetcher(self, *, must: bool) -> bool:
        """Become the one who asks, if nobody else is, or has done when we have waited as long as we may.

        Who *must* know more than is known waits, however new the news are.
        """
        now, since = self.monotonic(), self._fetching_since
        if now - self._synced < self._interval and not must:
            return self._fetching.acquire(blocking=False)
        patience = self._load_timeout if self._synced == -math.inf else self._timeout
        return self._fetching.acquire(timeout=patience if since is None else max(0.0, since + patience - now))

    def _fetch(self) -> None:
        self._fetching_since = self.monotonic()
        deadline = self._fetching_since + self._load_timeout
        try:
            with translated():  # whatever comes of an answer that is none, too: it is no pass
                self._check_clock()
                self._fetch_pages(deadline)
                if self._age() >= self._interval:  # hearing everything took long: there will be news
                    self._fetch_pages(deadline)
        except StoreUnavailable as error:
            self._pause()
            self._last_error = str(error)
            told = "what is revoked %s and cannot be heard now: %s; guards refuse from %g s on"
            _log.warning(told, self._describe_age(), error, self._max_staleness)
            raise
        finally:
            self._fetching_since = None
        if self._failures:
            _log.warning("what is revoked can be heard again, after %s tries", self._failures)
        self._failures, self._last_error = 0, _NO_ANSWER
        self._fetch_at = self._synced + self._interval / 2

    def _pause(self) -> None:
        """Ask again only after a while, longer each time, and not with all other workers at once."""
        longest = min(_LONGEST_PAUSE, self._interval * 2.0 ** min(self._failures, 20))
        self._failures += 1
        self._retry_at = self.monotonic() + self._uniform(0.5, 1) * longest
        self._fetch_at = min(self._retry_at, self._synced + self._max_staleness)

    def _fetch_pages(self, deadline: float) -> None:
        """Ask for news until there is no more."""
        while True:
            since = self.monotonic() if self._paging_since is None else self._paging_since
            news = self._store.revocations_since(self._cursor)
            if news.cursor is None:
                self._check_first_load()
                self._start_over()
            else:
                self._merge(news)
                if not news.more:
                    break
                self._paging_since = since
            if self.monotonic() >= deadline:
                raise StoreUnavailable(f"what is revoked could not be heard within {self._load_timeout} s")
        self._paging_since = None
        self._prune_and_compare()
        self._synced = since

    def _merge(self, news: RevocationPage) -> None:
        with self._changing:
            for entry in news.entries:
                self._index.add(entry)
                if self._reloaded is not None:
                    self._reloaded.add(entry)
        self._cursor = news.cursor

    def _check_first_load(self) -> None:
        if self._cursor is None:
            raise StoreUnavailable("the store does not tell from the beginning what is revoked")

    def _start_over(self) -> None:
        """Forget nothing, and hear everything again, to find out what the store has lost."""
        self._cursor = self._paging_since = None
        self._reloaded = self._new_index()

    def _prune_and_compare(self) -> None:
        """Forget what is over, and see what the store has lost if we began anew."""
        now = self._wall()
        with self._changing:
            if self._reloaded is not None and now < self._latest:  # a clock was set back, and all was heard again
                self._latest, self._pruned_at = now, min(now, self._pruned_at)
            self._latest = max(now, self._latest)
            self._forgotten = self._latest - self._grace  # first: who looks up meanwhile must not miss what goes
            if now - self._pruned_at >= self._width:
                self._index.prune(now)
                self._not_yet_in_store = {
                    each: until for each, until in self._not_yet_in_store.items() if until > now * 1000
                }
                self._pruned_at = now
            if self._reloaded is not None:
                missing = self._index.beyond(self._reloaded)
                self._lost_by_store = [each for each in missing if each.expires_at > now * 1000]
                self._reloaded = None
                if lost := sum(self._is_lost(each, now) for each in self._lost_by_store):
                    _log.error("the store has lost %s revocations: it is told again", lost)

    def _is_lost(self, missing: Revocation, now: float) -> bool:
        """Say whether the store should have what is *missing* there: not what it never had, or may have expired."""
        return missing.subject not in self._not_yet_in_store and missing.expires_at > (now + self._width) * 1000

    def _check_clock(self) -> None:
        """Hear everything again where the clock was set back, and what was over when we forgot it may be so no more."""
        if self._reloaded is None and self._wall() < self._latest - MARGIN.total_seconds():
            self._start_over()

    def _restore_lost(self) -> None:
        """Tell the store what it has lost, as much as a request has time for. Other workers may do so, too."""
        began, lost_by_store = self.monotonic(), self._lost_by_store
        if began < self._restore_at or not self._restoring.acquire(blocking=False):
            return
        try:
            with translated():
                while lost_by_store and self.monotonic() < began + self._timeout:
                    self._store.revoke(lost_by_store[-1])
                    lost_by_store.pop()
        except StoreUnavailable:
            self._restore_at = self.monotonic() + _LONGEST_PAUSE
        finally:
            self._restoring.release()


_feeds: "WeakSet[RevocationFeed]" = WeakSet()


def _after_in_child() -> None:
    for feed in list(_feeds):
        feed._reset_process()


if hasattr(os, "register_at_fork"):  # pragma: no branch  # Windows has no fork
    os.register_at_fork(after_in_child=_after_in_child)
