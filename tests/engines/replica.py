"""A second PostgreSQL server that takes over what a first one commits, as the reading half of a pair."""

from .postgresql import ADMINISTRATOR, PostgreSQL


class Replica(PostgreSQL):
    """A streaming replica of a running server. It accepts reading alone, until it is promoted.

    Args:
        primary: the server. The replica has to end first.
    """

    def __init__(self, primary: PostgreSQL) -> None:
        super().__init__(primary.programs)
        self.primary = primary

    def prepare(self) -> None:
        self.run(
            self.programs / "pg_basebackup", "--pgdata", self.data, "--host", self.primary.folder,
            "--port", str(self.primary.port), "--username", ADMINISTRATOR, "--checkpoint", "fast",
            "--write-recovery-conf", "--no-sync",
        )  # fmt: skip

    def set_up(self) -> None:
        """Wait for the primary's last commits. The user of the tests is among them."""
        self.catch_up()

    def catch_up(self) -> None:
        """Wait until the replica shows all that the primary has committed."""
        [(position,)] = self.primary.execute("SELECT pg_current_wal_lsn()")
        self.wait_for(f"pg_last_wal_replay_lsn() >= '{position}'")

    def cut_off(self) -> None:
        """End the connection to the primary. The replica goes on to answer, with what it has."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.execute("SELECT pg_reload_conf()")
        self.wait_for("NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
