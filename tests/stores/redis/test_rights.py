"""The rights that a user of Redis or Valkey needs, and the errors if one is missing."""

import re
from datetime import timedelta
from typing import Any, cast

import pytest

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.core.records.revocation import Revocation
from flask_tokenauth.stores.redis import RedisStore, record_scripts, script, shared_scripts
from flask_tokenauth.stores.redis.layout import member_of
from flask_tokenauth.stores.redis.places import Login, Source
from flask_tokenauth.stores.redis.rights import (
    FOR_WAIT,
    FOR_WAIT_SINCE_7,
    IN_CLUSTERS,
    IN_SCRIPTS,
    OF_CONNECTIONS,
    ON_SENTINELS,
    list_rights,
)
from flask_tokenauth.stores.redis.source import read_source
from flask_tokenauth.testing.store_contract import kit as contract

from ...engines.cluster import Cluster
from ...engines.redis import RedisServer
from ...engines.sentinels import Sentinels
from ...engines.server import LOCAL, PASSWORD
from ..calls import DAY, READS, WRITES
from . import kit
from .rights_kit import ENGINES, GUEST, grant, opened, url_of_guest

SERVER = Source(kind="server", places=((LOCAL, 6379),))


def use(store: RedisStore) -> None:
    """Call each method, with records that are there and with others, so that each command of the scripts runs."""
    for number in range(3):
        contract.start(store, f"s{number}", most=1)
    for call in (READS | WRITES).values():
        call(cast("Any", store))
    contract.add_key(store, "forever", lifetime=None)
    store.revoke(Revocation(kind="user", subject="bob", value=1, expires_at=1))  # so old that it is deleted at once
    page = store.revocations_since(None)
    score = page.entries[0].expires_at - 2 * DAY // timedelta(milliseconds=1)
    last = f"{score} {member_of(page.entries[0].kind, page.entries[0].subject)}"
    for cursor in page.cursor, f"{page.cursor} {last}":  # for new revocations, and for another page of the first load
        store.revocations_since(cursor)
    store.purge(force=True)
    assert store.inspection.is_new() is False


def refused(server: RedisServer) -> set[str]:
    """Return what the server has refused to the guest, and forget it."""
    found = {dict(zip(entry[::2], entry[1::2], strict=True))[b"object"].decode() for entry in server.ask("ACL", "LOG")}
    server.ask("ACL", "LOG", "RESET")
    return found


def rights_in(command: str) -> set[str]:
    return {word[1:] for word in command.split() if word.startswith("+")}


def test_the_list_for_scripts_has_each_command_that_a_script_calls_and_no_other() -> None:
    """One of them is for writes that wait for replicas, and needs more commands than the others."""
    modules = (script, shared_scripts, record_scripts)
    values = [value for module in modules for value in vars(module).values()]
    texts = [value.text for value in values if isinstance(value, script.Script)]
    called = {name.lower() for text in texts for name in re.findall(r"redis\.\w+\(\s*'(\w+)'", text)}

    assert called == {*IN_SCRIPTS, *FOR_WAIT_SINCE_7, *FOR_WAIT} - {"wait"}
    assert sum(text.count("redis.") for text in texts) == sum(
        len(re.findall(r"redis\.p?call\('[A-Z]+'", text)) for text in texts
    )


def test_the_command_takes_all_other_rights_first() -> None:
    [(place, command)] = list_rights(SERVER, "shop", "reporting")

    assert place == "the server"
    assert command.startswith(
        "ACL SETUSER reporting reset on >PASSWORD resetchannels ~{shop}:* ~shop:* -@all +del +eval +evalsha +exists "
    )
    assert rights_in(command) == {*IN_SCRIPTS, *OF_CONNECTIONS}


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("redis://h/0", set()),
        ("redis://h/1", {"select"}),
        ("redis://h/?wait=1", set(FOR_WAIT)),
        ("redis+cluster://h", set(IN_CLUSTERS)),
        ("redis+sentinel://h/NAME", set()),
        ("redis+sentinel://h/NAME/1?wait=1", {"select", *FOR_WAIT}),
    ],
)
def test_a_right_that_the_url_does_not_need_is_not_given(url: str, more: set[str]) -> None:
    command = list_rights(read_source(url), "tokenauth", GUEST)[0].command

    assert rights_in(command) - {*IN_SCRIPTS, *OF_CONNECTIONS} == more


def test_a_client_object_with_a_name_may_give_it() -> None:
    source = Source(kind="server", places=SERVER.places, login=Login(client_name="reporting"))

    assert "client|setname" in rights_in(list_rights(source, "tokenauth", GUEST)[0].command)


def test_sentinels_have_a_command_of_their_own() -> None:
    servers, sentinels = list_rights(read_source("redis+sentinel://h/NAME"), "tokenauth", GUEST)

    assert (servers.place, sentinels.place) == ("the primary and each replica", "each sentinel")
    assert sentinels.command == (
        "ACL SETUSER guest reset on >PASSWORD resetchannels -@all +sentinel|get-master-addr-by-name"
    )
    assert rights_in(sentinels.command) == set(ON_SENTINELS)


