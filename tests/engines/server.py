"""Start, kill and end real database servers, and other programs on a port.

Root starts them as the user ``nobody``, since PostgreSQL refuses to run as root. Their data are in a new folder, if
possible on a file system in memory.
"""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import Thread, Timer
from typing import IO, Any, Self

PATIENCE = 60  # seconds; a test that waits longer fails
WATCHDOG = Path(__file__).with_name("watchdog.py")
USER, PASSWORD = "application", token_hex(8)  # the user of the tests, who has rights on the tests' databases alone
LOCAL = "127.0.0.1"


def user_options() -> dict[str, Any]:
    """Return the arguments of ``Popen`` that run a program as ``nobody``. They are empty unless this is root."""
    options = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    return {} if os.geteuid() else options


def may_enter(folder: Path) -> bool:
    """Return whether the user of the servers may enter a folder."""
    return bool(os.geteuid()) or all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def find(name: str) -> Path | None:
    """Return the path of a program, which may be one for administrators."""
    program = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    return Path(program) if program else None


def make_folder(*places: Path) -> Path:
    """Make a new folder for a server in the first of the places that its user may enter."""
    place = next(place for place in places if may_enter(place))
    folder = Path(tempfile.mkdtemp(prefix="server-", dir=place))
    options = user_options()
    shutil.chown(folder, options.get("user"), options.get("group", os.getgid()))
    return folder


def find_places(environ: Mapping[str, str]) -> list[Path]:
    """Return the folders where a server can have its files, the best first."""
    places = [environ.get("PYTEST_DEBUG_TEMPROOT"), tempfile.gettempdir(), "/tmp", "/var/tmp"]
    return [Path(place) for place in places if place]


def is_free(port: int) -> bool:
    """Return whether a server can listen on a port."""
    try:
        socket.create_server((LOCAL, port)).close()
    except OSError:
        return False
    return True


def find_port() -> int:
    """Return a free port.

    It is below the ports that the system gives to clients: none of these can take it while the server is restarted.
    """
    return next(port for port in random.sample(range(20_000, 32_000), 100) if is_free(port))


