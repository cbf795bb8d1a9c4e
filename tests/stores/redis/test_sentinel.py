"""A primary that sentinels name. The sentinels and servers are fakes; see also the tests with real ones."""

from typing import Any

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.redis import sentinel as sentinel_module
from flask_tokenauth.stores.redis.servers import Servers

from ...engines.server import LOCAL, find_port
from ..conftest import Limited
from .conftest import ADD, READ, Fake, Open
from .fake_server import HANG_UP, SILENCE, Failure, FakeServer, in_turn, noted

pytestmark = pytest.mark.slow

SLAVE = [b"slave", b"127.0.0.1", 1, b"connected", 1]


def naming(*servers: FakeServer) -> Any:
    """Return the answer of a sentinel that names these primaries, one after the other."""
    return in_turn(*([LOCAL.encode(), str(server.port).encode()] for server in servers))


def url_of(*sentinels: FakeServer | int, rest: str = "/main") -> str:
    ports = [each if isinstance(each, int) else each.port for each in sentinels]
    return "redis+sentinel://" + ",".join(f"{LOCAL}:{port}" for port in ports) + rest


def test_the_primary_is_asked_for_once(fake: Fake, open_servers: Open) -> None:
    primary = fake(EVALSHA=1)
    sentinel = fake(SENTINEL=naming(primary))
    servers = open_servers(url_of(sentinel))

    assert [servers.run(READ, [b"a"]) for _ in range(3)] == [1, 1, 1]
    assert sentinel.commands == ["SENTINEL"]


def test_the_sentinels_and_the_primary_have_passwords_of_their_own(fake: Fake, open_servers: Open) -> None:
    asked: list[list[bytes]] = []
    primary = fake(EVALSHA=1, AUTH=noted(asked, b"OK"), SELECT=True)
    sentinel = fake(SENTINEL=naming(primary), AUTH=noted(asked, b"OK"))
    url = url_of(sentinel, rest="/main/3?sentinel_username=guard&sentinel_password=two").replace("//", "//user:one@", 1)

    assert open_servers(url).run(READ, [b"a"]) == 1
    assert asked == [[b"AUTH", b"guard", b"two"], [b"AUTH", b"user", b"one"]]
    assert "SELECT" not in sentinel.commands


@pytest.mark.parametrize("answer", [None, [], [b"one"], b"12", [b"127.0.0.1", b"x"], [1, 2], HANG_UP])
def test_a_sentinel_without_an_answer_is_left_out(fake: Fake, open_servers: Open, answer: object) -> None:
    primary = fake(EVALSHA=1)
    broken, good = fake(SENTINEL=answer), fake(SENTINEL=naming(primary))

    assert open_servers(url_of(find_port(), broken, good)).run(READ, [b"a"]) == 1


def test_a_sentinel_that_never_answers_leaves_time_for_the_others(
    limited: Limited, fake: Fake, open_servers: Open
) -> None:
    primary = fake(EVALSHA=1)
    dead, good = fake(SENTINEL=SILENCE), fake(SENTINEL=naming(primary))
    servers = open_servers(url_of(dead, good))

    assert limited(lambda: servers.run(READ, [b"a"]), seconds=1) == 1


def test_the_sentinel_that_has_answered_is_asked_first_the_next_time(fake: Fake, open_servers: Open) -> None:
    old, new = fake(EVALSHA=in_turn(1, HANG_UP)), fake(EVALSHA=2)
    dead, good = fake(SENTINEL=HANG_UP), fake(SENTINEL=naming(old, new))
    servers = open_servers(url_of(dead, good))
    servers.run(ADD, [b"a"])
    asked = len(dead.commands)
    servers._connections.get().topology._next_question = 0.0  # type: ignore[attr-defined]

    servers.run(READ, [b"a"])

    assert len(dead.commands) == asked


