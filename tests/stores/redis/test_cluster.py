"""Nodes of a cluster. They are fakes; see also the tests with real ones."""

from typing import Any

import pytest
from redis.crc import key_slot

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.redis.servers import Servers

from ...engines.server import LOCAL, find_port
from ..conftest import Limited
from .conftest import ADD, READ, Fake, Open
from .fake_server import HANG_UP, SILENCE, Failure, FakeServer, in_turn

pytestmark = pytest.mark.slow

LOW, HIGH = b"{2}", b"{0}"  # keys of the lower half of the slots, and of the upper one
HALF = 8192
NO_SCRIPT = Failure("NOSCRIPT No matching script.")


def slots_of(low: FakeServer, high: FakeServer) -> list[Any]:
    """Return the map of a cluster of two nodes, with a replica."""
    replica = [b"127.0.0.1", 1, b"id"]
    return [
        [0, HALF - 1, [b"", low.port, b"id"], replica],
        [HALF, 16383, [LOCAL.encode(), high.port, b"id", [b"hostname", b"x"]]],
    ]


def url_of(*nodes: FakeServer | int) -> str:
    return "redis+cluster://" + ",".join(f"{LOCAL}:{node if isinstance(node, int) else node.port}" for node in nodes)


def moved(node: FakeServer, kind: str = "MOVED", host: str = LOCAL) -> Failure:
    return Failure(f"{kind} 1 {host}:{node.port}")


class Nodes:
    """Two nodes of a cluster, and the object under test."""

    def __init__(self, fake: Fake, open_servers: Open) -> None:
        self.low, self.high = fake(EVALSHA=b"low"), fake(EVALSHA=b"high")
        self.set_map(slots_of(self.low, self.high))
        self.servers: Servers = open_servers(url_of(self.low))

    def set_map(self, slots: Any) -> None:
        """Let both nodes tell this map."""
        for node in (self.low, self.high):
            node.answers["CLUSTER"] = slots

    def maps(self) -> int:
        """Return how often the map was asked for."""
        return [*self.low.commands, *self.high.commands].count("CLUSTER")


@pytest.fixture
def nodes(fake: Fake, open_servers: Open) -> Nodes:
    return Nodes(fake, open_servers)


def test_the_keys_of_these_tests_lie_in_both_halves() -> None:
    assert key_slot(LOW) < HALF <= key_slot(HIGH)


def test_each_key_goes_to_its_node_and_the_map_is_asked_for_once(nodes: Nodes) -> None:
    assert [nodes.servers.run(READ, [key]) for key in (LOW, HIGH, LOW, HIGH)] == [b"low", b"high", b"low", b"high"]
    assert nodes.maps() == 1


def test_hashes_are_fetched_from_each_node_at_once(nodes: Nodes) -> None:
    for node in (nodes.low, nodes.high):
        node.answers["HGETALL"] = lambda command: [b"key", command[1]]

    assert nodes.servers.fetch([LOW, HIGH, LOW + b"2"]) == [{b"key": key} for key in (LOW, HIGH, LOW + b"2")]
    assert nodes.low.commands == ["CLUSTER", "HGETALL", "HGETALL", "ROLE"]
    assert nodes.high.commands == ["HGETALL", "ROLE"]


def test_replicas_are_never_told_to_answer_reads(nodes: Nodes) -> None:
    nodes.servers.run(READ, [LOW])

    assert "READONLY" not in nodes.low.commands


@pytest.mark.parametrize("script", [READ, ADD])
@pytest.mark.parametrize("host", [LOCAL, ""], ids=["with a host", "without"])
def test_a_key_that_has_moved_is_asked_for_at_its_new_node(nodes: Nodes, script: Any, host: str) -> None:
    nodes.low.answers["EVALSHA"] = moved(nodes.high, host=host)

    assert nodes.servers.run(script, [LOW]) == b"high"


def test_the_map_is_asked_for_after_a_move_at_the_node_that_has_the_key_now(nodes: Nodes) -> None:
    nodes.low.answers["EVALSHA"] = moved(nodes.high)
    nodes.servers.run(READ, [LOW])
    nodes.high.answers["CLUSTER"] = slots_of(nodes.high, nodes.high)

    assert [nodes.servers.run(READ, [LOW]) for _ in range(3)] == [b"high"] * 3
    assert nodes.low.commands.count("EVALSHA") == 1
    assert nodes.high.commands.count("CLUSTER") == 1


