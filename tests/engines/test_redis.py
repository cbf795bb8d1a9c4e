"""The servers of Redis and Valkey start, die, come back with their data, and end with the test run."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, call

import pytest

from ..servers.starting import ROOT
from . import polling
from .polling import poll
from .redis import (
    RedisServer,
    find_packaged,
    find_redis_6,
    find_redis_7,
    find_redis_port,
)
from .redis_tls import RedisServerWithTls
from .server import LOCAL, PASSWORD, PATIENCE, USER, ServerFailed, is_free

pytest.importorskip("redis")

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

SERVERS = {"redis_6": (6, 2), "redis_7": (7, 0), "valkey_8": (8, 1), "valkey_9": (9, 1)}

# A process that starts servers, says so, and waits to be killed.
PARENT = """
import sys
from tests.engines.cluster import Cluster
from tests.engines.redis import RedisServer, find_valkey_9
from tests.engines.sentinels import Sentinels

with {"server": RedisServer, "cluster": Cluster, "sentinels": Sentinels}[sys.argv[1]](find_valkey_9()) as started:
    programs = [*getattr(started, "servers", []), *getattr(started, "sentinels", [])] or [started]
    print(*(f"{one.process.pid} {one._watchdog.pid} {one.folder}" for one in programs), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """An empty server."""
    server: RedisServer = request.getfixturevalue(request.param)
    server.flush()
    yield server
    server.flush()


def set_two(client: Redis) -> None:
    """Set two keys in one script."""
    client.execute_command("EVAL", "redis.call('SET', 'a', 1) redis.call('SET', 'b', 2)", 0)


def test_the_bus_of_a_server_is_below_the_ports_of_clients_too(monkeypatch: pytest.MonkeyPatch) -> None:
    is_free = MagicMock(side_effect=[False, True, False, True, True])
    monkeypatch.setattr("tests.engines.redis.is_free", is_free)

    port = find_redis_port()

    assert is_free.call_args_list[-2:] == [call(port), call(port + 10_000)]
    assert port + 10_000 < 32_768


def test_no_server_is_found_in_a_package_that_is_not_there() -> None:
    assert find_packaged("package_of_nothing", "bin", "redis-server") is None


def test_no_server_is_found_in_a_package_without_one() -> None:
    assert find_packaged("pytest", "bin", "redis-server") is None


def test_the_environment_names_a_redis_6_that_has_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.engines.redis.find_packaged", lambda *names: None)
    monkeypatch.setenv("TOKENAUTH_REDIS_6", "/elsewhere/redis-server")

    assert find_redis_6() == Path("/elsewhere/redis-server")


def test_no_redis_6_is_found_without_a_package_and_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.engines.redis.find_packaged", lambda *names: None)
    monkeypatch.delenv("TOKENAUTH_REDIS_6", raising=False)

    assert find_redis_6() is None


def test_a_server_that_debian_has_not_is_not_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.engines.redis.DEBIAN", tmp_path / "redis-server")

    assert find_redis_7() is None


def test_a_wait_for_a_server_ends_with_the_last_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "PATIENCE", 0.05)

    def ask() -> bool:
        raise RedisError("no answer")

    with pytest.raises(ServerFailed, match="for nothing; the last error: no answer"):
        poll(ask, "for nothing")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(("name", "version"), SERVERS.items())
