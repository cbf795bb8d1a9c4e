"""Start a real PgBouncer before a PostgreSQL server: Debian's."""

import signal
from pathlib import Path
from typing import Any

from .postgresql import PostgreSQL
from .server import LOCAL, PASSWORD, USER, Program

CONNECTIONS = 2  # to the server, in each database


class PgBouncer(Program):
    """A PgBouncer in transaction mode: a connection to the server belongs to a client for one transaction.

    Args:
        server: a running server. All its databases can be reached.
        program: ``pgbouncer``.
    """

    ready = b"process up"
    stop_signal = signal.SIGTERM
    last_signal = signal.SIGKILL
    scheme = PostgreSQL.scheme

    def __init__(self, server: PostgreSQL, program: Path) -> None:
        super().__init__()
        self.server, self.program = server, program
        self.settings = self.folder / "pgbouncer.ini"

    def prepare(self) -> None:
        users = self.folder / "users"
        users.write_text(f'"{USER}" "{PASSWORD}"\n')
        options = {
            "listen_addr": LOCAL,
            "listen_port": self.port,
            "unix_socket_dir": self.folder,
            "auth_type": "scram-sha-256",
            "auth_file": users,
            "pool_mode": "transaction",
            "default_pool_size": CONNECTIONS,
            "max_client_conn": 200,
        }
        lines = [f"{name} = {value}" for name, value in options.items()]
        databases = ["[databases]", f"* = host={LOCAL} port={self.server.port}"]
        self.settings.write_text("\n".join([*databases, "[pgbouncer]", *lines, ""]))

    def command(self) -> list[str]:
        return [str(self.program), str(self.settings)]

    def connect(self, database: str) -> Any:
        """Return a connection of the driver for the user of the tests."""
        return self.server.connect(database, port=self.port)
