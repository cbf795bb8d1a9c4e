"""From what a configuration names to a store. What a store needs is imported only where it is asked for."""

from ..core.errors import SettingsError
from ..core.store import Store

_LATER = ("postgresql", "postgres", "mysql", "mariadb", "redis", "rediss", "valkey", "valkeys")
_UNDERSTOOD = "memory://, sqlite:///path/to/file.db, an SQLAlchemy Engine, a Flask-SQLAlchemy object, or a store"


def open_store(value: object) -> Store:
    """Return the store that *value* names. Nothing is connected yet.

    Args:
        value: a URL; an SQLAlchemy ``Engine`` or a Flask-SQLAlchemy object, from which another engine is made, for the
            store alone; or a store, which is returned as it is.

    Raises:
        SettingsError: it names no store that we know, or one that needs what is not installed. What *value* says is not
            repeated: there may be a password in it.
    """
    if isinstance(value, type):
        raise SettingsError(f"a class is no store: {_UNDERSTOOD} is")
    if isinstance(value, Store):
        return value
    if isinstance(value, str):
        return _open_url(value)
    if hasattr(type(value), "engine"):  # of the type: Flask-SQLAlchemy has one only within an application context
        return _open_database(value)
    raise SettingsError(f"a store is {_UNDERSTOOD}; not {type(value).__name__}")


def _open_url(url: str) -> Store:
    scheme, separator, rest = url.partition("://")
    if url == "memory://":
        from .memory import MemoryStore  # noqa: PLC0415  # an application with a database does without

        return MemoryStore()
    family = scheme.partition("+")[0]
    if family == "sqlite" and separator and rest:
        return _open_database(url)
    if family in _LATER and separator:
        raise SettingsError(f"{family}:// is not supported yet; a store is {_UNDERSTOOD}")
    raise SettingsError(f"a store is {_UNDERSTOOD}")


def _open_database(source: object) -> Store:
    try:
        from .sql import SQLStore  # noqa: PLC0415  # an application without it need not have SQLAlchemy
    except ModuleNotFoundError as error:
        if error.name != "sqlalchemy":
            raise
        raise SettingsError("a database needs SQLAlchemy: pip install 'flask-tokenauth-jwt[sql]'") from error
    return SQLStore(source)
