"""Fixtures for the tests of endpoints: the application of the tests of sessions."""

from ..lifecycle.conftest import api, app, auth, backend, laptop, make_session_app, phone, signal_log, token

__all__ = ["api", "app", "auth", "backend", "laptop", "make_session_app", "phone", "signal_log", "token"]  # fixtures
