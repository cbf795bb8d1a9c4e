"""Opens the store that a configuration names. SQLAlchemy is imported only for a database, and redis-py for Redis."""

from os import PathLike

from ..core.encoding.prefixes import DEFAULT_STORE_PREFIX
from ..core.errors import SettingsError
from ..core.store import Store
from .database_objects import TWO_SLASHES

_REDIS = ("redis", "rediss", "valkey", "valkeys", "unix")
_OTHERS = ("cockroachdb", "mongodb", "mssql", "oracle")
_SERVERS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}  # with our extra for it
_SUPPORTED = (
    'a store must be "memory://", a URL such as "sqlite:////var/lib/api/tokens.db", '
    '"postgresql://USER:PASSWORD@HOST/DATABASE" or "redis://USER:PASSWORD@HOST/0", an SQLAlchemy Engine or a '
    "Flask-SQLAlchemy object, a client object of redis-py or valkey-py, or an object with all methods of "
    "flask_tokenauth.core.Store"
)
_PATH = 'got a path: write "sqlite:///" before it'


def open_store(value: object, *, prefix: str = DEFAULT_STORE_PREFIX) -> Store:
    """Return the store that *value* names. Nothing is connected yet.

    Args:
        value: a URL; an SQLAlchemy ``Engine``, a Flask-SQLAlchemy object, or a client object of redis-py or valkey-py,
            whose settings the store takes for connections of its own; or a store, which is returned unchanged.
        prefix: the beginning of all keys of a store on Redis or Valkey. Other stores have none.

    Raises:
        SettingsError: *value* is none of these, or its database is not supported, or a package is not installed, or
            *prefix* has another form. The message does not repeat *value*, which may contain a password.
    """
    if isinstance(value, type):
        raise SettingsError(f"{_SUPPORTED}; got the class {value.__name__}: pass an instance")
    if isinstance(value, Store):
        return value
    if isinstance(value, str):
        return _open_url(value, prefix)
    if hasattr(type(value), "engine"):  # not of the object: Flask-SQLAlchemy has it only in an application context
        return _open_database(value)
    if _is_of_redis(value):
        return _open_redis(value, prefix)
    if isinstance(value, PathLike):
        raise SettingsError(f"{_SUPPORTED}; {_PATH}")
    raise SettingsError(f"{_SUPPORTED}; got an object of type {type(value).__name__}")


def _open_url(url: str, prefix: str) -> Store:
    scheme, separator, rest = url.partition("://")
    if url == "memory://":
        from .memory import MemoryStore  # noqa: PLC0415  # applications with a database do not need it

        return MemoryStore()
    family = scheme.partition("+")[0]
    if family == "sqlite" and separator and rest:
        if not rest.startswith(("/", "?")):
            raise SettingsError(TWO_SLASHES)
        return _open_database(url)
    if family in _SERVERS and separator and rest:
        return _open_database(url, extra=_SERVERS[family])
    if family == "postgres" and separator:
        raise SettingsError(f"{_SUPPORTED}; got postgres://, which SQLAlchemy does not know: write postgresql://")
    if family in _REDIS and separator:
        return _open_redis(url, prefix)
    if family in _OTHERS and separator:
        raise SettingsError(f"{_SUPPORTED}; got {family}://, which is not supported")
    raise SettingsError(f"{_SUPPORTED}; {_describe(url)}")


def _describe(string: str) -> str:
    """Return words and advice for a string that is no store. They do not repeat it."""
    if string.startswith("sqlite:"):
        return 'got a URL of SQLite without a path: write "sqlite:///" and the path'
    return _PATH if string.endswith((".db", ".sqlite", ".sqlite3")) and "://" not in string else "got another string"


def _open_database(source: object, *, extra: str = "sql") -> Store:
    try:
        from .sql import SQLStore  # noqa: PLC0415  # SQLAlchemy may not be installed
    except ModuleNotFoundError as error:
        if error.name != "sqlalchemy":
            raise
        raise SettingsError(
            "a store in a database needs SQLAlchemy, which is not installed: pip install "
            f"'flask-tokenauth-jwt[{extra}]'"
        ) from error
    return SQLStore(source)


def _is_of_redis(value: object) -> bool:
    """Return whether the class of an object is one of redis-py or valkey-py, or a subclass. Neither is imported."""
    return any(kind.__module__.partition(".")[0] in ("redis", "valkey") for kind in type(value).__mro__)


def _open_redis(source: object, prefix: str) -> Store:
    try:
        from .redis import RedisStore  # noqa: PLC0415  # redis-py may not be installed
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise SettingsError(
            "a store on Redis or Valkey needs the package redis, which is not installed: pip install "
            "'flask-tokenauth-jwt[redis]'"
        ) from error
    return RedisStore(source, prefix=prefix)
