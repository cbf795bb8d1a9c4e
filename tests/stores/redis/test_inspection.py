"""The looks at real servers: by the doctor, and at the first contact of a store."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from flask_tokenauth.core.errors import SettingsError, StoreUnavailable
from flask_tokenauth.stores import clocks
from flask_tokenauth.stores.redis import RedisStore, inspection
from flask_tokenauth.stores.redis.layout import Layout
from flask_tokenauth.stores.redis.prepared_keys import PreparedKeys
from flask_tokenauth.stores.redis.rights import list_rights
from flask_tokenauth.stores.redis.risks import Facts
from flask_tokenauth.stores.redis.source import read_source

from ...engines.cluster import Cluster
from ...engines.redis import RedisServer
from ..calls import DAY
from . import kit
from .fake_server import FakeServer
from .rights_kit import ENGINES, GUEST, grant, opened, url_of_guest

SECOND = timedelta(seconds=1)
EVERYSEC = "appendfsync of the server must be always, got everysec: "


def find_risks(url: str) -> list[str]:
    with opened(url) as store:
        return store.inspection.find_risks(leeway=DAY, processes=1)


@pytest.fixture
def everysec(valkey_9: RedisServer) -> Iterator[RedisServer]:
    """A server with a risk."""
    valkey_9.flush()
    valkey_9.ask("CONFIG", "SET", "appendfsync", "everysec")
    yield valkey_9
    valkey_9.ask("CONFIG", "SET", "appendfsync", "always")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_each_server_shows_the_settings_that_the_store_needs(request: pytest.FixtureRequest, engine: str) -> None:
    server: RedisServer = request.getfixturevalue(engine)
    bad = {"maxmemory-policy": "allkeys-lru", "maxclients": "20", "appendfsync": "everysec"}
    before = {name: str(server.client().config_get(name)[name]) for name in bad}
    with opened(server.url()) as store:
        good = store.inspection.find_risks(leeway=DAY, processes=1)
        for name, value in bad.items():
            server.ask("CONFIG", "SET", name, value)

        found = store.inspection.find_risks(leeway=DAY, processes=4)

        for name, value in before.items():
            server.ask("CONFIG", "SET", name, value)
        assert good == []
        assert [risk.split(" of ")[0] for risk in found] == ["maxmemory-policy", "appendfsync", "the processes"]
        assert store.inspection.find_unseen() == []


@pytest.mark.once
@pytest.mark.slow
def test_a_server_without_a_file_is_a_risk(redis_6: RedisServer) -> None:
    redis_6.ask("CONFIG", "SET", "appendonly", "no")

    [risk] = find_risks(redis_6.url())

    redis_6.ask("CONFIG", "SET", "appendonly", "yes")
    assert risk.startswith("appendonly of the server must be yes, got no")


@pytest.mark.once
@pytest.mark.slow
def test_replicas_that_need_not_follow_are_a_risk(valkey_9: RedisServer, valkey_replica: RedisServer) -> None:
    assert valkey_replica.follows(valkey_9)
    [risk] = find_risks(valkey_9.url())
    valkey_9.ask("CONFIG", "SET", "min-replicas-to-write", 1)

    assert find_risks(valkey_9.url()) == []

    valkey_9.ask("CONFIG", "SET", "min-replicas-to-write", 0)
    assert risk.startswith("min-replicas-to-write of a server with replicas must be 1 or more, got 0")


@pytest.mark.once
@pytest.mark.slow
def test_the_primaries_of_a_cluster_tell_a_risk_once(valkey_cluster: Cluster) -> None:
    """Each of them has a replica."""
    [risk] = find_risks(valkey_cluster.url())

    assert risk.startswith("min-replicas-to-write of a server with replicas must be 1 or more, got 0")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "unseen"),
    [([], ["appendfsync"]), (["-info"], ["maxmemory-policy", "appendonly", "min-replicas-to-write", "maxclients",
                                         "appendfsync"]), (["+config|get"], [])],
)  # fmt: skip
def test_what_the_user_may_not_see_is_no_risk_and_is_named(
    everysec: RedisServer, missing: list[str], unseen: list[str]
) -> None:
    url = url_of_guest(everysec.url())
    grant(everysec, list_rights(read_source(url), kit.PREFIX, GUEST)[0].command, *missing)

    with opened(url) as store:
        risks = store.inspection.find_risks(leeway=DAY, processes=1)
        found = store.inspection.find_unseen()
        store.create()

    assert [name.split(" ")[0] for name in found] == unseen
    assert [risk.startswith(EVERYSEC) for risk in risks] == [True] * (missing == ["+config|get"])


@pytest.mark.once
@pytest.mark.slow
def test_a_store_is_new_until_its_first_use(valkey_9: RedisServer) -> None:
    valkey_9.flush()
    with opened(valkey_9.url()) as store:
        assert store.inspection.is_new()
        assert valkey_9.ask("DBSIZE") == 0

        store.create()

        assert not store.inspection.is_new()


@pytest.mark.once
@pytest.mark.slow
def test_the_first_contact_logs_each_risk_once(everysec: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    with opened(everysec.url()) as store:
        store.read_epoch("alice")
        store.revocations_since(None)
        store.close()
        store.create()

    [record] = caplog.records
    assert (record.name, record.levelname) == ("flask_tokenauth", "WARNING")
    assert record.getMessage().startswith(f"TOKENAUTH_STORE: {EVERYSEC}")


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("is_bound", [True, False])
def test_a_command_or_a_store_that_is_not_bound_logs_no_risk(
    everysec: RedisServer, caplog: pytest.LogCaptureFixture, *, is_bound: bool
) -> None:
    store = RedisStore(everysec.url())
    if is_bound:
        store.bind("https://issuer.example", timeout=SECOND, lifetime=SECOND, leeway=SECOND)
        store.ignore_risks()

    store.create()

    store.close()
    assert caplog.records == []


class FakeServers:
    """Servers that are reached, and whose looks return or raise what a test says."""

    timeout: float | None = None
    source = read_source("redis://h")

    def limit_of_reads(self) -> float:
        """Return more seconds than a test takes."""
        return 60

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def run(self, _script: object, _keys: object, arguments: Sequence[str], **_: object) -> list[bytes]:
        """Return the issuer that is bound, and the ID of the store."""
        return [arguments[0].encode(), b"1"]

    def inspect(self, _: object) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Do nothing."""