def test_a_server_has_the_version_of_its_fixture(
    name: str, version: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    assert request.getfixturevalue(name).version[:2] == version


@pytest.mark.once
@pytest.mark.slow
def test_the_url_opens_a_connection_for_the_user_of_the_tests(server: RedisServer) -> None:
    with Redis.from_url(server.url("3"), protocol=2) as client:
        assert client.execute_command("ACL", "WHOAMI") == USER.encode()


@pytest.mark.once
@pytest.mark.slow
def test_a_client_without_a_password_may_do_nothing(server: RedisServer) -> None:
    with Redis(port=server.port, protocol=2, retry=Retry(NoBackoff(), 0)) as client, pytest.raises(AuthenticationError):
        client.execute_command("GET", "a")


@pytest.mark.once
@pytest.mark.slow
def test_a_wrong_password_opens_no_connection(server: RedisServer) -> None:
    with server.connect(password="wrong") as client, pytest.raises(AuthenticationError):
        client.execute_command("PING")


@pytest.mark.once
@pytest.mark.slow
def test_a_killed_server_has_what_was_acknowledged_when_it_is_back(server: RedisServer) -> None:
    set_two(server.client())

    server.kill()
    server.start()

    assert sorted(server.ask("KEYS", "*")) == [b"a", b"b"]


@pytest.mark.once
@pytest.mark.slow
def test_a_stopped_server_comes_back_with_its_data(server: RedisServer) -> None:
    set_two(server.client())

    server.stop()
    server.start()

    assert server.answers
    assert sorted(server.ask("KEYS", "*")) == [b"a", b"b"]


@pytest.mark.once
@pytest.mark.slow
def test_a_flushed_server_has_no_keys(server: RedisServer) -> None:
    set_two(server.client())

    server.flush()

    assert server.ask("KEYS", "*") == []


@pytest.mark.once
@pytest.mark.slow
def test_a_paused_server_answers_when_it_is_resumed(valkey_9: RedisServer) -> None:
    client = valkey_9.connect()
    client.connection_pool.connection_kwargs |= {"socket_timeout": 0.01, "retry": None}
    with valkey_9.paused():
        assert not valkey_9.answers
        with pytest.raises(NoAnswer):
            client.execute_command("PING")
    client.close()

    assert valkey_9.answers
    assert valkey_9.ask("ECHO", "a") == b"a"


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("appendfsync", ["always", "everysec", "no"])
def test_a_server_writes_its_file_as_it_is_told(appendfsync: str, valkey_9: RedisServer) -> None:
    with RedisServer(valkey_9.program, "maxmemory 10mb", appendfsync=appendfsync) as server:
        facts = [server.ask("CONFIG", "GET", name)[1] for name in ("appendfsync", "appendonly", "save", "maxmemory")]

    assert facts == [appendfsync.encode(), b"yes", b"", b"10485760"]


@pytest.mark.once
@pytest.mark.slow
def test_a_server_runs_from_a_folder_that_its_user_may_not_enter(
    valkey_9: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.engines.redis.may_enter", lambda folder: False)

    with RedisServer(valkey_9.program) as server:
        assert server.program != valkey_9.program
        assert server.version == valkey_9.version
    assert not server.program.exists()


@pytest.mark.once
@pytest.mark.slow
def test_a_server_that_does_not_understand_its_configuration_shows_the_reason(redis_6: RedisServer) -> None:
    with ExitStack() as stack, pytest.raises(ServerFailed, match="no-such-option"):
        stack.enter_context(RedisServer(redis_6.program, "no-such-option yes"))


@pytest.mark.once
@pytest.mark.slow
def test_a_replica_has_what_its_primary_has_and_refuses_writing(
    valkey_9: RedisServer, valkey_replica: RedisServer
) -> None:
    valkey_9.ask("SET", "a", 1)
    valkey_replica.await_primary(valkey_9)

    assert (valkey_9.role, valkey_replica.role) == ("master", "slave")
    assert valkey_replica.ask("GET", "a") == b"1"
    with pytest.raises(ReadOnlyError):
        valkey_replica.ask("SET", "a", 2)


@pytest.mark.once
@pytest.mark.slow
def test_a_replica_becomes_independent(valkey_9: RedisServer, valkey_replica: RedisServer) -> None:
    valkey_replica.replicaof(None)

    assert valkey_replica.role == "master"
    assert not valkey_replica.follows(valkey_9)


@pytest.mark.once
@pytest.mark.slow
def test_a_server_with_tls_shows_its_certificate(redis_tls: RedisServerWithTls) -> None:
    with Redis.from_url(redis_tls.url(), protocol=2) as client:
        assert client.execute_command("ACL", "WHOAMI") == USER.encode()


@pytest.mark.once
@pytest.mark.slow
def test_a_port_with_tls_refuses_a_client_without(redis_tls: RedisServerWithTls) -> None:
    url = f"redis://{USER}:{PASSWORD}@{LOCAL}:{redis_tls.tls_port}"
    with Redis.from_url(url, protocol=2) as client, pytest.raises(RedisError):
        client.execute_command("PING")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("server", 1), ("cluster", 6), ("sentinels", 5)])
def test_all_servers_and_folders_end_with_a_parent_that_is_killed(kind: str, count: int, valkey_9: RedisServer) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, kind], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        words: list[Any] = parent.stdout.readline().split()
        ends = [os.pidfd_open(int(pid)) for pid in words if pid.isdecimal()]
        folders = [Path(word) for word in words if not word.isdecimal()]
        parent.send_signal(signal.SIGKILL)

        assert (len(ends), len(folders)) == (2 * count, count)
        for end in ends:
            assert select.select([end], [], [], PATIENCE)[0]
            os.close(end)
        assert [folder for folder in folders if folder.exists()] == []


@pytest.mark.once
@pytest.mark.slow
def test_the_port_of_a_server_is_free_at_the_end(valkey_9: RedisServer) -> None:
    with RedisServer(valkey_9.program) as server:
        assert not is_free(server.port)

    assert is_free(server.port)
