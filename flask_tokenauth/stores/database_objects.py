"""Database objects of an application: an ``Engine``, or an object with an ``engine`` as in Flask-SQLAlchemy."""

from typing import Any

NO_ENGINE = (RuntimeError, NotImplementedError, KeyError)  # no context, no init_app, only engines with a bind key


def has_engine_now(source: Any) -> bool:
    """Return whether *source* is a URL, or gives its engine now. Flask-SQLAlchemy needs an application context."""
    try:
        return isinstance(source, str) or source.engine is not None
    except NO_ENGINE:
        return False