@pytest.mark.parametrize("refusal", [HANG_UP, Failure("READONLY You can't write against a read only replica.")])
def test_the_primary_is_looked_for_again_after_an_error(fake: Fake, open_servers: Open, refusal: object) -> None:
    old, new = fake(EVALSHA=in_turn(1, refusal)), fake(EVALSHA=2)
    servers = open_servers(url_of(fake(SENTINEL=naming(old, new))))
    servers.run(ADD, [b"a"])

    assert servers.run(ADD, [b"a"]) == 2


def test_a_primary_that_has_become_a_replica_is_left(fake: Fake, open_servers: Open) -> None:
    old, new = fake(EVALSHA=1, ROLE=in_turn([b"master"], SLAVE), HGETALL=[]), fake(EVALSHA=2, HGETALL=[b"a", b"b"])
    servers = open_servers(url_of(fake(SENTINEL=naming(old, new))))
    servers.run(READ, [b"a"])

    assert servers.fetch([b"a"]) == [{b"a": b"b"}]
    assert servers.run(READ, [b"a"]) == 2


def test_another_sentinel_is_asked_if_the_first_names_an_old_primary(fake: Fake, open_servers: Open) -> None:
    old, new = fake(EVALSHA=1, ROLE=SLAVE), fake(EVALSHA=2)
    cut_off, good = fake(SENTINEL=naming(old)), fake(SENTINEL=naming(new))

    assert open_servers(url_of(cut_off, good)).run(READ, [b"a"]) == 2


def test_a_write_waits_for_a_failover(fake: Fake, open_servers: Open) -> None:
    old, new = fake(EVALSHA=HANG_UP), fake(EVALSHA=2)
    servers = open_servers(url_of(fake(SENTINEL=naming(old, old, old, old, old, new))))

    assert servers.run(ADD, [b"a"]) == 2


