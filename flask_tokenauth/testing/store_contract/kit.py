"""Helpers for the tests of the contract: types of the fixtures, durations, short calls, and waits with a deadline."""

import sys
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any, TypeVar

from ...core.encoding.digests import digest_of, id_of
from ...core.records.api_key import ApiKey, ApiKeyToKeep
from ...core.records.grant import Grant
from ...core.records.reference_token import ReferenceToken
from ...core.records.session import NewSession, Outcome, Redemption, Session, StartedSession, Terms
from ...core.store import Store

Age = Callable[[str, timedelta], None]
AgeRevocations = Callable[[timedelta], None]
AgeRings = Callable[[timedelta], None]
AgeApiKeys = Callable[[timedelta], None]
AgeReferenceTokens = Callable[[timedelta], None]
SetGeneration = Callable[[str, int], None]
CopyStore = Callable[[], Callable[[], None]]
WipeStore = Callable[[], None]

IDLE = timedelta(days=30)
MOMENT = timedelta(seconds=1)  # between two looks at the clock in one call of a store
LIFETIME = timedelta(days=90)
RETENTION = timedelta(hours=24, seconds=70)
LEEWAY = timedelta(seconds=10)
WINDOW = timedelta(hours=1)  # far longer than a test runs, so that "just before" is no race
MARGIN = timedelta(minutes=1)  # "just before" and "just after" are so far from an instant
TERMS = Terms(idle_lifetime=IDLE, retry_window=WINDOW, retention=RETENTION)
NO_WINDOW = Terms(idle_lifetime=IDLE, retry_window=timedelta(0), retention=RETENTION)

TIMEOUT = timedelta(seconds=5)  # of one call
PATIENCE = timedelta(minutes=2)  # of a wait: far longer than any takes on a busy machine

T = TypeVar("T")


def start(
    store: Store, session_id: str = "session", user_id: str = "alice", most: int = 10_000, **changes: Any
) -> StartedSession:
    """Start a session, by default with the usual lifetimes, and return the answer of the store."""
    usual: dict[str, Any] = {"grant": Grant(), "idle_lifetime": IDLE, "lifetime": LIFETIME}
    new = NewSession(session_id=session_id, user_id=user_id, **(usual | changes))
    return store.start_session(new, most=most, retention=RETENTION)


def redeem(store: Store, generation: int = 0, *, session_id: str = "session", terms: Terms = TERMS) -> Redemption:
    """Redeem one generation of a session, and return the result."""
    return store.redeem(session_id, generation=generation, terms=terms)


def outcome(store: Store, generation: int = 0, *, session_id: str = "session", terms: Terms = TERMS) -> Outcome:
    """Redeem, and return the outcome alone."""
    return redeem(store, generation, session_id=session_id, terms=terms).outcome


def list_all(store: Store, user_id: str = "alice", *, limit: int = 100) -> list[Session]:
    """Return the live sessions of a user, from as many pages as needed."""
    deadline = Deadline("the last page of sessions")
    page = store.list_sessions(user_id, cursor=None, limit=limit)
    sessions = [*page.sessions]
    while page.cursor is not None:
        deadline.check()
        page = store.list_sessions(user_id, cursor=page.cursor, limit=limit)
        sessions += page.sessions
    return sessions


def is_live(store: Store, session_id: str = "session") -> bool:
    """Return whether the store finds a session."""
    return store.find_session(session_id) is not None


def is_revoked(store: Store, session_id: str | None = "session") -> bool:
    """Return whether the tokens of a session are revoked."""
    return store.is_revoked(token_id=None, session_id=session_id, user_id="stranger", epoch=0)


def add_key(
    store: Store, key: str = "key", user_id: str = "alice", *, most: int = 10_000, **changes: Any
) -> ApiKey | None:
    """Add an API key, by default with a lifetime, and return the answer of the store.

    Args:
        store: the store.
        key: a string in ASCII, whose digest the store gets.
        user_id: its user.
        most: the number of live API keys that the user may have.
        changes: other fields of the key.
    """
    usual: dict[str, Any] = {"name": "a script", "hint": "ta_…abcd", "grant": Grant(), "lifetime": LIFETIME}
    return store.add_api_key(ApiKeyToKeep(digest=digest_of(key), user_id=user_id, **(usual | changes)), most=most)