@pytest.mark.parametrize("name", ["a", "!" * 255, "alice@example.com"])
def test_a_name_of_one_word_is_a_name(name: str) -> None:
    assert f" {name} reset " in list_rights(SERVER, "tokenauth", name)[0].command


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "!" * 256, "é", "a\x00"])
def test_a_name_of_several_words_or_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="the name of a user must be 1 to 255 printable ASCII characters without"):
        list_rights(SERVER, "tokenauth", name)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_user_with_these_rights_can_do_everything_and_needs_each_of_them(
    request: pytest.FixtureRequest, engine: str
) -> None:
    server: RedisServer = request.getfixturevalue(engine)
    server.flush()
    [(_, command)] = list_rights(SERVER, kit.PREFIX, GUEST)
    grant(server, command)
    server.ask("ACL", "LOG", "RESET")
    server.ask("SCRIPT", "FLUSH")  # else EVAL is not needed
    server.ask("CONFIG", "RESETSTAT")

    with opened(url_of_guest(server.url())) as store:
        use(store)

    assert refused(server) <= {"config|get", "config"}  # a user who may not see appendfsync is given a hint
    ran = {name.removeprefix("cmdstat_") for name in server.client().info("commandstats")}
    assert rights_in(command) <= ran


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("missing", sorted({*IN_SCRIPTS, *OF_CONNECTIONS} - {"eval", "info"}))
def test_without_one_of_these_rights_a_call_is_refused(valkey_9: RedisServer, missing: str) -> None:
    valkey_9.flush()
    grant(valkey_9, list_rights(SERVER, kit.PREFIX, GUEST)[0].command, f"-{missing}")
    valkey_9.ask("ACL", "LOG", "RESET")

    with opened(url_of_guest(valkey_9.url())) as store, pytest.raises(StoreUnavailable, match="init-db --acl"):
        use(store)

    assert missing in refused(valkey_9)


@pytest.mark.once
@pytest.mark.slow
def test_keys_with_another_prefix_are_out_of_reach(valkey_9: RedisServer) -> None:
    valkey_9.flush()
    grant(valkey_9, list_rights(SERVER, "shop", GUEST)[0].command)

    with opened(url_of_guest(valkey_9.url())) as store, pytest.raises(StoreUnavailable, match="not on these keys"):
        store.create()


@pytest.mark.once
@pytest.mark.slow
def test_a_database_with_a_number_needs_one_more_right(valkey_9: RedisServer) -> None:
    url = url_of_guest(valkey_9.url("1"))
    valkey_9.flush()
    grant(valkey_9, list_rights(read_source(url), kit.PREFIX, GUEST)[0].command)

    with opened(url) as store:
        store.create()
        assert not store.inspection.is_new()

    with opened(valkey_9.url()) as store:
        assert store.inspection.is_new()
    valkey_9.flush()


@pytest.mark.once
@pytest.mark.slow
def test_the_rights_are_enough_behind_sentinel_where_replicas_acknowledge_writes(redis_sentinels: Sentinels) -> None:
    url = re.sub(r"\?.*", f"?sentinel_username={GUEST}&sentinel_password={PASSWORD}&wait=1", redis_sentinels.url())
    url = url_of_guest(url)
    of_servers, of_waiting, of_sentinels = list_rights(read_source(url), kit.PREFIX, GUEST)
    redis_sentinels.flush()
    for server in redis_sentinels.servers:
        grant(server, of_servers.command)
        grant(server, of_waiting.command)
    for sentinel in redis_sentinels.sentinels:
        grant(sentinel, of_sentinels.command)

    with opened(url) as store:
        use(store)

        assert refused(redis_sentinels.primary) <= {"config|get"}
        for server in redis_sentinels.servers:
            server.ask("ACL", "SETUSER", GUEST, "-pexpiretime")
        with pytest.raises(StoreUnavailable, match="init-db --acl"):
            contract.start(store, "another")
        refused(redis_sentinels.primary)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_user_gets_the_rights_for_waiting_on_each_server(request: pytest.FixtureRequest, engine: str) -> None:
    server: RedisServer = request.getfixturevalue(engine)
    lists = list_rights(read_source("redis://h?wait=1"), kit.PREFIX, GUEST)

    for _, command in lists[: 1 if engine == "redis_6" else 2]:
        grant(server, command)

    assert [place for place, _ in lists] == ["the server", "the same, unless it is Redis 6.2"]


@pytest.mark.once
@pytest.mark.slow
def test_the_rights_are_enough_in_a_cluster(valkey_cluster: Cluster) -> None:
    url = url_of_guest(valkey_cluster.url())
    [(_, command)] = list_rights(read_source(url), kit.PREFIX, GUEST)
    valkey_cluster.flush()
    for server in valkey_cluster.servers:
        grant(server, command)

    with opened(url) as store:
        use(store)

    assert set.union(*map(refused, valkey_cluster.servers)) <= {"config|get"}