def test_an_old_primary_that_still_runs_is_left_after_a_while(
    fake: Fake, open_servers: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes writes and says that it is a primary, until Sentinel demotes it."""
    old, new = fake(EVALSHA=1), fake(EVALSHA=2)
    servers = open_servers(url_of(fake(SENTINEL=naming(old, new))))
    now = [1000.0]
    monkeypatch.setattr("flask_tokenauth.stores.redis.sentinel.time.perf_counter", lambda: now[0])
    found = []

    for after in (0.0, sentinel_module.LONGEST_TRUST - 0.001, 0.001):
        now[0] += after
        found.append(find_place(servers))

    assert found == [old.place, old.place, new.place]


def find_place(servers: Servers) -> Any:
    [place] = servers._connections.get().topology.primaries()
    return place


def test_a_primary_that_works_is_used_on_if_no_sentinel_answers(fake: Fake, open_servers: Open) -> None:
    primary = fake(EVALSHA=1)
    servers = open_servers(url_of(fake(SENTINEL=in_turn(naming(primary), HANG_UP))))
    servers.run(READ, [b"a"])
    topology: Any = servers._connections.get().topology
    topology._next_question = 0.0

    assert servers.run(READ, [b"a"]) == 1


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (None, "has answered, but does not know it"),
        (HANG_UP, "the connection was lost"),
        (Failure("NOAUTH Authentication required."), "it asks for a password: add .sentinel_username=USER&sent"),
        (Failure("WRONGPASS invalid username-password pair"), "it refuses .* sentinel_username and sentinel_password"),
        (Failure("ERR unknown command 'SENTINEL'"), "it is no sentinel"),
        (Failure("NOPERM this user has no permissions to run 'sentinel'"), "its user may not ask .* second command"),
    ],
)
def test_an_outage_says_why_no_sentinel_has_named_a_primary(
    fake: Fake, open_servers: Open, answer: object, advice: str
) -> None:
    servers = open_servers(url_of(fake(SENTINEL=answer), fake(SENTINEL=SILENCE)))

    with pytest.raises(StoreUnavailable, match=f"no sentinel has named a primary.* {advice}"):
        servers.run(READ, [b"a"], longest=0.2)


def test_an_unknown_name_is_not_asked_for_again(fake: Fake, open_servers: Open) -> None:
    sentinel = fake(SENTINEL=None)

    with pytest.raises(StoreUnavailable, match="does not know it"):
        open_servers(url_of(sentinel)).run(ADD, [b"a"])

    assert sentinel.commands == ["SENTINEL"]


@pytest.mark.parametrize("kind", ["MOVED", "ASK"])
def test_a_node_of_a_cluster_is_not_used_behind_sentinel(fake: Fake, open_servers: Open, kind: str) -> None:
    primary = fake(EVALSHA=Failure(f"{kind} 1 127.0.0.1:1"))

    with pytest.raises(StoreUnavailable, match=r"write redis\+cluster"):
        open_servers(url_of(fake(SENTINEL=naming(primary)))).run(READ, [b"a"])


def test_a_suspicion_against_an_earlier_primary_changes_nothing(fake: Fake, open_servers: Open) -> None:
    primary = fake(EVALSHA=1)
    sentinel = fake(SENTINEL=naming(primary))
    servers = open_servers(url_of(sentinel))
    servers.run(READ, [b"a"])

    servers._connections.get().topology.suspect((LOCAL, 1))
    servers.run(READ, [b"a"])

    assert sentinel.commands == ["SENTINEL"]


@pytest.mark.parametrize(("acknowledged", "enough"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_write_counts_when_enough_replicas_have_acknowledged_it(
    fake: Fake, open_servers: Open, *, acknowledged: int, enough: bool
) -> None:
    asked: list[list[bytes]] = []
    server = fake(EVAL=b"done", WAIT=noted(asked, acknowledged))
    servers = open_servers(f"{server.url}?wait=2")

    if enough:
        assert servers.run(ADD, [b"a"], longest=10) == b"done"
    else:
        with pytest.raises(StoreUnavailable, match=f"keeps the write, but {acknowledged} of 2 replicas"):
            servers.run(ADD, [b"a"], longest=10)

    [(_, number, milliseconds)] = asked
    assert number == b"2"
    assert 0 < int(milliseconds) <= 8000


def test_replicas_have_a_millisecond_at_least(fake: Fake, open_servers: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 would mean to wait for ever."""
    asked: list[list[bytes]] = []
    server = fake(EVAL=1, WAIT=noted(asked, 1))
    monkeypatch.setattr("flask_tokenauth.stores.redis.servers.remaining", lambda: 0.0)

    open_servers(f"{server.url}?wait=1").run(ADD, [b"a"])

    assert asked == [[b"WAIT", b"1", b"1"]]


def test_a_read_waits_for_no_replica(fake: Fake, open_servers: Open) -> None:
    server = fake(EVALSHA=1)

    open_servers(f"{server.url}?wait=2").run(READ, [b"a"])

    assert server.commands == ["EVALSHA", "ROLE"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"EVAL": Failure("OOM command not allowed"), "WAIT": 1}, "memory of the server is full"),
        ({"EVAL": 1, "WAIT": b"1"}, "the answer is none of Redis"),
        ({"EVAL": 1, "WAIT": Failure("NOPERM this user has no permissions to run 'wait'")}, "may not run a command"),
    ],
)
def test_an_error_of_a_script_or_of_the_wait_is_an_outage(
    fake: Fake, open_servers: Open, answers: dict[str, Any], message: str
) -> None:
    server = fake(**answers)

    with pytest.raises(StoreUnavailable, match=message):
        open_servers(f"{server.url}?wait=1").run(ADD, [b"a"])


def test_the_silence_of_a_sentinel_ends_with_the_limit(limited: Limited, fake: Fake, open_servers: Open) -> None:
    servers = open_servers(url_of(fake(SENTINEL=SILENCE), fake(SENTINEL=SILENCE)))

    with pytest.raises(StoreUnavailable, match="no sentinel has named a primary"):
        limited(lambda: servers.run(ADD, [b"a"]), seconds=0.1)
