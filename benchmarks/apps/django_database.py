"""The settings of Django for a database of the benchmarks."""

from typing import Any

from sqlalchemy import make_url

_ENGINES = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite3"}
_SQLITE = {
    "timeout": 60,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
}


def to_database(url: str) -> dict[str, Any]:
    """Return the entry for ``DATABASES``.

    Args:
        url: of the database.
    """
    parsed = make_url(url)
    name = parsed.drivername.partition("+")[0]
    if _ENGINES[name] == "mysql":
        import pymysql  # noqa: PLC0415  # a driver of one of the databases

        pymysql.install_as_MySQLdb()
    return {
        "ENGINE": f"django.db.backends.{_ENGINES[name]}",
        "NAME": parsed.database,
        "USER": parsed.username,
        "PASSWORD": parsed.password,
        "HOST": parsed.host,
        "PORT": parsed.port,
        "CONN_MAX_AGE": None,  # connections stay open
        "OPTIONS": _SQLITE if name == "sqlite" else {},
    }
