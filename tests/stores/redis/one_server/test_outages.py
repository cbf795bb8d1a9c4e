"""What stops a server is an outage with a sentence of its own, and all is well when it is over."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import pytest
from redis.exceptions import ResponseError

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.session import Outcome
from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.testing.store_contract.kit import (
    RETENTION,
    is_live,
    is_revoked,
    list_all,
    outcome,
    start,
)
from flask_tokenauth.testing.store_contract.revocation_pages import Reader

from ....engines.redis import RedisServer
from ....engines.server import LOCAL, PASSWORD, USER
from ....waiting import wait_until
from ...calls import READS, WRITES
from .conftest import bind

pytestmark = [pytest.mark.once, pytest.mark.slow]

Calls = dict[str, Callable[[Any], object]]
CALLS: Calls = {**READS, **WRITES}
WRITING: Calls = {name: WRITES[name] for name in ("start_session", "end_session", "redeem", "revoke_user", "spend")}
SLOW = "local i = 0 while true do i = i + 1 end"


@pytest.fixture
def store(store: RedisStore) -> RedisStore:
    """A store with a session."""
    start(store)
    return store


def raised_by(store: RedisStore, calls: Calls) -> set[str]:
    """Return the messages of calls, all of which must fail."""
    messages = set()
    for call in calls.values():
        with pytest.raises(StoreUnavailable) as caught:
            call(store)
        messages.add(str(caught.value))
    return messages


def check_all_well(store: RedisStore) -> None:
    """Check that a session can be refreshed and ended, and another one started."""
    assert outcome(store) is Outcome.SWAPPED
    start(store, "after")
    assert store.end_session("session", retention=RETENTION) is not None
    assert is_revoked(store)
    assert [session.session_id for session in list_all(store)] == ["after"]


def test_a_slow_script_elsewhere_is_an_outage_with_its_sentence(server: RedisServer, store: RedisStore) -> None:
    server.ask("CONFIG", "SET", "lua-time-limit", 20)
    with ThreadPoolExecutor(1) as pool, server.connect() as other:
        running = pool.submit(other.execute_command, "EVAL", SLOW, 0)
        wait_until(lambda: is_busy(server))
        messages = raised_by(store, CALLS)
        server.ask("SCRIPT", "KILL")
        with suppress(ResponseError):  # it was killed
            running.result()

    assert messages == {"the server is busy with a slow script: find out what runs it, and end it with SCRIPT KILL"}
    check_all_well(store)


def is_busy(server: RedisServer) -> bool:
    try:
        answer = server.ask("GET", "x")
    except ResponseError as error:
        answer = str(error)
    return "BUSY" in str(answer)


def test_a_full_memory_is_an_outage_of_writes(server: RedisServer, store: RedisStore) -> None:
    server.ask("CONFIG", "SET", "maxmemory", 1)

    messages = raised_by(store, WRITING)

    assert messages == {"the memory of the server is full: raise its maxmemory, or give it more memory"}
    assert is_live(store)
    server.ask("CONFIG", "SET", "maxmemory", 0)
    check_all_well(store)


@pytest.mark.parametrize("generation", [0, 3])
def test_a_memory_that_fills_up_in_the_middle_of_a_call_leaves_what_a_repeat_completes(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch, generation: int
) -> None:
    server.ask("HSET", "tokenauth:session:session", "generation", 3)
    mark = store._sessions._mark_as_ended

    def mark_and_fill(*arguments: Any) -> Any:
        marked = mark(*arguments)
        server.ask("CONFIG", "SET", "maxmemory", 1)
        return marked

    with monkeypatch.context() as patch:
        patch.setattr(store._sessions, "_mark_as_ended", mark_and_fill)
        with pytest.raises(StoreUnavailable, match="memory of the server is full"):
            store.end_session("session", retention=RETENTION)
    server.ask("CONFIG", "SET", "maxmemory", 0)

    assert outcome(store, generation) is Outcome.GONE
    assert is_revoked(store)


def test_a_server_without_enough_replicas_refuses_writes(server: RedisServer, store: RedisStore) -> None:
    server.ask("CONFIG", "SET", "min-replicas-to-write", 1)

    messages = raised_by(store, WRITING)

    assert messages == {
        "too few replicas follow the server, and min-replicas-to-write makes it refuse writes: start them"
    }
    server.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    check_all_well(store)


def test_a_server_that_has_become_a_replica_is_an_outage(server: RedisServer, store: RedisStore) -> None:
    server.ask("REPLICAOF", LOCAL, 1)  # nobody listens there
    try:
        messages = raised_by(store, CALLS)
    finally:
        server.replicaof(None)

    assert all("replica" in message and "connect to the primary" in message for message in messages)
    check_all_well(store)


def test_a_wrong_password_is_an_outage_that_does_not_show_it(server: RedisServer) -> None:
    with closing(RedisStore(server.url().replace(PASSWORD, "wrong-password"))) as store:
        messages = raised_by(store, CALLS)

    assert len(messages) == 1
    assert "refuses the user or the password" in next(iter(messages))
    assert "wrong-password" not in next(iter(messages))


def test_a_password_that_is_changed_is_an_outage_of_new_connections(server: RedisServer, store: RedisStore) -> None:
    server.ask("ACL", "SETUSER", USER, "resetpass", ">another")
    try:
        server.ask("CLIENT", "KILL", "USER", USER)
        messages = raised_by(store, CALLS)
    finally:
        server.ask("ACL", "SETUSER", USER, "resetpass", f">{PASSWORD}")

    assert all("refuses the user or the password" in message for message in messages)
    check_all_well(store)


@pytest.fixture
def restricted(server: RedisServer, store: RedisStore) -> Iterator[Callable[..., RedisStore]]:
    """Return a function that opens the store as a user with some rights."""
    opened: list[RedisStore] = []

    def open_as(*rights: str) -> RedisStore:
        server.ask("ACL", "SETUSER", "poor", "reset", "on", f">{PASSWORD}", *rights)
        opened.append(bind(RedisStore(server.url().replace(f"{USER}:", "poor:"))))
        return opened[-1]

    yield open_as
    for each in opened:
        each.close()
    server.ask("ACL", "DELUSER", "poor")


@pytest.mark.parametrize(
    "rights",
    [
        ["~*"],
        ["~other:*", "+@all"],
        ["~*", "+@all", "-role"],
        ["~*", "+@all", "-hset", "-hsetnx", "-hget", "-hmget"],
        ["~{tokenauth}:*", "+@all"],
    ],
    ids=["no command", "other keys", "no role", "no hashes", "shared keys alone"],
)
def test_a_user_without_rights_is_an_outage_that_names_them(
    restricted: Callable[..., RedisStore], rights: list[str]
) -> None:
    store = restricted(*rights)

    with pytest.raises(StoreUnavailable, match="the user may not run a command, or not on these keys"):
        store.find_session("session")


def test_rights_that_are_taken_in_the_middle_leave_what_a_repeat_completes(
    server: RedisServer, restricted: Callable[..., RedisStore], store: RedisStore
) -> None:
    poor = restricted("~*", "+@all", "-xadd")
    reader = Reader(store)
    reader.fetch()

    with pytest.raises(StoreUnavailable, match="the user may not run a command"):
        poor.end_session("session", retention=RETENTION)
    assert not is_live(store)

    store.end_session("session", retention=RETENTION)
    assert is_revoked(store)
    assert reader.fetch() == {("session", "session")}
    assert "session" in {entry.subject for entry in store.revocations_since(None).entries}
