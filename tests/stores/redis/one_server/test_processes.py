"""Forks and green threads with a store on a real server: every answer belongs to its asker."""

import subprocess
import sys

import pytest

from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import list_all

from ....engines.proxy import Proxy
from ....engines.redis import RedisServer
from ....servers.starting import ROOT
from ...process_kit import Spawn, run

pytestmark = [pytest.mark.once, pytest.mark.slow]

GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys
from datetime import timedelta
import gevent
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import outcome, start

DAY = timedelta(days=1)
store, silent = map(RedisStore, sys.argv[1:])
store.bind("https://issuer.example", timeout=timedelta(seconds=60), lifetime=DAY, leeway=DAY)
silent.bind("https://issuer.example", timeout=timedelta(seconds=60), lifetime=DAY, leeway=DAY)

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


@pytest.mark.parametrize("how", ["os", "multiprocessing", "unnoticed"])
def test_after_a_fork_every_process_gets_its_own_answers(
    server: RedisServer, store: RedisStore, spawn: Spawn, how: str
) -> None:
    assert run(spawn("fork_after_use", server.url(), how)) == ["0 0 0 0 True"]
    assert len(list_all(store, "parent")) == 1
    assert len(server.ask("KEYS", "tokenauth:session:*")) == 5


def test_a_fork_while_other_threads_write_harms_no_connection(server: RedisServer, spawn: Spawn) -> None:
    assert run(spawn("fork_while_writing", server.url())) == ["0 0 0 0 0 0 0 0 0 0 True"]


def test_the_feed_of_each_process_has_all_revocations(server: RedisServer, spawn: Spawn) -> None:
    assert run(spawn("fork_with_feed", server.url())) == ["0 0 0 0 True"]


def test_a_greenlet_that_waits_for_a_server_does_not_stop_the_others(server: RedisServer) -> None:
    pytest.importorskip("gevent")
    with Proxy(server.port) as silent:
        silent.stall()
        silent_url = server.url().replace(f":{server.port}", f":{silent.port}")
        command = [sys.executable, "-c", GREENLETS, server.url(), silent_url]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert ran.stdout == "True False\n", ran.stderr