def find_key(store: Store, key: str = "key") -> ApiKey | None:
    """Return what the store finds for an API key."""
    return store.find_api_key(digest_of(key))


def list_keys(store: Store, user_id: str = "alice") -> list[str]:
    """Return the IDs of the live API keys of a user."""
    return [key.id for key in store.list_api_keys(user_id)]


def token_of(
    token: str = "token", user_id: str = "alice", *, left: timedelta = LIFETIME, **changes: Any
) -> ReferenceToken:
    """Return a reference token.

    Args:
        token: a string in ASCII, whose digest the record has.
        user_id: its user.
        left: how long it counts, by the clock of the test.
        changes: other fields of the token.
    """
    usual: dict[str, Any] = {"epoch": 0, "claims": '{"sub": "alice"}', "expires_at": until(left)}
    return ReferenceToken(digest=digest_of(token), user_id=user_id, **(usual | changes))


def has_reference_token(store: Store, token: str = "token") -> bool:
    """Return whether the store finds a reference token."""
    return store.find_reference_token(digest_of(token)) is not None


def id_for(text: str) -> str:
    """Return the ID of an API key or a reference token."""
    return id_of(digest_of(text))


def until(left: timedelta) -> int:
    """Return the instant after a duration, in milliseconds since 1970-01-01T00:00:00Z."""
    return int((time.time() + left.total_seconds()) * 1000)


class Deadline:
    """The end of a wait, ``PATIENCE`` after its beginning, so that a store that fails or hangs fails a test.

    Args:
        waited_for: for the message, as in "the last page".
    """

    def __init__(self, waited_for: str) -> None:
        self._waited_for = waited_for
        self._end = time.monotonic() + PATIENCE.total_seconds()

    @property
    def left(self) -> float:
        """The seconds that are left, 0 after the deadline."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Check that the wait may go on. Call this in each turn of a loop that waits.

        Raises:
            AssertionError: the deadline has passed.
        """
        if not self.left:
            raise AssertionError(self.message)

    @property
    def message(self) -> str:
        """The failure."""
        return f"{self._waited_for} must come within {PATIENCE.total_seconds():g} seconds, but did not"


def at_once(number: int, work: Callable[[int], T]) -> list[T]:
    """Call *work* in a number of threads, which start at one moment and switch as often as possible.

    Args:
        number: of threads.
        work: called with the index of the thread.

    Returns:
        The results, in the order of the threads.

    Raises:
        BaseException: the error of the thread that failed first. A note says where others are that have not ended.
        AssertionError: no thread failed, but some have not ended within ``PATIENCE``. The message says where they are.
    """
    deadline = Deadline(f"the end of {number} threads")
    gate = Barrier(number)
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def run(index: int) -> None:
        try:
            gate.wait(deadline.left)
            results[index] = work(index)
        except BaseException as error:  # noqa: BLE001  # raised below
            errors.append(error)

    # An executor would wait without a limit for a thread that hangs. Python's end would too, if it were no daemon.
    threads = [Thread(target=run, args=(index,), daemon=True) for index in range(number)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # seconds
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(deadline.left)
    finally:
        sys.setswitchinterval(usual)
    stacks = stacks_of(threads)
    if errors:
        if stacks:
            errors[0].add_note("\n".join(["Other threads still run:", *stacks]))
        raise errors[0]
    if stacks:
        raise AssertionError("\n".join([f"{deadline.message}. These still run:", *stacks]))
    return [results[index] for index in range(number)]


def stacks_of(threads: list[Thread]) -> list[str]:
    """Return where those threads are that have not ended: each place once, as in a traceback."""
    frames = sys._current_frames()
    running = [frames[thread.ident] for thread in threads if thread.is_alive() and thread.ident in frames]
    return list(dict.fromkeys("".join(traceback.format_stack(frame)) for frame in running))
