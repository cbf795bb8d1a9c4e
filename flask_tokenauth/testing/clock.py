"""Moving the clock of one application, by which it issues and judges its tokens, and that of its store in memory."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, overload

from flask import Flask

from ..application.app_state import current_state, state_of
from ..application.setting_types import read_duration
from ..core.store import Store
from ..stores.memory import MemoryStore

Time = datetime | timedelta | float


@overload
def at(time: Time, /) -> AbstractContextManager[datetime]: ...
@overload
def at(app: Flask, time: Time, /) -> AbstractContextManager[datetime]: ...
@contextmanager
def at(*args: Any) -> Iterator[datetime]:
    """Move the clock of an application within a ``with`` block. There it stands still; afterwards it is as before.

    With ``memory://`` the clock of the store, by which sessions end, moves as far and stands still too. Any other store
    goes on by its own. What happens within the block has happened: a token that was redeemed there is spent.

    Args:
        app: whose clock; else that of the current application.
        time: an aware ``datetime``, or how far from the application's present, which within another block is the time
            of that block: a ``timedelta`` or seconds, negative ones for the past.

    Yields:
        The time, in UTC.

    Raises:
        TypeError: *time* is neither.
        ValueError: a ``datetime`` has no time zone.
        OverflowError: it would be beyond the years that ``datetime`` knows.
        SettingsError: ``TokenAuth`` is not set up on the application.
        RuntimeError: no application is given, and there is no current one.
    """
    *apps, time = args
    state = state_of(*apps) if apps else current_state()
    clock = state.clock
    moment = _read_time(time, clock())
    now = moment.timestamp()
    with _moved(state.stored.opened, by=now - clock()):
        state.clock = lambda: now
        try:
            yield moment
        finally:
            state.clock = clock


@contextmanager
def _moved(store: Store | None, *, by: float) -> Iterator[None]:
    """Move the clock of a store in memory by so many seconds."""
    if not isinstance(store, MemoryStore):
        yield
        return
    clock = store.clock
    now = clock() + round(by * 1000)
    store.clock = lambda: now
    try:
        yield
    finally:
        store.clock = clock


def _read_time(time: object, now: float) -> datetime:
    if not isinstance(time, datetime):
        return datetime.fromtimestamp(now, UTC) + read_duration(time)
    if time.utcoffset() is None:
        raise ValueError("time has no time zone: use datetime(…, tzinfo=UTC)")
    return time.astimezone(UTC)
