"""Start a real MariaDB server: Debian's."""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from .server import LOCAL, PASSWORD, PATIENCE, USER, Server

OPTIONS = [
    "--no-defaults",
    f"--bind-address={LOCAL}",
    "--skip-name-resolve",
    "--max-connections=120",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=1",
]


def find(name: str) -> Path | None:
    """Return the path of a program of MariaDB."""
    program = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    return Path(program) if program else None


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
            self.installer, "--no-defaults", f"--datadir={self.data}", "--auth-root-authentication-method=normal",
            "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=8M",
        )  # fmt: skip

    def command(self) -> list[str]:
        own = [f"--datadir={self.data}", f"--socket={self.socket}", f"--port={self.port}"]
        return [str(self.program), *OPTIONS, *own, f"--pid-file={self.folder / 'pid'}"]

    @property
    def socket(self) -> str:
        """The path of the administrator's socket."""
        return str(self.folder / "socket")

    def set_up(self) -> None:
        self.execute(f"CREATE USER {USER}@'{LOCAL}' IDENTIFIED BY '{PASSWORD}'")
        self.execute(rf"GRANT ALL ON `tests\_%`.* TO {USER}@'{LOCAL}'")

    def execute(self, statement: str, *, database: str | None = None) -> list[Any]:
        import pymysql  # noqa: PLC0415  # of the extra "engines"

        connection = pymysql.connect(
            unix_socket=self.socket, user="root", database=database, autocommit=True, read_timeout=PATIENCE
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def connect(self, database: str, *, port: int | None = None) -> Any:
        import pymysql  # noqa: PLC0415

        return pymysql.connect(host=LOCAL, port=port or self.port, user=USER, password=PASSWORD, database=database)

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
