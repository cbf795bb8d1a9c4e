"""What the tests of endpoints share: the application of the tests of sessions."""

from ..lifecycle.conftest import api, app, auth, backend, heard, laptop, make_session_app, phone, token

__all__ = ["api", "app", "auth", "backend", "heard", "laptop", "make_session_app", "phone", "token"]  # fixtures
