"""Finds the sessions of Flask-SQLAlchemy that a thread has open. The store asks for them if it meets a lock."""

from collections.abc import Iterator
from contextvars import Token
from typing import Any

from flask import has_app_context
from flask.ctx import AppContext
from flask.globals import app_ctx


def find_sessions() -> list[Any]:
    """Return the sessions of the application contexts that this thread has pushed. None is created by asking."""
    found = []
    for context in _contexts():
        # No property is read here: other extensions of that name may create a session then.
        scoped = getattr(context.app.extensions.get("sqlalchemy"), "__dict__", {}).get("session")
        registry = getattr(scoped, "registry", None)
        if registry is not None:
            found.append(_find_session(registry, context))
    return [session for session in found if session is not None]


def _find_session(registry: Any, context: AppContext) -> Any:
    """Return the session of a context, or None. The registry can be asked for the innermost context only."""
    if context is _innermost():
        return registry() if registry.has() else None
    sessions = registry.registry
    return sessions.get(id(context)) if isinstance(sessions, dict) else None


def _innermost() -> AppContext:
    return app_ctx._get_current_object()  # type: ignore[attr-defined, no-any-return]


def _contexts() -> Iterator[AppContext]:
    """Yield the contexts from the inside out. Flask gives no name to the outer ones, but the inner ones keep them."""
    context: Any = _innermost() if has_app_context() else None
    while isinstance(context, AppContext):
        yield context
        tokens: list[Token[AppContext]] = getattr(context, "_cv_tokens", [])
        context = tokens[0].old_value if tokens else None
