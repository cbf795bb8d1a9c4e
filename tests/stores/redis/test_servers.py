"""Scripts and hashes on one real server."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import redis

from flask_tokenauth.core import process
from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.redis import pools
from flask_tokenauth.stores.redis import servers as servers_module
from flask_tokenauth.stores.redis.script import Script
from flask_tokenauth.stores.redis.servers import Servers

from ...engines.redis import RedisServer
from ...engines.server import PASSWORD, PATIENCE, USER
from ...waiting import wait_until
from .conftest import ADD, READ, Fake, Open
from .fake_server import HANG_UP, SILENCE, Failure, in_turn

ALL_TYPES = Script("types", "return {1, 'two', false, {ARGV[1], KEYS[2]}, redis.status_reply('yes')}", writes=False)


def count_calls(server: RedisServer) -> dict[str, int]:
    found: Any = server.client().info("commandstats")
    return {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in found.items()}


def test_a_script_answers_with_bytes_integers_lists_and_none(servers: Servers) -> None:
    assert servers.run(ALL_TYPES, [b"{a}1", b"{a}2"], ["ä"]) == [1, b"two", None, ["ä".encode(), b"{a}2"], b"yes"]


def test_arguments_are_bytes_strings_or_integers(servers: Servers) -> None:
    script = Script("arguments", "return ARGV", writes=False)

    assert servers.run(script, [b"a"], [b"\xff\x00", "s", 2**53]) == [b"\xff\x00", b"s", b"9007199254740992"]


@pytest.mark.parametrize("script", [READ, ADD])
def test_a_script_is_sent_once_and_called_by_its_digest_from_then_on(
    servers: Servers, server: RedisServer, script: Script
) -> None:
    servers.run(script, [b"a"], [1])
    server.client().config_resetstat()

    servers.run(script, [b"a"], [1])

    assert {name: count_calls(server).get(name, 0) for name in ("evalsha", "eval")} == {"evalsha": 1, "eval": 0}


def test_a_server_that_has_forgotten_the_scripts_gets_them_again(servers: Servers, server: RedisServer) -> None:
    servers.run(ADD, [b"a"], [1])

    server.ask("SCRIPT", "FLUSH")

    assert servers.run(ADD, [b"a"], [1]) == 2


def test_a_server_that_never_knows_the_script_is_an_outage(fake: Fake, open_servers: Open) -> None:
    unknown = Failure("NOSCRIPT No matching script. Please use EVAL.")
    server = fake(EVALSHA=unknown, EVAL=unknown)

    with pytest.raises(StoreUnavailable, match="the server has refused a command"):
        open_servers(server.url).run(ADD, [b"a"])

    assert server.commands == ["EVALSHA", "ROLE", "EVAL", "ROLE"]


def test_a_read_costs_one_round_trip_and_asks_for_the_role(fake: Fake, open_servers: Open) -> None:
    """Both commands come before the first answer is sent."""
    asked = Event()

    def answer_role(_: object) -> list[Any]:
        asked.set()
        return [b"master", 0, []]

    def answer_script(_: object) -> bytes:
        return b"value"

    server = fake(EVALSHA=answer_script, ROLE=answer_role)

    assert open_servers(server.url).run(READ, [b"a"]) == b"value"
    assert asked.is_set()
    assert server.commands == ["EVALSHA", "ROLE"]


def test_a_connection_is_opened_without_any_other_command(server: RedisServer, open_servers: Open) -> None:
    server.client().config_resetstat()

    open_servers(server.url("3")).run(READ, [b"a"])

    assert count_calls(server).keys() - {"config|resetstat", "info"} == {
        "auth", "select", "evalsha", "eval", "get", "role",
    }  # fmt: skip


def test_hashes_are_fetched_in_the_order_of_their_keys(servers: Servers, server: RedisServer) -> None:
    server.client().hset("a", mapping={"x": "1", "y": b"\xff"})
    server.client().hset("b", mapping={"z": "3"})

    assert servers.fetch([b"b", b"none", b"a", b"b"]) == [{b"z": b"3"}, {}, {b"x": b"1", b"y": b"\xff"}, {b"z": b"3"}]


def test_no_hashes_are_fetched_without_a_question(fake: Fake, open_servers: Open) -> None:
    server = fake()

    assert open_servers(server.url).fetch([]) == []
    assert server.commands == []


def test_a_key_that_is_no_hash_is_an_outage(servers: Servers, server: RedisServer) -> None:
    server.client().set("a", "1")

    with pytest.raises(StoreUnavailable, match="has a value of another type"):
        servers.fetch([b"a"])


@pytest.mark.parametrize("answer", [None, 5, b"ab", [b"a"], [b"a", 1], [b"a", [b"b"]]])
def test_an_answer_that_is_no_hash_is_an_outage(fake: Fake, open_servers: Open, answer: object) -> None:
    with pytest.raises(StoreUnavailable, match="the answer is none of Redis"):
        open_servers(fake(HGETALL=answer).url).fetch([b"a"])


def test_a_socket_of_unix_and_another_database_can_be_used(server: RedisServer, open_servers: Open) -> None:
    servers = open_servers(f"unix://{USER}:{PASSWORD}@{server.socket}?db=7")

    servers.run(ADD, [b"a"], [5])

    assert open_servers(server.url("7")).run(READ, [b"a"]) == b"5"


def test_a_lost_connection_is_opened_again(servers: Servers, server: RedisServer) -> None:
    servers.run(ADD, [b"a"], [1])

    server.client().client_kill_filter(_type="normal", skipme=True)

    assert servers.run(ADD, [b"a"], [1]) == 2


def test_all_idle_connections_are_dropped_with_the_first_lost_one(fake: Fake, open_servers: Open) -> None:
    """A server that was restarted has dropped them too, and there is one retry alone."""
    gate = Event()
    server = fake(EVALSHA=lambda _: gate.wait(PATIENCE))
    servers = open_servers(server.url)
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(servers.run, ADD, [b"a"]) for _ in range(3)]
        wait_until(lambda: len(server.commands) == 3)
        gate.set()
        for each in running:
            each.result()
    server.answers["EVALSHA"] = in_turn(HANG_UP, 7)

    assert servers.run(ADD, [b"a"]) == 7
    assert server.connections == 4


@pytest.mark.parametrize("answer", [HANG_UP, Failure("READONLY You can't write against a read only replica.")])
def test_one_server_is_asked_again_once(fake: Fake, open_servers: Open, answer: object) -> None:
    server = fake(EVALSHA=answer)

    with pytest.raises(StoreUnavailable):
        open_servers(server.url).run(ADD, [b"a"])

    assert server.commands.count("EVALSHA") == 2


@pytest.mark.parametrize("role", [[b"slave", b"127.0.0.1", 1, b"connected", 1], [b"sentinel", []], [], b"master", 5])
def test_a_server_that_is_no_primary_is_an_outage(fake: Fake, open_servers: Open, role: object) -> None:
    """A replica that is cut off from its primary answers without an error."""
    server = fake(EVALSHA=b"value", HGETALL=[], ROLE=role)
    servers = open_servers(server.url)

    with pytest.raises(StoreUnavailable, match="the server is a replica"):
        servers.run(READ, [b"a"])
    with pytest.raises(StoreUnavailable, match="the server is a replica"):
        servers.fetch([b"a"])


def test_a_server_that_is_a_primary_again_is_used(fake: Fake, open_servers: Open) -> None:
    server = fake(EVALSHA=b"value", ROLE=in_turn([b"slave"], [b"master", 0, []]))

    assert open_servers(server.url).run(READ, [b"a"]) == b"value"
    assert server.connections == 2


def test_a_user_who_may_not_ask_for_the_role_is_refused(fake: Fake, open_servers: Open) -> None:
    server = fake(EVALSHA=b"value", ROLE=Failure("NOPERM User has no permissions to run the 'role' command"))

    with pytest.raises(StoreUnavailable, match="init-db --acl"):
        open_servers(server.url).run(READ, [b"a"])


def test_a_server_that_loads_its_data_is_waited_for(fake: Fake, open_servers: Open) -> None:
    loading = Failure("LOADING Redis is loading the dataset in memory")
    server = fake(EVALSHA=in_turn(loading, loading, loading, loading, loading, loading, 1))

    assert open_servers(server.url).run(ADD, [b"a"]) == 1


def test_a_read_has_the_timeout_of_the_store(fake: Fake, open_servers: Open) -> None:
    servers = open_servers(fake(EVALSHA=SILENCE, HGETALL=SILENCE).url)
    servers.timeout = 0.02

    for call in (lambda: servers.run(READ, [b"a"]), lambda: servers.fetch([b"a"])):
        with pytest.raises(StoreUnavailable, match="not answered within the time limit"):
            call()


def test_reads_without_a_timeout_and_writes_have_the_limit_of_writes(
    fake: Fake, open_servers: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers_module, "LONGEST_WRITE", 0.02)
    servers = open_servers(fake(EVALSHA=SILENCE).url)

    for script in READ, ADD:
        with pytest.raises(StoreUnavailable, match="not answered within the time limit"):
            servers.run(script, [b"a"])


def test_a_call_can_have_a_limit_of_its_own(fake: Fake, open_servers: Open) -> None:
    servers = open_servers(fake(EVALSHA=SILENCE).url)

    for script in READ, ADD:
        with pytest.raises(StoreUnavailable, match="not answered within the time limit"):
            servers.run(script, [b"a"], longest=0.02)


def test_the_feed_has_a_connection_that_requests_do_not_take(fake: Fake, open_servers: Open) -> None:
    gate = Event()
    server = fake(EVALSHA=lambda command: gate.wait(PATIENCE) if command[3] == b"slow" else 1)
    servers = open_servers(server.url)
    with ThreadPoolExecutor(pools.FOR_REQUESTS) as pool:
        running = [pool.submit(servers.run, READ, [b"slow"]) for _ in range(pools.FOR_REQUESTS)]
        wait_until(lambda: len(server.commands) == pools.FOR_REQUESTS)

        with pytest.raises(StoreUnavailable, match="all 5 connections of this process to the server were in use"):
            servers.run(READ, [b"fast"], longest=0.01)
        assert servers.run(READ, [b"fast"], for_feed=True) == 1

        gate.set()
        assert [each.result() for each in running] == [b"OK"] * pools.FOR_REQUESTS


class Interruption(BaseException):
    """An exception that can come at any moment, as that of Ctrl-C, or of a timeout of gevent."""


def test_an_interrupted_read_closes_the_connection(
    fake: Fake, open_servers: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer may still come, and the next call would take it for its own."""
    server = fake(EVALSHA=lambda command: command[3])
    servers = open_servers(server.url)
    servers.run(ADD, [b"first"])

    def interrupt(*_: object) -> None:
        raise Interruption

    with monkeypatch.context() as patch:
        patch.setattr("flask_tokenauth.stores.redis.connecting.run_when_ready", interrupt)
        with pytest.raises(Interruption):
            servers.run(ADD, [b"second"])

    assert servers.run(ADD, [b"third"]) == b"third"
    assert server.connections == 2


