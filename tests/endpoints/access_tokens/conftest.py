"""What the tests of endpoints for access tokens share: the application of the tests of revocation."""

from ...lifecycle.revocation.conftest import (
    age_revocations,
    app,
    auth,
    backend,
    clock,
    heard,
    make_session_app,
    pass_time,
)

__all__ = ["age_revocations", "app", "auth", "backend", "clock", "heard", "make_session_app", "pass_time"]  # fixtures
