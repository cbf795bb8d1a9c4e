"""Fixtures for the tests of revocation: the application of the tests of sessions, at the time of its store."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.testing.store_contract import AgeRevocations

from ...conftest import StandingClock
from ...stores import memory_kit, sqlite_kit
from ..conftest import MakeSessionApp, auth, backend, make_session_app, signal_log
from ..kit import Backend
from .kit import PassTime

__all__ = ["auth", "backend", "make_session_app", "signal_log"]  # fixtures


@pytest.fixture
def clock(backend: Backend) -> StandingClock:
    """Return the clock of the applications. It shows the time of the store."""
    return StandingClock(float(backend.now))


@pytest.fixture
def app(make_session_app: MakeSessionApp) -> Flask:
    return make_session_app()


@pytest.fixture
def age_revocations(backend: Backend, tmp_path: Path) -> AgeRevocations:
    if isinstance(backend.source, MemoryStore):
        return memory_kit.revocation_ager(backend.source)
    return sqlite_kit.revocation_ager(tmp_path / "sessions.db")


@pytest.fixture
def pass_time(clock: StandingClock, age_revocations: AgeRevocations) -> PassTime:
    """Return a function that lets time pass for applications and for the store."""

    def let_pass(duration: timedelta, *apps: Flask) -> None:
        clock.now += duration.total_seconds()
        age_revocations(duration)
        for app in apps:
            feed = app.extensions["tokenauth"].stored.feed
            if feed is not None:
                feed.monotonic.now += duration.total_seconds()

    return let_pass
