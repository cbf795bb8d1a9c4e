"""Real uWSGI and gunicorn: the locks and connections of their workers after a fork, and with threads or green threads.

``TOKENAUTH_THOROUGH=1`` adds more settings of gunicorn, and ten times as many requests.
"""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from threading import Event
from typing import NamedTuple

import pytest
from flask import Flask

from ..caches.kit import serving as serving_in_a_thread
from ..conftest import SECRET
from ..engines.server import Server as DatabaseServer
from ..lifecycle.kit import store_of
from ..lifecycle.revocation.served import create_app
from ..stores.sqlite_kit import execute, opened, url_of
from .clients import (
    CLIENTS,
    NO_ANSWER,
    PATIENCE,
    THOROUGH,
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
    command = [sys.executable, "-m", "gunicorn", "--bind=fd://{socket}", "--log-level=warning", "--worker-tmp-dir=."]
    return Server([*command, f"--workers={workers}", *options, APPLICATION], workers)


GEVENT = "--worker-class=gevent"
THREADS = ("--enable-threads", "--threads=4")
SERVERS = {
    "uWSGI without a master": uwsgi(workers=3),
    "uWSGI with a master": uwsgi("--master", *THREADS, workers=2),
    "uWSGI with lazy-apps": uwsgi("--master", "--lazy-apps", *THREADS, workers=2),
    "gunicorn with gevent": gunicorn(GEVENT, workers=2),
    "gunicorn with gevent, preloaded": gunicorn(GEVENT, "--preload", workers=2),
}
WITH_A_MASTER = ["uWSGI with a master", "gunicorn with gevent, preloaded"]
MATRIX = {
    f"{name} in {workers} workers{', preloaded' * len(preload)}": gunicorn(*options, *preload, workers=workers)
    for name, options in {"threads": ("--worker-class=gthread", "--threads=8"), "gevent": (GEVENT,)}.items()
    for workers in (2, 4)
    for preload in ((), ("--preload",))
} | {"uWSGI with a master": SERVERS["uWSGI with a master"]}
IN_SHORT = ["threads in 2 workers, preloaded", "gevent in 2 workers", "uWSGI with a master"]
USUAL = {
    "USED_AT_IMPORT": "1",
    "FLASK_TOKENAUTH_SESSIONS_PER_USER": "10000",
    "FLASK_TOKENAUTH_STORE_TIMEOUT": "30",  # seconds, the most there is: a busy machine is no outage
}
KILLS = 3
STORM = USUAL | {"FLASK_TOKENAUTH_REFRESH_RETRY_WINDOW": "300"}


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


def test_an_answer_for_another_user_is_noticed(client: Client) -> None:
    client.name = "bob"

    with pytest.raises(AssertionError, match="the answer is for another user"):
        client.ask_for_name(client.sessions[0])


@pytest.mark.slow
def test_tokens_for_another_user_are_noticed(client: Client) -> None:
    client.name = "bob"

    with pytest.raises(AssertionError, match="the tokens are for another user"):
        client.refresh(client.sessions[0])


def test_tokens_of_another_session_are_noticed(client: Client) -> None:
    first, second = client.sessions[0], client.sign_in()
    second.refresh_token = first.refresh_token

    with pytest.raises(AssertionError, match="the tokens are of another session"):
        client.refresh(second)


def test_a_session_that_is_not_the_clients_is_noticed_in_the_list(client: Client) -> None:
    session = client.sign_in()
    client.sessions.remove(session)

    with pytest.raises(AssertionError, match="these are other sessions"):
        client.list_sessions(session)


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_mixed_requests_of_many_clients_meet_no_trouble(path: Path, name: str) -> None:
    command, workers = SERVERS[name]

    with serving(command, path.parent, **USUAL) as server:
        use(server.port, workers=workers)

    assert execute(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.fixture(params=["postgresql_18", "mariadb"])
def engine(request: pytest.FixtureRequest) -> DatabaseServer:
    engine: DatabaseServer = request.getfixturevalue(request.param)
    return engine


@pytest.fixture
def database(engine: DatabaseServer) -> Iterator[str]:
    with engine.new_database() as database:
        yield database


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("name", MATRIX if THOROUGH else IN_SHORT)
def test_on_a_database_server_each_answer_belongs_to_the_client_that_has_asked(
    engine: DatabaseServer, database: str, tmp_path: Path, name: str
) -> None:
    command, workers = MATRIX[name]

    with serving(command, tmp_path, FLASK_TOKENAUTH_STORE=engine.url(database), **USUAL) as server:
        use(server.port, workers=workers)


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("name", ["gevent in 2 workers", "gevent in 2 workers, preloaded"])
def test_workers_of_gevent_go_on_while_refreshes_wait_for_a_database_server(
    engine: DatabaseServer, database: str, tmp_path: Path, name: str
) -> None:
    """A driver that waits without gevent would stop all green threads of its worker."""
    command, workers = MATRIX[name]
    with (
        serving(command, tmp_path, FLASK_TOKENAUTH_STORE=engine.url(database), **USUAL) as server,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        readers, writers = ([Client(server.port, f"{kind}{number}") for number in range(4)] for kind in "rw")
        run_all(readers + writers, Client.sign_in)
        # Each worker writes when it starts: one that starts late would wait for the lock too, and give up.
        repeat(lambda reader: reader.ask_for_name(reader.sessions[0]), readers, workers=workers)

        with closing(engine.connect(database)) as other, other.cursor() as cursor:
            cursor.execute("SELECT session_id FROM tokenauth_session FOR UPDATE")
            refreshes = [pool.submit(writer.refresh, writer.sessions[0]) for writer in writers]
            for reader in readers:
                reader.answers.clear()
            repeat(lambda reader: reader.ask_for_name(reader.sessions[0]), readers, workers=workers)
            assert not any(refresh.done() for refresh in refreshes)

        for refresh in refreshes:
            refresh.result()


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


@pytest.mark.dependencies
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


@pytest.mark.once
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
