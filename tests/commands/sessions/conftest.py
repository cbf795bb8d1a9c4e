"""What the tests of commands about sessions share: the application of the tests of sessions."""

from ...lifecycle.conftest import api, app, auth, backend, heard, laptop, make_session_app, phone

__all__ = ["api", "app", "auth", "backend", "heard", "laptop", "make_session_app", "phone"]  # fixtures
