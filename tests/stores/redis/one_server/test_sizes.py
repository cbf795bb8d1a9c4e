"""Users with thousands of sessions: no step asks for so much that the server fails, or that others wait for it."""

import time
from typing import Any

import pytest

from flask_tokenauth.stores.redis import RedisStore
from flask_tokenauth.stores.redis.servers import Servers
from flask_tokenauth.stores.redis.shared_scripts import REVOKE_FOR
from flask_tokenauth.testing.store_contract.kit import RETENTION, add_key, id_for, list_all, list_keys, start

from ....engines.redis import RedisServer

pytestmark = [pytest.mark.once, pytest.mark.slow]

MANY = 9000  # Lua unpacks fewer than 8000 values
COPIES = 3000  # sessions: more than one step may have
MOST_AT_ONCE = 2000  # arguments of a script, and keys of one read


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of arguments of scripts, and of keys of reads."""
    sizes: list[int] = []
    run, fetch = Servers.run, Servers.fetch

    def noting_run(self: Servers, script: Any, keys: Any, arguments: Any = (), **options: Any) -> Any:
        sizes.append(len(arguments))
        return run(self, script, keys, arguments, **options)

    def noting_fetch(self: Servers, keys: Any) -> Any:
        sizes.append(len(keys))
        return fetch(self, keys)

    monkeypatch.setattr(Servers, "run", noting_run)
    monkeypatch.setattr(Servers, "fetch", noting_fetch)
    return sizes


def copy_session(server: RedisServer, number: int, **changes: object) -> list[str]:
    """Add copies of the session with the ID "session", which are older, and return their IDs."""
    value = server.ask("DUMP", "tokenauth:session:session")
    names = [f"copy{index}" for index in range(number)]
    pipe: Any
    with server.client().pipeline() as pipe:
        for index, name in enumerate(names):
            pipe.execute_command("RESTORE", f"tokenauth:session:{name}", 0, value)
            for field, wanted in changes.items():
                pipe.execute_command("HSET", f"tokenauth:session:{name}", field, wanted)
            pipe.execute_command("ZADD", "tokenauth:sessions:alice", index + 1, name)
        pipe.execute()
    return names


def test_a_sign_in_cleans_the_list_of_a_user_with_thousands_of_sessions_that_are_over(
    server: RedisServer, store: RedisStore, sizes: list[int]
) -> None:
    server.ask("ZADD", "tokenauth:sessions:alice", *(word for index in range(MANY) for word in (index, f"gone{index}")))

    start(store, most=5000)

    assert server.ask("ZCARD", "tokenauth:sessions:alice") == 1
    assert max(sizes) <= MOST_AT_ONCE


def test_a_sign_in_completes_the_ends_of_thousands_of_sessions(
    server: RedisServer, store: RedisStore, sizes: list[int]
) -> None:
    start(store)
    copy_session(server, COPIES, ended_at=server.ask("HGET", "tokenauth:session:session", "started_at"))

    start(store, "new", most=2000)

    assert server.ask("ZCOUNT", "{tokenauth}:live", "-inf", int(time.time() * 2000)) == COPIES
    assert {session.session_id for session in list_all(store)} == {"session", "new"}
    assert max(sizes) <= MOST_AT_ONCE


def test_a_step_writes_few_revocations_since_each_takes_long(
    server: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(store)
    copy_session(server, COPIES, ended_at=server.ask("HGET", "tokenauth:session:session", "started_at"))
    written: list[int] = []
    run = Servers.run

    def noting_run(self: Servers, script: Any, keys: Any, arguments: Any = (), **options: Any) -> Any:
        if script is REVOKE_FOR:
            written.append(len(arguments) // 2 - 1)  # beside the retention, the mark and the ID of the store
        return run(self, script, keys, arguments, **options)

    monkeypatch.setattr(Servers, "run", noting_run)
    start(store, "new", most=2000)

    assert sum(written) == COPIES
    assert max(written) == 100


def test_a_sign_in_of_a_user_with_thousands_of_sessions_ends_those_that_were_idle_longest(
    server: RedisServer, store: RedisStore, sizes: list[int]
) -> None:
    start(store)
    names = copy_session(server, COPIES, started_at=5)
    server.ask("HSET", "tokenauth:session:copy7", "started_at", 3)

    ended = start(store, "new", most=COPIES + 1).displaced

    assert ended == ("copy7",)
    assert len(names) == COPIES
    assert max(sizes) <= MOST_AT_ONCE


def test_the_sessions_of_a_user_with_thousands_come_in_pages(
    server: RedisServer, store: RedisStore, sizes: list[int]
) -> None:
    start(store)
    names = copy_session(server, 1000)

    found = [session.session_id for session in list_all(store, limit=100)]

    assert found == ["session", *reversed(names)]
    assert max(sizes) <= 150


def test_sessions_with_one_number_come_in_pages(server: RedisServer, store: RedisStore) -> None:
    """The store gives rising numbers, but another program may write to the list. One look takes fewer."""
    start(store)
    names = ["session", *copy_session(server, 100)]
    server.ask("ZADD", "tokenauth:sessions:alice", *(word for name in names for word in (5, name)))

    found = [session.session_id for session in list_all(store, limit=10)]

    assert sorted(found) == sorted(names)


def test_a_list_of_api_keys_with_thousands_that_are_over_is_cleaned(
    server: RedisServer, store: RedisStore, sizes: list[int]
) -> None:
    server.ask("ZADD", "tokenauth:api_keys:alice", *(word for index in range(MANY) for word in (index, f"gone{index}")))

    added = add_key(store, most=10)

    assert added is not None
    assert server.ask("ZCARD", "tokenauth:api_keys:alice") == 1
    assert list_keys(store) == [id_for("key")]
    assert max(sizes) <= MOST_AT_ONCE


def test_a_purge_drops_thousands_of_revocations(server: RedisServer, store: RedisStore, sizes: list[int]) -> None:
    store.revoke_user("bob", retention=RETENTION, api_keys=False)
    server.ask("ZADD", "{tokenauth}:live", *(word for index in range(MANY) for word in (index, f"tgone{index}")))

    assert store.purge() == MANY
    assert server.ask("ZCOUNT", "{tokenauth}:live", "-inf", int(time.time() * 2000)) == 1
    assert max(sizes) <= MOST_AT_ONCE