def test_a_key_that_is_moving_is_asked_for_at_the_other_node_for_this_call(nodes: Nodes) -> None:
    nodes.low.answers["EVALSHA"] = in_turn(moved(nodes.high, "ASK"), b"low")
    nodes.high.answers["ASKING"] = True

    assert [nodes.servers.run(READ, [LOW]) for _ in range(2)] == [b"high", b"low"]
    assert nodes.high.commands == ["ASKING", "EVALSHA", "ROLE"]
    assert nodes.maps() == 1


def test_a_node_that_is_asked_for_one_command_gets_a_script_that_it_does_not_know(nodes: Nodes) -> None:
    nodes.low.answers["EVALSHA"] = moved(nodes.high, "ASK")
    nodes.high.answers |= {"ASKING": True, "EVALSHA": NO_SCRIPT, "EVAL": b"high"}

    assert nodes.servers.run(READ, [LOW]) == b"high"
    assert nodes.high.commands == ["ASKING", "EVALSHA", "ROLE", "ASKING", "EVAL", "ROLE"]


@pytest.mark.parametrize(
    "answer",
    [
        Failure("TRYAGAIN Multiple keys request during rehashing of slot"),
        Failure("CLUSTERDOWN The cluster is down"),
        Failure("LOADING Redis is loading the dataset in memory"),
        Failure("MASTERDOWN Link with MASTER is down"),
        Failure("READONLY You can't write against a read only replica."),
        HANG_UP,
    ],
)
def test_a_passing_error_is_waited_for(nodes: Nodes, answer: object) -> None:
    nodes.low.answers["EVALSHA"] = in_turn(answer, answer, answer, b"low")

    assert nodes.servers.run(ADD, [LOW]) == b"low"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Failure("TRYAGAIN Multiple keys request during rehashing of slot"), "the cluster moves a slot"),
        (Failure("CLUSTERDOWN The cluster is down"), "look at CLUSTER INFO"),
        (HANG_UP, "the connection was lost"),
    ],
)
def test_a_passing_error_that_lasts_ends_with_the_limit(nodes: Nodes, answer: object, message: str) -> None:
    nodes.low.answers["EVALSHA"] = answer

    with pytest.raises(StoreUnavailable, match=message):
        nodes.servers.run(READ, [LOW], longest=0.3)


def test_nodes_that_send_each_other_the_key_are_an_outage(nodes: Nodes) -> None:
    nodes.low.answers["EVALSHA"] = moved(nodes.high)
    nodes.high.answers["EVALSHA"] = moved(nodes.low)

    with pytest.raises(StoreUnavailable, match="do not agree"):
        nodes.servers.run(READ, [LOW], longest=0.3)


def test_a_hash_that_has_moved_is_fetched_from_its_new_node(nodes: Nodes) -> None:
    nodes.low.answers["HGETALL"] = lambda command: [b"a", b"1"] if command[1] == LOW else moved(nodes.high)
    nodes.high.answers["HGETALL"] = [b"b", b"2"]

    assert nodes.servers.fetch([LOW, LOW + b"2", HIGH]) == [{b"a": b"1"}, {b"b": b"2"}, {b"b": b"2"}]


def test_the_map_is_asked_for_after_a_node_was_lost(nodes: Nodes) -> None:
    """The replica has taken over."""
    nodes.servers.run(READ, [LOW])
    nodes.low.answers["EVALSHA"] = HANG_UP
    nodes.high.answers["CLUSTER"] = slots_of(nodes.high, nodes.high)

    assert nodes.servers.run(READ, [LOW]) == b"high"


@pytest.mark.parametrize("kind", ["HGETALL", "ROLE"])
def test_hashes_of_a_lost_node_are_fetched_from_its_successor(nodes: Nodes, kind: str) -> None:
    nodes.low.answers |= {"HGETALL": [], "ROLE": [b"slave"]} if kind == "ROLE" else {"HGETALL": HANG_UP}
    nodes.high.answers |= {"HGETALL": [b"a", b"1"], "CLUSTER": slots_of(nodes.high, nodes.high)}

    assert nodes.servers.fetch([LOW, HIGH]) == [{b"a": b"1"}, {b"a": b"1"}]


