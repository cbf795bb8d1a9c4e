"""Databases that an application names: a URL, an ``Engine``, or an object with an ``engine`` as in Flask-SQLAlchemy."""

from typing import Any

NO_ENGINE = (RuntimeError, NotImplementedError, KeyError)  # no context, no init_app, only engines with a bind key
TWO_SLASHES = (
    "a URL of SQLite must have three slashes before a relative path, as sqlite:///instance/tokens.db, and four before "
    "an absolute one, as sqlite:////var/lib/api/tokens.db; got two"
)


def has_engine_now(source: Any) -> bool:
    """Return whether *source* is a URL, or gives its engine now. Flask-SQLAlchemy needs an application context."""
    try:
        return isinstance(source, str) or source.engine is not None
    except NO_ENGINE:
        return False
