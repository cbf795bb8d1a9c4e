"""Fixtures for the tests of commands about sessions: the application of the tests of sessions."""

from ...lifecycle.conftest import api, app, auth, backend, laptop, make_session_app, phone, signal_log

__all__ = ["api", "app", "auth", "backend", "laptop", "make_session_app", "phone", "signal_log"]  # fixtures
