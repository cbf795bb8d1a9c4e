"""Fixtures for the tests of endpoints for access tokens: the application of the tests of revocation."""

from ...lifecycle.revocation.conftest import (
    age_revocations,
    app,
    auth,
    backend,
    clock,
    make_session_app,
    pass_time,
    signal_log,
)

__all__ = [
    "age_revocations",
    "app",
    "auth",
    "backend",
    "clock",
    "make_session_app",
    "pass_time",
    "signal_log",
]  # fixtures