def children_of(parent: int) -> list[int]:
    """Return the process IDs of the children of a process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(status.parent.name))
    return found


def kill_processes(parent: int) -> None:
    """Kill a process and its children at once. The parent is stopped first, so that it starts no more children."""
    os.kill(parent, signal.SIGSTOP)
    for pid in [*children_of(parent), parent]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class ServerFailed(Exception):
    """A server did not start. The message has its last words."""


class Program(ABC):
    """A program on a port. It is a context manager, and ends with the block or with this process."""

    ready: bytes  # a part of the line that the program prints when it accepts connections
    stop_signal: signal.Signals  # ends the program in good order, without a wait for its clients
    last_signal: signal.Signals  # ends the program at once, and leaves no shared memory behind
    scheme: str  # of the store's URL

    def __init__(self) -> None:
        self.folder = make_folder(*find_places(os.environ))
        self.port = find_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.log: deque[bytes] = deque(maxlen=100)  # the last lines that the program printed
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", WATCHDOG, str(self.last_signal.value)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # it outlives Ctrl-C in the terminal
        )
        self.remove_at_the_end(self.folder)

    @abstractmethod
    def prepare(self) -> None:
        """Make the files that the program needs."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that starts the program."""

    def set_up(self) -> None:  # noqa: B027  # most programs need nothing
        """Do what needs the running program."""

    def __enter__(self) -> Self:
        try:
            self.prepare()
            self.start()
            self.set_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, *options: str, **environ: str) -> None:
        """Start the program and wait until it accepts connections.

        Args:
            options: more options for its command.
            environ: more variables of its environment.
        """
        process = subprocess.Popen(
            [*self.command(), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"} | environ,
            start_new_session=True,
            **user_options(),
        )
        self._inform(process.pid)
        self._await_ready(process)

    def kill(self) -> None:
        """Kill all processes of the program and wait until they have ended."""
        assert self.process
        kill_processes(self.process.pid)
        self._await_end()
        self._inform(0)

    def stop(self) -> None:
        """End the program in good order, without a wait for its clients."""
        assert self.process
        self.process.send_signal(self.stop_signal)
        self._await_end()
        self._inform(0)

    def close(self) -> None:
        """End the program, if it runs, and remove its files."""
        assert self._watchdog.stdin
        self._watchdog.stdin.close()
        if self.process:
            self._await_end()
        self._watchdog.wait(PATIENCE)

    def remove_at_the_end(self, folder: Path) -> None:
        """Let the watchdog remove a folder at the end."""
        self._inform(folder)

    def url(self, database: str) -> str:
        """Return the URL of a database for the user of the tests."""
        return f"{self.scheme}://{USER}:{PASSWORD}@{LOCAL}:{self.port}/{database}"

    def run(self, *command: str | Path) -> None:
        """Run another program as the same user."""
        ran = subprocess.run(
            command, cwd=self.folder, env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False, **user_options(),
        )  # fmt: skip
        if ran.returncode:
            raise ServerFailed(ran.stdout.decode(errors="replace"))

    def _await_ready(self, process: "subprocess.Popen[bytes]") -> None:
        """Read what the program prints until it accepts connections. Then a thread goes on to read."""
        assert process.stderr
        self.log.clear()
        timer = Timer(PATIENCE, process.kill)
        timer.start()
        is_ready = any(self.ready in line for line in self._read(process.stderr))
        timer.cancel()
        if not is_ready:
            process.wait(PATIENCE)
            process.stderr.close()
            self._inform(0)
            raise ServerFailed(b"".join(self.log).decode(errors="replace"))
        self.process = process
        self._reader = Thread(target=self._read_to_the_end, args=[process.stderr], daemon=True)
        self._reader.start()

    def _read(self, pipe: IO[bytes]) -> Iterator[bytes]:
        """Yield the lines of a pipe, and keep the last ones."""
        for line in pipe:
            self.log.append(line)
            yield line

    def _read_to_the_end(self, pipe: IO[bytes]) -> None:
        """Read the lines of a pipe: the program would wait if it were full."""
        with pipe:
            deque(self._read(pipe), maxlen=0)

    def _await_end(self) -> None:
        """Wait until all processes of the program have ended: the last one closes the pipe."""
        assert self.process
        self.process.wait(PATIENCE)
        self.process = None
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive()

    def _inform(self, what: int | Path) -> None:
        """Give the watchdog the process that it has to end, or a folder that it has to remove."""
        assert self._watchdog.stdin
        self._watchdog.stdin.write(f"{what}\n".encode())
        self._watchdog.stdin.flush()


@dataclass
class Backup:
    """The rows of all tables of a database.

    Attributes:
        rows: by table, as the server needs them.
        numbers: the state of the counters that number rows, by name.
    """

    rows: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)


class Server(Program):
    """A database server with its own data."""

    def __init__(self) -> None:
        super().__init__()
        self.data = self.folder / "data"
        self._numbers = count(1)

    @abstractmethod
    def execute(self, statement: str, *, database: str | None = None) -> list[Any]:
        """Run one statement as the administrator and return the rows."""

    @abstractmethod
    def connect(self, database: str, *, port: int | None = None) -> Any:
        """Return a connection of the driver for the user of the tests.

        Args:
            database: its name.
            port: of a proxy.
        """

    @abstractmethod
    def create_database(self, name: str) -> None:
        """Create an empty database for the user of the tests."""

    @abstractmethod
    def drop_database(self, name: str) -> None:
        """Drop a database, even if it is in use."""

    @abstractmethod
    def backup(self, database: str) -> Backup:
        """Return a backup of a database, which may be in use."""

    @abstractmethod
    def restore(self, database: str, backup: Backup) -> None:
        """Give the tables of a database the rows of a backup, in one transaction. The database may be in use.

        Rows are numbered as after the backup. A table that is not in the backup stays as it is.
        """

    def backup_files(self) -> Path:
        """Stop the server, copy all its data, start it, and return the folder of the copy."""
        copy = self.folder / f"backup-{next(self._numbers)}"
        self.stop()
        self.run("cp", "--archive", self.data, copy)
        self.start()
        return copy

    def restore_files(self, copy: Path) -> None:
        """Stop the server, put a copy in the place of its data, and start it. A copy serves once."""
        self.stop()
        shutil.rmtree(self.data)
        copy.rename(self.data)
        self.start()

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """Create an empty database, yield its name, and drop it. It may be in use at the end.

        A server that another test has left stopped is started.
        """
        if self.process is None:
            self.start()
        name = f"tests_{next(self._numbers)}"
        self.create_database(name)
        try:
            yield name
        finally:
            self.drop_database(name)
