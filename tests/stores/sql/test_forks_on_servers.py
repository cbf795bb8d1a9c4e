"""Forks and green threads with a store on a real server: every answer belongs to its asker."""

import subprocess
import sys
from pathlib import Path

import pytest

from ...engines.mariadb import MariaDB
from ...engines.server import LOCAL, Server
from ...servers.starting import ROOT
from ..process_kit import Spawn, run
from ..server_kit import execute
from ..sqlite_kit import url_of

# Greenlets that use a store, while another one waits for a server that does not answer.
GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys
from datetime import timedelta
import gevent
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.testing.store_contract.kit import outcome, start

DAY = timedelta(days=1)
store, silent = map(SQLStore, sys.argv[1:])
silent.bind("https://issuer.example", timeout=timedelta(seconds=60), lifetime=DAY, leeway=DAY)
store.create()

def use(number):
    mine = f"session{number}"
    start(store, mine, user_id=mine)
    outcomes = {outcome(store, generation, session_id=mine).value for generation in range(10)}
    return outcomes, store.find_session(mine).session_id == mine

waiting = gevent.spawn(silent.find_session, "session")
greenlets = [gevent.spawn(use, number) for number in range(20)]
gevent.joinall(greenlets, raise_error=True)
print(all(greenlet.value == ({"swapped"}, True) for greenlet in greenlets), waiting.dead)
waiting.kill()
store.close()
"""


@pytest.mark.slow
def test_after_a_fork_by_multiprocessing_every_process_gets_its_own_answers(path: Path, spawn: Spawn) -> None:
    assert run(spawn("fork_after_use", url_of(path), "multiprocessing")) == ["0 0 0 0 True"]


@pytest.mark.slow
def test_a_child_that_sqlite_refuses_logs_it_once(path: Path, spawn: Spawn) -> None:
    _, log = spawn("fork_unnoticed_in_use", url_of(path)).communicate(timeout=90)

    assert log.count("the store is refused in this process") == 1


@pytest.mark.slow
def test_a_child_that_a_server_accepts_logs_nothing(server: Server, database: str, spawn: Spawn) -> None:
    _, log = spawn("fork_unnoticed_in_use", server.url(database)).communicate(timeout=90)

    assert log == ""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["os", "multiprocessing", "unnoticed"])
def test_after_a_fork_every_process_gets_its_own_answers(server: Server, database: str, spawn: Spawn, how: str) -> None:
    assert run(spawn("fork_after_use", server.url(database), how)) == ["0 0 0 0 True"]
    assert execute(server, database, "SELECT count(*) FROM tokenauth_session") == [(5,)]


@pytest.mark.slow
def test_a_fork_while_other_threads_write_harms_no_connection(server: Server, database: str, spawn: Spawn) -> None:
    assert run(spawn("fork_while_writing", server.url(database))) == ["0 0 0 0 0 0 0 0 0 0 True"]


@pytest.mark.dependencies
@pytest.mark.slow
def test_a_child_that_exits_leaves_the_connections_of_its_parent_open(
    server: Server, database: str, spawn: Spawn
) -> None:
    statement = "SELECT connection_id()" if isinstance(server, MariaDB) else "SELECT pg_backend_pid()"

    assert run(spawn("fork_and_exit", server.url(database), statement)) == ["0 0 0 0 True"]


@pytest.mark.once
@pytest.mark.slow
def test_the_feed_of_each_process_has_all_revocations(server: Server, database: str, spawn: Spawn) -> None:
    assert run(spawn("fork_with_feed", server.url(database))) == ["0 0 0 0 True"]


@pytest.mark.dependencies
@pytest.mark.once
@pytest.mark.slow
def test_a_greenlet_that_waits_for_a_server_does_not_stop_the_others(
    server: Server, database: str, silent_port: int
) -> None:
    pytest.importorskip("gevent")
    silent_url = server.url(database).replace(f"{LOCAL}:{server.port}", f"{LOCAL}:{silent_port}")
    command = [sys.executable, "-c", GREENLETS, server.url(database), silent_url]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert ran.stdout == "True False\n", ran.stderr
