"""Start real servers with the application of ``served.py``."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..conftest import SECRET
from .clients import PATIENCE

ROOT = Path(__file__).parents[2]
APPLICATION = "tests.servers.served:app"
DATABASE = "served.db"


class Running(NamedTuple):
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]  # the first process


@contextmanager
def serving(command: list[str], folder: Path, **environ: str) -> Iterator[Running]:
    """Start a server, yield it, and end it.

    Args:
        command: of the server. ``{socket}`` stands for the number of a listening socket, so that the server needs no
            time to be ready.
        folder: gets the database, and is the current directory of the server.
        environ: more variables of the environment.
    """
    environment = os.environ | {
        "FLASK_SECRET_KEY": SECRET,
        "FLASK_TOKENAUTH_ISSUER": "https://issuer.example",
        "FLASK_TOKENAUTH_STORE": f"sqlite:///{folder / DATABASE}",
        "PYTHONPATH": str(ROOT),
    }
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        process = subprocess.Popen(
            [word.format(socket=listening.fileno()) for word in command],
            cwd=folder,
            env=environment | environ,
            pass_fds=[listening.fileno()],
            start_new_session=True,  # uWSGI without a master leaves its workers behind when it ends
        )
        running = Running(listening.getsockname()[1], process)
    try:
        yield running  # the socket is closed here: clients are refused if the server has ended
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
