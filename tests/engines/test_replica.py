"""A replica of PostgreSQL has what the primary commits, until it is cut off or promoted."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .postgresql import PostgreSQL
from .replica import Replica


@pytest.fixture
def database(postgresql_replica: Replica) -> Iterator[str]:
    """A database with a table of one row, on both servers."""
    primary = postgresql_replica.primary
    with primary.new_database() as database:
        primary.execute("CREATE TABLE kept AS SELECT 1 AS number", database=database)
        postgresql_replica.catch_up()
        yield database


def numbers(server: PostgreSQL, database: str) -> list[int]:
    """Return the numbers in the table."""
    return [number for (number,) in server.execute("SELECT number FROM kept ORDER BY number", database=database)]


def test_a_replica_is_a_copy_of_its_primary(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[tuple[str | Path, ...]] = []
    monkeypatch.setattr(Replica, "run", lambda self, *command: commands.append(command))
    with closing(PostgreSQL(Path())) as primary, closing(Replica(primary)) as replica:
        replica.prepare()

    assert {primary.folder, str(primary.port), replica.data} < set(commands[0])


@pytest.mark.once
@pytest.mark.slow
def test_a_replica_has_what_the_primary_has_committed(postgresql_replica: Replica, database: str) -> None:
    assert numbers(postgresql_replica, database) == [1]


@pytest.mark.once
@pytest.mark.slow
def test_the_user_of_the_tests_reads_from_a_replica(postgresql_replica: Replica, database: str) -> None:
    with postgresql_replica.connect(database) as connection:
        assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)


@pytest.mark.once
@pytest.mark.slow
def test_a_replica_refuses_to_write(postgresql_replica: Replica, database: str) -> None:
    with pytest.raises(Exception, match="read-only"):
        postgresql_replica.execute("INSERT INTO kept VALUES (2)", database=database)


@pytest.mark.once
@pytest.mark.slow
def test_a_replica_that_is_cut_off_answers_with_old_data(postgresql_replica: Replica, database: str) -> None:
    postgresql_replica.cut_off()
    postgresql_replica.primary.execute("INSERT INTO kept VALUES (2)", database=database)

    assert numbers(postgresql_replica.primary, database) == [1, 2]
    assert numbers(postgresql_replica, database) == [1]


@pytest.mark.once
@pytest.mark.slow
def test_a_replica_answers_while_its_primary_is_stopped(postgresql_replica: Replica, database: str) -> None:
    postgresql_replica.primary.stop()
    try:
        assert numbers(postgresql_replica, database) == [1]
    finally:
        postgresql_replica.primary.start()


@pytest.mark.once
@pytest.mark.slow
def test_a_promoted_replica_takes_writes_that_the_old_primary_does_not_have(
    postgresql_replica: Replica, database: str
) -> None:
    postgresql_replica.promote()
    postgresql_replica.execute("INSERT INTO kept VALUES (2)", database=database)

    assert numbers(postgresql_replica, database) == [1, 2]
    assert numbers(postgresql_replica.primary, database) == [1]


@pytest.mark.once
@pytest.mark.slow
def test_postgresql_18_can_have_a_replica(postgresql_18: PostgreSQL) -> None:
    with Replica(postgresql_18) as replica:
        assert replica.execute("SELECT pg_is_in_recovery()") == [(True,)]