def prepared(*answers: object, is_bound: bool = True) -> PreparedKeys:
    """Return the keys of a store on servers with these answers."""
    servers: Any = FakeServers(*answers)
    layout = Layout("tokenauth")
    keys = PreparedKeys(servers, layout, inspection.StoreInspection(servers, layout))
    if is_bound:
        keys.bind("issuer", timeout=SECOND, lifetime=SECOND, leeway=SECOND)
    return keys


OLD, NEW = Facts(info={"redis_version": "6.0.0"}), Facts(info={"redis_version": "6.2.0"})


def test_a_server_that_is_too_old_is_refused_each_time() -> None:
    keys = prepared([NEW, OLD], [OLD.info])

    for _ in range(2):
        with pytest.raises(SettingsError, match=r"or newer, got Redis 6\.0"):
            keys.prepare()


def test_a_store_that_no_application_has_bound_is_not_looked_at() -> None:
    prepared(is_bound=False).prepare()


def test_a_server_that_is_new_enough_is_looked_at_once() -> None:
    keys = prepared([NEW])

    for _ in range(2):
        keys.prepare()
        keys.close()


def test_a_server_that_cannot_be_looked_at_is_used_and_looked_at_again() -> None:
    keys = prepared(StoreUnavailable("the time is over"), [OLD.info])
    keys.prepare()
    keys.prepare()
    keys.close()

    with pytest.raises(SettingsError, match=r"or newer, got Redis 6\.0"):
        keys.prepare()


def test_a_command_that_a_hoster_has_taken_out_is_not_seen() -> None:
    refusal = ResponseError("unknown command 'CONFIG', with args beginning with: 'GET'")
    client: Any = Mock(
        config_get=Mock(side_effect=refusal), info=Mock(side_effect=NoPermissionError()), time=Mock(side_effect=refusal)
    )

    assert inspection._read_facts(client) == Facts(info={})


def test_a_server_that_is_busy_does_not_hide_its_settings() -> None:
    client: Any = Mock(config_get=Mock(side_effect=ResponseError("BUSY Redis is busy running a script.")))

    with pytest.raises(ResponseError):
        inspection._read_facts(client)


@pytest.mark.parametrize("ahead", [60, 0, -60])
def test_the_clock_of_the_server_is_compared_to_the_millisecond(monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    monkeypatch.setattr(clocks, "time", SimpleNamespace(time=lambda: 1_700_000_000.25))
    client: Any = Mock(
        config_get=Mock(return_value={"appendfsync": "no"}),
        info=Mock(return_value={}),
        time=Mock(return_value=(1_700_000_000 + ahead, 250_999)),
    )

    facts = inspection._read_facts(client)

    assert facts == Facts(info={}, appendfsync="no", difference=abs(ahead) * 1000)


@pytest.mark.parametrize("name", ["INFO", "TIME", "CONFIG"])
@pytest.mark.parametrize("answer", [[], b"x", [[b"a"]], 5], ids=str)
def test_an_answer_of_another_form_shows_nothing(name: str, answer: Any) -> None:
    good = {"INFO": b"redis_version:7.0.0\r\n", "TIME": [b"1", b"2"], "CONFIG": [b"appendfsync", b"always"]}
    with FakeServer(**(good | {name: answer})) as fake, opened(fake.url) as store:
        assert isinstance(store.inspection.find_risks(leeway=DAY, processes=1), list)
