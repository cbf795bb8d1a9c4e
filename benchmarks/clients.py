"""Clients of the measured applications. Each is a process of its own, as a worker of a web server.

Threads of one process would measure the lock of its interpreter, and not the database.
"""

import io
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from itertools import repeat
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from secrets import token_hex
from time import monotonic
from typing import Any, Self

REFRESH, SIGN_IN = "refresh", "sign in"
_PATIENCE = 120  # seconds


class Client:
    """Sends requests to an application, without a network.

    Args:
        name: the module of ``benchmarks.apps``.
        url: of its database.

    Attributes:
        app: the application.
    """

    def __init__(self, name: str, url: str) -> None:
        self._module: Any = import_module(f"benchmarks.apps.{name}")
        self.app: Any = self._module.make(url)

    def create_tables(self) -> None:
        """Create the tables of the application."""
        self._module.create_tables(self.app)

    @property
    def state(self) -> Any:
        """The state of our extension in the application."""
        return self.app.extensions["tokenauth"]

    def sign_in(self, user: str) -> str:
        """Start a session and return its refresh token."""
        return self._post("/login", f"user={user}")

    def refresh(self, token: str) -> str:
        """Redeem a refresh token and return the next one."""
        return self._post("/auth/refresh", f"grant_type=refresh_token&{self._module.FIELD}={token}")

    def _post(self, path: str, form: str) -> str:
        body = form.encode()
        errors = io.StringIO()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": errors,
        }
        statuses: list[str] = []
        answer = self.app(environ, lambda status, *_: statuses.append(status))
        content = b"".join(answer)
        answer.close()
        if not statuses[0].startswith("200"):
            raise RuntimeError(f"a request must be answered with 200, got {statuses[0]}: {errors.getvalue()}")
        token: str = json.loads(content)[self._module.FIELD]
        return token


class Clients:
    """Processes with one client each, for each application. It is a context manager.

    Args:
        counts: how many clients may work at once: each number that is used.
        url: of the database.
        applications: the modules of ``benchmarks.apps``. Their tables are created.
    """

    def __init__(self, counts: Iterable[int], url: str, applications: Iterable[str]) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(["benchmarks.__main__", "benchmarks.apps.handwritten"])
        gates = {count: context.Barrier(count) for count in counts}
        self._pool = ProcessPoolExecutor(max(gates), context, initializer=_prepare, initargs=(url, gates))
        for name in applications:
            self._pool.submit(_create_tables, name).result(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def rate(self, application: str, action: str, *, clients: int, calls: int) -> float:
        """Return how many calls a second were done.

        Args:
            application: a module of ``benchmarks.apps``.
            action: REFRESH or SIGN_IN.
            clients: how many work at once.
            calls: of each client.
        """
        running = [self._pool.submit(_run, application, action, clients, calls, index) for index in range(clients)]
        times = [future.result(_PATIENCE) for future in running]
        return clients * calls / (max(ended for _, ended in times) - min(began for began, _ in times))


_url = ""
_gates: dict[int, Barrier] = {}
_clients: dict[str, Client] = {}


def _prepare(url: str, gates: dict[int, Barrier]) -> None:
    global _url  # noqa: PLW0603  # of this process alone
    _url = url
    _gates.update(gates)


def _find_client(application: str) -> Client:
    if application not in _clients:
        _clients[application] = Client(application, _url)
    return _clients[application]


def _create_tables(application: str) -> None:
    _find_client(application).create_tables()


def _run(application: str, action: str, clients: int, calls: int, index: int) -> tuple[float, float]:
    """Wait until all clients are ready, work, and return the times of the start and of the end."""
    client = _find_client(application)

    def sign_in(_: str) -> str:
        return client.sign_in(f"user-{index}.{token_hex(4)}")  # of a user who has no session yet

    step: Callable[[str], str] = client.refresh if action == REFRESH else sign_in
    token = client.refresh(sign_in(""))  # opens the connections
    _gates[clients].wait(_PATIENCE)
    began = monotonic()
    for _ in repeat(None, calls):
        token = step(token)
    return began, monotonic()
