"""MariaDB refuses writes, and its local time goes back an hour, when a test wants that."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from .mariadb import MariaDB, zone_that_changes

HOUR = timedelta(hours=1)


@pytest.fixture
def database(mariadb: MariaDB) -> Iterator[str]:
    with mariadb.new_database() as database:
        mariadb.execute("CREATE TABLE kept (number int)", database=database)
        yield database


def now() -> datetime:
    """Return this second, in UTC."""
    return datetime.now(UTC).replace(microsecond=0)


def clocks(mariadb: MariaDB) -> tuple[datetime, datetime]:
    """Return local time and UTC, as the server reads them."""
    [(local, utc)] = mariadb.execute("SELECT SYSDATE(6), UTC_TIMESTAMP(6)")
    return local, utc


@pytest.mark.parametrize(
    ("at", "zone"),
    [
        (datetime(2024, 1, 1, tzinfo=UTC), "STD0DST-1,183,0/01:00:00"),
        (datetime(2024, 7, 1, 11, 59, 59, tzinfo=UTC), "STD0DST-1,0,182/12:59:59"),
        (datetime(2024, 12, 31, 22, 30, tzinfo=UTC), "STD0DST-1,183,365/23:30:00"),
        (datetime(2023, 12, 31, 23, 30, tzinfo=UTC), "STD0DST-1,183,0/00:30:00"),
    ],
)
def test_a_time_zone_names_the_day_and_the_local_time_of_its_change(at: datetime, zone: str) -> None:
    assert zone_that_changes(at) == zone


@pytest.mark.once
@pytest.mark.slow
def test_a_mariadb_that_is_read_only_refuses_the_user_of_the_tests(mariadb: MariaDB, database: str) -> None:
    mariadb.set_read_only(True)
    try:
        with mariadb.connect(database) as connection, pytest.raises(Exception, match="read-only"):
            connection.query("INSERT INTO kept VALUES (1)")
    finally:
        mariadb.set_read_only(False)


@pytest.mark.once
@pytest.mark.slow
def test_a_mariadb_that_is_no_longer_read_only_takes_writes(mariadb: MariaDB, database: str) -> None:
    mariadb.set_read_only(True)
    mariadb.set_read_only(False)

    with mariadb.connect(database) as connection:
        assert connection.query("INSERT INTO kept VALUES (1)") == 1


@pytest.mark.once
@pytest.mark.slow
def test_local_time_goes_back_an_hour_at_the_change(mariadb: MariaDB) -> None:
    change = now() + HOUR
    instant = int(change.timestamp())
    with mariadb.in_time_zone(zone_that_changes(change)):
        [(before, after)] = mariadb.execute(f"SELECT FROM_UNIXTIME({instant - 1}), FROM_UNIXTIME({instant})")

    assert after - before == timedelta(seconds=1) - HOUR


@pytest.mark.once
@pytest.mark.slow
def test_the_clock_of_a_server_is_an_hour_earlier_after_the_change(mariadb: MariaDB) -> None:
    with mariadb.in_time_zone(zone_that_changes(now() + HOUR)):
        local_before, utc_before = clocks(mariadb)
    with mariadb.in_time_zone(zone_that_changes(now() - timedelta(seconds=1))):
        local_after, utc_after = clocks(mariadb)

    assert utc_after > utc_before
    assert local_after < local_before


@pytest.mark.once
@pytest.mark.slow
def test_a_server_has_a_folder_of_its_own_for_temporary_tables(mariadb: MariaDB) -> None:
    assert mariadb.execute("SELECT @@tmpdir") == [(str(mariadb.folder),)]
