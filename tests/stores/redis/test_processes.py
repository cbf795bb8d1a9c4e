"""Forked processes and green threads, with a real server."""

import subprocess
import sys
from threading import Semaphore

import pytest

from ...engines.redis import RedisServer
from ...engines.server import PATIENCE
from .conftest import Fake

BEGIN = """
import os, sys
if "early" in sys.argv:
    from gevent import monkey; monkey.patch_all()
from flask_tokenauth.stores.redis.script import Script
from flask_tokenauth.stores.redis.servers import Servers
servers = Servers(sys.argv[1])
echo = Script("echo", "return ARGV[1]", writes=False)
"""
FORK = """
def ask(name, times):
    for number in range(times):
        text = f"{name}-{number}".encode()
        assert servers.run(echo, [b"a"], [text]) == text

ask("parent", 10)
children = []
for name in range(4):
    child = os.fork()
    if not child:
        code = 1
        try:
            ask(f"child-{name}", 300)
            code = 0
        finally:
            os._exit(code)
    children.append(child)
ask("parent", 300)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""
GEVENT = """
if "used" in sys.argv:
    servers.run(echo, [b"a"], ["before"])
from gevent import monkey; monkey.patch_all()
import gevent

def ask():
    print(servers.run(echo, [b"a"], ["asked"]).decode())

def give_up():
    with gevent.Timeout(0.05, False):
        servers.run(echo, [b"a"], ["slow"])
    print("gave up")

gevent.joinall([gevent.spawn(give_up), *(gevent.spawn(ask) for _ in range(3))], raise_error=True)
ask()
"""


def run(program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", BEGIN + program, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.dependencies
@pytest.mark.slow
def test_after_a_fork_each_answer_belongs_to_its_asker(server: RedisServer) -> None:
    ran = run(FORK, server.url())

    assert ran.stdout == "[0, 0, 0, 0]\n", ran.stderr


@pytest.mark.dependencies
@pytest.mark.slow
@pytest.mark.parametrize("patched", ["early", "late"])
@pytest.mark.parametrize("used", ["used", "unused"])
def test_a_green_thread_that_gives_up_leaves_no_answer_behind(fake: Fake, patched: str, used: str) -> None:
    """The slow answer comes when the others have asked, so they must not wait for it."""
    asked = Semaphore(0)

    def answer(command: list[bytes]) -> bytes:
        if command[4] == b"asked":
            asked.release()
        elif command[4] == b"slow":
            for _ in range(3):
                asked.acquire(timeout=PATIENCE)
        return command[4]

    ran = run(GEVENT, fake(EVALSHA=answer).url, patched, used)

    assert sorted(ran.stdout.splitlines()) == ["asked"] * 4 + ["gave up"], ran.stderr
