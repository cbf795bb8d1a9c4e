"""Moves the clock by which an application issues and verifies its tokens, and the clock of its store in memory."""

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
    """Move the clock of an application within a ``with`` block, and stop it there. After the block it runs as before.

    With ``memory://`` the clock of the store, by which sessions end, is moved and stopped too. Other stores keep their
    own clock. Changes of state stay after the block: a refresh token that was redeemed in it is spent.

    Args:
        app: the application; by default the current one.
        time: a ``datetime`` with a time zone, or the distance from the present of the application, as a ``timedelta``
            or in seconds, negative for the past. Within another block, the present is the time of that block.

    Yields:
        The time in the block, in UTC.

    Raises:
        TypeError: *time* is of another type.
        ValueError: *time* is a ``datetime`` without a time zone.
        OverflowError: the time is beyond the year 9999 or before the year 1.
        SettingsError: ``TokenAuth`` is not set up on the application.
        RuntimeError: *app* is not given, and there is no current application.
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
    """Move the clock of a store in memory by some seconds, and stop it. Other stores are left alone."""
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
        raise ValueError("time must have a time zone, got a datetime without one: write datetime(…, tzinfo=UTC)")
    return time.astimezone(UTC)
