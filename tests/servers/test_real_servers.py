"""Real uWSGI, and gunicorn with gevent: the locks and connections of their workers after a fork."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import NamedTuple

import pytest
from flask import Flask

from ..caches.kit import serving as serving_in_a_thread
from ..conftest import SECRET
from ..lifecycle.kit import store_of
from ..lifecycle.revocation.served import create_app
from ..stores.sqlite_kit import execute, opened, url_of
from .clients import (
    CLIENTS,
    NO_ANSWER,
    PATIENCE,
    Client,
    check_nothing_is_lost,
    repeat,
    run_all,
    sign_in,
    use,
    workers_of,
)
from .starting import APPLICATION, DATABASE, serving


class Server(NamedTuple):
    """A server: its command, and the number of its processes that answer."""

    command: list[str]
    workers: int


def uwsgi(*options: str, workers: int) -> Server:
    program = str(Path(sys.executable).with_name("uwsgi"))
    command = [program, "--http-socket=fd://{socket}", f"--module={APPLICATION}", "--need-app", "--die-on-term"]
    return Server([*command, "--disable-logging", f"--processes={workers}", *options], workers)


def gunicorn(*options: str, workers: int) -> Server:
    command = [sys.executable, "-m", "gunicorn", "--bind=fd://{socket}", "--worker-class=gevent", "--log-level=warning"]
    return Server([*command, "--worker-tmp-dir=.", f"--workers={workers}", *options, APPLICATION], workers)


THREADS = ("--enable-threads", "--threads=4")
SERVERS = {
    "uWSGI without a master": uwsgi(workers=3),
    "uWSGI with a master": uwsgi("--master", *THREADS, workers=2),
    "uWSGI with lazy-apps": uwsgi("--master", "--lazy-apps", *THREADS, workers=2),
    "gunicorn with gevent": gunicorn(workers=2),
    "gunicorn with gevent, preloaded": gunicorn("--preload", workers=2),
}
WITH_A_MASTER = ["uWSGI with a master", "gunicorn with gevent, preloaded"]
KILLS = 3
STORM = {
    "USED_AT_IMPORT": "1",
    "FLASK_TOKENAUTH_REFRESH_RETRY_WINDOW": "300",
    "FLASK_TOKENAUTH_SESSIONS_PER_USER": "10000",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / DATABASE


@pytest.fixture
def client(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of one process, which has signed in."""
    monkeypatch.setenv("FLASK_SECRET_KEY", SECRET)
    monkeypatch.setenv("FLASK_TOKENAUTH_ISSUER", "https://issuer.example")
    monkeypatch.setenv("FLASK_TOKENAUTH_STORE", url_of(path))
    app: Flask = create_app()
    with serving_in_a_thread(app) as port:
        client = Client(port, "alice")
        client.sign_in()
        yield client
    store_of(app).close()


def test_a_session_that_is_lost_is_noticed(client: Client, path: Path) -> None:
    client.check_kept()

    execute(path, "DELETE FROM tokenauth_session")

    with pytest.raises(AssertionError, match="POST /auth/refresh: 400"):
        client.check_kept()


def test_the_end_of_a_session_that_is_lost_is_noticed(client: Client) -> None:
    [session] = client.sessions

    session.is_kept, session.ended_at = False, -math.inf

    with pytest.raises(AssertionError, match="GET /me: 200"):
        client.check_ended({client.answers[-1].worker})


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_mixed_requests_of_many_clients_meet_no_trouble(path: Path, name: str) -> None:
    command, workers = SERVERS[name]

    with serving(command, path.parent, USED_AT_IMPORT="1") as server:
        use(server.port, workers=workers)

    assert execute(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.slow
def test_workers_that_outlive_the_process_that_forked_them_lose_nothing(path: Path) -> None:
    """The next process that opens the database would delete the log if the locks of the workers did not hold."""
    command, workers = SERVERS["uWSGI without a master"]
    with serving(command, path.parent, USED_AT_IMPORT="1") as server:
        clients = sign_in(server.port, workers=workers)

        server.process.kill()
        server.process.wait()
        with opened(path) as other:
            other.execute("SELECT count(*) FROM tokenauth_session").fetchall()
        run_all(clients, Client.sign_in)

        acknowledged = sum(len(client.sessions) for client in clients)

    assert execute(path, "SELECT count(*) FROM tokenauth_session") == [(acknowledged + 1,)]


@pytest.mark.slow
def test_workers_of_a_preloaded_gevent_go_on_while_logins_wait_for_another_process(path: Path) -> None:
    """With locks that are not those of gevent, one greenlet that waits for another one would stop its worker."""
    command, workers = SERVERS["gunicorn with gevent, preloaded"]
    with serving(command, path.parent, USED_AT_IMPORT="1") as server, ThreadPoolExecutor(CLIENTS) as pool:
        readers = [Client(server.port, f"reader{number}") for number in range(4)]
        run_all(readers, Client.sign_in)

        with opened(path) as other:
            other.execute("BEGIN IMMEDIATE")
            logins = [pool.submit(Client(server.port, f"user{number}").sign_in) for number in range(CLIENTS)]
            for reader in readers:
                reader.answers.clear()
            repeat(lambda reader: reader.ask("GET /me", reader.sessions[0].access_token), readers, workers=workers)

        assert all(login.result().is_kept for login in logins)


WRITES = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE tokenauth_session SET ended_at = 1")
print("writes", flush=True)
sys.stdin.read()
"""


def kill_a_writer(path: Path) -> None:
    """Kill another process while it holds the lock of the database and has ended all sessions, but without a commit."""
    command = [sys.executable, "-c", WRITES, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writes\n"
        process.kill()


def find_worker(client: Client, others: set[str]) -> str:
    """Return the first worker that answers and is not one of the others."""
    deadline = time.monotonic() + PATIENCE
    while not client.answers or client.answers[-1].worker in others:
        assert time.monotonic() < deadline, "no other worker answers"
        with suppress(*NO_ANSWER):
            client.ask_with_a_wrong_token()
    return client.answers[-1].worker


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_A_MASTER)
def test_nothing_acknowledged_is_lost_if_workers_and_other_writers_are_killed(path: Path, name: str) -> None:
    command, workers = SERVERS[name]
    with serving(command, path.parent, **STORM) as server, ThreadPoolExecutor(CLIENTS) as pool:
        clients, killer, over = sign_in(server.port, workers=workers), Client(server.port, "killer"), Event()
        storm = [pool.submit(client.play_in_storm, over.is_set) for client in clients]
        try:
            for _ in range(KILLS):
                victim, known = find_worker(killer, set()), workers_of(clients)
                os.kill(int(victim), signal.SIGKILL)
                kill_a_writer(path)
                execute(path, "SELECT 1 FROM tokenauth_session")  # another process, which closes the database
                find_worker(killer, known | {victim})
        finally:
            over.set()
        for played in storm:
            played.result()

        check_nothing_is_lost(clients, workers=workers)
