"""Start a real MariaDB server: Debian's."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .server import LOCAL, PASSWORD, PATIENCE, USER, Backup, Server

if TYPE_CHECKING:
    from pymysql import Connection
    from pymysql.cursors import Cursor

OPTIONS = [
    "--no-defaults",
    f"--bind-address={LOCAL}",
    "--skip-name-resolve",
    "--max-connections=120",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=1",
]


TABLES = """SELECT table_name, auto_increment FROM information_schema.tables
    WHERE table_schema = database() AND table_type = 'BASE TABLE'"""


def zone_that_changes(at: datetime) -> str:
    """Return a value of ``TZ``: local time is an hour after UTC before an instant, and is UTC from then on.

    Args:
        at: the instant, in UTC and in whole seconds. The other change of the year is six months away.
    """
    local = at + timedelta(hours=1)
    day = local.timetuple().tm_yday - 1
    return f"STD0DST-1,{(day + 183) % 365},{day}/{local:%H:%M:%S}"


class MariaDB(Server):
    """A MariaDB server.

    Args:
        programs: ``mariadbd`` and ``mariadb-install-db``.
    """

    ready = b"ready for connections."
    stop_signal = signal.SIGTERM
    last_signal = signal.SIGKILL
    scheme = "mysql"

    def __init__(self, *programs: Path) -> None:
        super().__init__()
        self.program, self.installer = programs

    def prepare(self) -> None:
        self.run(
            self.installer, "--no-defaults", f"--datadir={self.data}", f"--tmpdir={self.folder}",
            "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
            "--innodb-log-file-size=8M",
        )  # fmt: skip

    def command(self) -> list[str]:
        # A server that starts removes temporary tables from its temporary folder, also those of another one.
        own = [f"--datadir={self.data}", f"--tmpdir={self.folder}", f"--socket={self.socket}", f"--port={self.port}"]
        return [str(self.program), *OPTIONS, *own, f"--pid-file={self.folder / 'pid'}"]

    @property
    def socket(self) -> str:
        """The path of the administrator's socket."""
        return str(self.folder / "socket")

    def set_up(self) -> None:
        self.execute(f"CREATE USER {USER}@'{LOCAL}' IDENTIFIED BY '{PASSWORD}'")
        self.execute(rf"GRANT ALL ON `tests\_%`.* TO {USER}@'{LOCAL}'")

    def execute(self, statement: str, *, database: str | None = None) -> list[Any]:
        with self._administer(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def _administer(self, database: str | None) -> "Connection[Cursor]":
        """Return a connection for the administrator, in autocommit mode."""
        import pymysql  # noqa: PLC0415  # of the extra "engines"

        return pymysql.connect(
            unix_socket=self.socket, user="root", database=database, autocommit=True, read_timeout=PATIENCE,
            ssl_disabled=True,
        )  # fmt: skip

    def connect(self, database: str, *, port: int | None = None) -> Any:
        import pymysql  # noqa: PLC0415

        return pymysql.connect(
            host=LOCAL, port=port or self.port, user=USER, password=PASSWORD, database=database, ssl_disabled=True
        )

    def create_database(self, name: str) -> None:
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")

    def drop_database(self, name: str) -> None:
        self._end_sessions(name)
        self.execute(f"DROP DATABASE {name}")

    def _end_sessions(self, database: str) -> None:
        """End the sessions in a database: a transaction in one of them would hold the tables."""
        import pymysql  # noqa: PLC0415

        query = f"SELECT id FROM information_schema.processlist WHERE db = '{database}'"
        for (session,) in self.execute(query):
            with suppress(pymysql.OperationalError):  # it has ended
                self.execute(f"KILL HARD CONNECTION {session}")

    def backup(self, database: str) -> Backup:
        backup = Backup()
        with self._administer(database) as connection, connection.cursor() as cursor:
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            cursor.execute(TABLES)
            for table, number in cursor.fetchall():
                cursor.execute(f"SELECT * FROM `{table}`")
                backup.rows[table] = cursor.fetchall()
                if number:
                    backup.numbers[table] = number
        return backup

    def restore(self, database: str, backup: Backup) -> None:
        with self._administer(database) as connection, connection.cursor() as cursor:
            cursor.execute("SET foreign_key_checks = 0")
            connection.begin()
            for table, rows in backup.rows.items():
                cursor.execute(f"DELETE FROM `{table}`")  # this locks the table until the end of the transaction
                places = ", ".join(["%s"] * len(rows[0] if rows else []))
                cursor.executemany(f"INSERT INTO `{table}` VALUES ({places})", rows)
            connection.commit()
            for table, number in backup.numbers.items():
                cursor.execute(f"ALTER TABLE `{table}` AUTO_INCREMENT = {number}")

    def set_read_only(self, value: bool) -> None:  # noqa: FBT001
        """Let the server refuse, or accept, what the user of the tests writes.

        This is ``read_only``. MariaDB has no ``super_read_only``: an administrator can always write.
        """
        self.execute(f"SET GLOBAL read_only = {value}")

    @contextmanager
    def in_time_zone(self, zone: str) -> Iterator[None]:
        """Restart the server with a value of ``TZ``, and restart it in UTC at the end."""
        self.stop()
        self.start(TZ=zone)
        try:
            yield
        finally:
            self.stop()
            self.start()
