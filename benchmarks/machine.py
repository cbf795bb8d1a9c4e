"""A description of the machine that was measured, without its name or its user."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

DISTRIBUTIONS = (
    "flask",
    "werkzeug",
    "pyjwt",
    "cryptography",
    "msgspec",
    "flask-jwt-extended",
    "flask-httpauth",
    "authlib",
    "joserfc",
    "jwcrypto",
    "gunicorn",
    "sqlalchemy",
    "psycopg",
    "pymysql",
    "redis",
    "flask-sqlalchemy",
    "django",
    "djangorestframework-simplejwt",
)


def describe() -> list[str]:
    """Return lines with the date, the machine, Python and the libraries."""
    versions = ", ".join(f"{name} {version(name)}" for name in DISTRIBUTIONS)
    return [
        f"Date: {datetime.now(UTC):%Y-%m-%d}",
        f"Machine: {_find_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        f"Python: {platform.python_implementation()} {platform.python_version()}",
        f"Libraries: {versions}",
    ]


def _find_cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return named[1] if named else platform.processor() or "unknown processor"