def test_a_node_that_hangs_leaves_time_for_its_successor(nodes: Nodes, limited: Limited) -> None:
    nodes.servers.run(READ, [LOW])
    nodes.low.answers["EVALSHA"] = SILENCE
    nodes.high.answers["CLUSTER"] = slots_of(nodes.high, nodes.high)

    assert limited(lambda: nodes.servers.run(READ, [LOW]), seconds=1) == b"high"


def test_a_dead_node_costs_the_keys_of_other_nodes_nothing(nodes: Nodes, limited: Limited) -> None:
    nodes.servers.run(READ, [LOW])
    nodes.low.answers = {"EVALSHA": SILENCE, "CLUSTER": SILENCE}
    with pytest.raises(StoreUnavailable):
        limited(lambda: nodes.servers.run(READ, [LOW]), seconds=0.05)
    maps = nodes.maps()

    assert nodes.servers.run(READ, [HIGH]) == b"high"
    assert nodes.maps() == maps


def test_the_map_is_asked_for_at_suspects_last(nodes: Nodes) -> None:
    nodes.servers.run(READ, [LOW])
    nodes.low.answers["EVALSHA"] = in_turn(HANG_UP, b"low")

    assert nodes.servers.run(READ, [LOW]) == b"low"
    assert nodes.high.commands == ["CLUSTER"]


def test_a_node_that_is_known_is_used_if_no_node_tells_the_map(nodes: Nodes) -> None:
    nodes.servers.run(READ, [LOW])
    nodes.set_map(HANG_UP)
    nodes.low.answers["EVALSHA"] = in_turn(HANG_UP, b"low")

    assert nodes.servers.run(READ, [LOW]) == b"low"


@pytest.mark.parametrize(
    "answer",
    [HANG_UP, None, [], 5, [[0]], [[0, 1]], [[0, 1, [b"x"]]], [[0, 1, [b"x", b"y"]]], [[b"a", 1, [b"x", 1]]]],
)
def test_a_node_without_a_map_is_left_out(fake: Fake, open_servers: Open, answer: object) -> None:
    good = fake(EVALSHA=b"good")
    good.answers["CLUSTER"] = slots_of(good, good)

    assert open_servers(url_of(find_port(), fake(CLUSTER=answer), good)).run(READ, [LOW]) == b"good"


def test_a_cluster_without_a_node_that_answers_is_an_outage(open_servers: Open) -> None:
    servers = open_servers(url_of(find_port(), find_port()))

    with pytest.raises(StoreUnavailable, match=r"no node of the cluster has told .* the connection was refused"):
        servers.run(READ, [LOW], longest=0.1)
    with pytest.raises(StoreUnavailable, match="the connection was refused"):
        servers.inspect(lambda client: client.ping())


def test_a_server_that_is_no_cluster_is_an_outage_at_once(fake: Fake, open_servers: Open) -> None:
    server = fake(CLUSTER=Failure("ERR This instance has cluster support disabled"))

    with pytest.raises(StoreUnavailable, match="write redis:// in the URL"):
        open_servers(url_of(server)).run(ADD, [LOW])

    assert server.commands == ["CLUSTER"]


def test_a_slot_without_a_node_is_waited_for(nodes: Nodes) -> None:
    whole = slots_of(nodes.low, nodes.high)
    nodes.low.answers["CLUSTER"] = in_turn(whole[1:], whole[1:], whole)

    assert nodes.servers.run(ADD, [LOW]) == b"low"


def test_a_slot_that_stays_without_a_node_is_an_outage(nodes: Nodes) -> None:
    nodes.set_map(slots_of(nodes.low, nodes.high)[1:])

    with pytest.raises(StoreUnavailable, match="no node of the cluster has the slot"):
        nodes.servers.run(READ, [LOW], longest=0.3)


def test_all_nodes_can_be_inspected(nodes: Nodes) -> None:
    for node, name in ((nodes.low, b"low"), (nodes.high, b"high")):
        node.answers["ECHO"] = name

    assert sorted(nodes.servers.inspect(lambda client: client.echo("x"))) == [b"high", b"low"]