def test_a_closed_store_opens_new_connections(fake: Fake, open_servers: Open) -> None:
    server = fake(EVALSHA=1)
    servers = open_servers(server.url)
    servers.run(ADD, [b"a"])

    servers.close()

    assert servers.run(ADD, [b"a"]) == 1
    assert server.connections == 2


def test_a_connection_that_comes_back_to_a_closed_store_is_closed(fake: Fake, open_servers: Open) -> None:
    gate = Event()
    server = fake(EVALSHA=lambda _: gate.wait(PATIENCE))
    servers = open_servers(server.url)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(servers.run, ADD, [b"a"])
        wait_until(lambda: bool(server.commands))

        servers.close()
        gate.set()
        running.result()

    servers.run(ADD, [b"a"])
    assert server.connections == 2


def test_a_forked_process_opens_connections_of_its_own(
    fake: Fake, open_servers: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fake(EVALSHA=1)
    servers = open_servers(server.url)
    servers.run(ADD, [b"a"])

    with monkeypatch.context() as patch:
        patch.setattr(process, "getpid", lambda: -1)
        servers.run(ADD, [b"a"])
        servers.close()
    servers.run(ADD, [b"a"])

    assert server.connections == 3


def test_a_client_for_each_primary_can_be_inspected(servers: Servers, server: RedisServer) -> None:
    assert servers.inspect(lambda client: client.config_get("port")) == [{"port": str(server.port)}]


def test_an_inspection_ends_with_an_outage_of_the_same_words(fake: Fake, open_servers: Open) -> None:
    server = fake(CONFIG=Failure("NOPERM this user has no permissions to run the 'config|get' command"))

    with pytest.raises(StoreUnavailable, match="the user may not run a command"):
        open_servers(server.url).inspect(lambda client: client.config_get("port"))


def test_a_client_of_an_inspection_opens_a_lost_connection_again(servers: Servers, server: RedisServer) -> None:
    def inspect(client: redis.Redis) -> bytes | None:
        client.set("a", "1")
        server.client().client_kill_filter(_type="normal", skipme=True)
        return client.get("a")  # type: ignore[return-value]

    assert servers.inspect(inspect) == [b"1"]


def test_a_value_that_is_no_utf_8_is_an_outage_that_does_not_repeat_it(servers: Servers) -> None:
    with pytest.raises(StoreUnavailable, match=r"^a value cannot be encoded as UTF-8$"):
        servers.run(ADD, [b"a"], ["\ud800"])
