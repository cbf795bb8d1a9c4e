"""The findings of the doctor about a store on Redis or Valkey."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.stores.memory import MemoryStore
from flask_tokenauth.stores.redis import RedisStore, inspection
from flask_tokenauth.stores.redis.rights import list_rights
from flask_tokenauth.stores.redis.risks import CONNECTIONS, Facts
from flask_tokenauth.stores.redis.source import read_source

from ..conftest import MakeApp
from ..engines.redis import RedisServer
from ..stores.redis.rights_kit import GUEST, grant, url_of_guest
from .doctor_kit import find

EVERYSEC = "TOKENAUTH_STORE: appendfsync of the server must be always, got everysec: "


@pytest.fixture
def server(valkey_9: RedisServer) -> Iterator[RedisServer]:
    """A server with a risk and no keys."""
    valkey_9.flush()
    valkey_9.ask("CONFIG", "SET", "appendfsync", "everysec")
    yield valkey_9
    valkey_9.ask("CONFIG", "SET", "appendfsync", "always")


def list_findings(app: Flask) -> list[tuple[str, str]]:
    """Return what the doctor finds about the store."""
    found: list[tuple[str, str]]
    found = [(each.severity, each.sentence) for each in find(app) if "TOKENAUTH_STORE" in each.sentence]
    state_of(app).store.close()
    assert not any(word in sentence for _, sentence in found for word in ("database", "table"))
    return found


def has_start(found: tuple[str, str], severity: str, start: str) -> bool:
    return found[0] == severity and found[1].startswith(start)


@pytest.mark.once
@pytest.mark.slow
def test_a_store_that_was_used_has_its_risks_and_revocations(make_app: MakeApp, server: RedisServer) -> None:
    app = make_app(TOKENAUTH_STORE=server.url())
    state_of(app).store.revoke_user("alice", retention=timedelta(days=1), api_keys=False)

    warning, info = list_findings(app)

    assert has_start(warning, "warning", EVERYSEC)
    assert info[1].endswith("0 tokens, 0 sessions and 1 users are revoked.")
    assert has_start(info, "info", "TOKENAUTH_STORE is a RedisStore, TOKENAUTH_REVOCATION is feed, fetched ")


@pytest.mark.once
@pytest.mark.slow
def test_a_store_without_keys_is_a_hint_and_stays_empty(make_app: MakeApp, server: RedisServer) -> None:
    warning, hint = list_findings(make_app(TOKENAUTH_STORE=server.url()))

    assert has_start(warning, "warning", EVERYSEC)
    assert has_start(hint, "hint", "The server of TOKENAUTH_STORE has no keys of the store. If it is new, nothing is")
    assert server.ask("DBSIZE") == 0


@pytest.mark.once
@pytest.mark.slow
def test_what_the_user_may_not_see_is_one_hint(make_app: MakeApp, server: RedisServer) -> None:
    url = url_of_guest(server.url())
    grant(server, list_rights(read_source(url), "tokenauth", GUEST)[0].command)
    app = make_app(TOKENAUTH_STORE=url)
    state_of(app).store.create()

    hint, _ = list_findings(app)

    assert hint == (
        "hint",
        "TOKENAUTH_STORE: the server does not show these settings to the user of the store: appendfsync (wanted: "
        "always). Look at them as an administrator, with redis-cli CONFIG GET and the name.",
    )


def test_a_server_that_does_not_answer_is_an_error(make_app: MakeApp) -> None:
    [error] = list_findings(make_app(TOKENAUTH_STORE="redis://api:hunter2@localhost:1"))

    assert has_start(error, "error", "TOKENAUTH_STORE cannot be asked: the connection was refused: ")


@pytest.fixture
def is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection.StoreInspection, "is_new", lambda _: True)


@pytest.mark.usefixtures("is_new")
def test_a_server_that_is_too_old_is_an_error(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Facts(info={"redis_version": "6.0.16"})
    monkeypatch.setattr("flask_tokenauth.stores.redis.servers.Servers.inspect", lambda *_: [old])

    found = list_findings(make_app(TOKENAUTH_STORE="redis://localhost"))

    assert has_start(found[0], "error", "TOKENAUTH_STORE cannot be asked: the server of the store must be Redis 6.2 or")


@pytest.mark.usefixtures("is_new")
@pytest.mark.parametrize(("workers", "number"), [("2", 0), ("3", 1), ("", 0)])
def test_the_processes_of_the_application_count(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, workers: str, number: int
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    facts = Facts(info={"maxclients": 2 * CONNECTIONS, "aof_enabled": 1}, appendfsync="always")
    monkeypatch.setattr("flask_tokenauth.stores.redis.servers.Servers.inspect", lambda *_: [facts])

    found = list_findings(make_app(TOKENAUTH_STORE="redis://localhost"))

    assert sum("may open 18 connections" in sentence for _, sentence in found) == number


NO_EFFECT = (
    "TOKENAUTH_STORE_PREFIX has no effect, since TOKENAUTH_STORE is neither a URL nor a client of Redis or Valkey"
)


@pytest.mark.parametrize(
    ("store", "number"),
    [
        ("memory://", 1),
        (MemoryStore(), 1),
        (RedisStore("redis://localhost:1"), 1),
        (RedisStore("redis://localhost:1", prefix="shop"), 0),
        ("redis://localhost:1", 0),
    ],
    ids=["memory", "object", "another prefix", "the same prefix", "redis"],
)
def test_a_prefix_that_the_store_does_not_have_is_a_hint(make_app: MakeApp, store: object, number: int) -> None:
    found = list_findings(make_app(TOKENAUTH_STORE=store, TOKENAUTH_STORE_PREFIX="shop"))

    assert sum(has_start(each, "hint", NO_EFFECT) for each in found) == number


def test_a_prefix_without_a_store_is_a_hint_among_others(make_app: MakeApp) -> None:
    found = find(make_app(TOKENAUTH_STORE_PREFIX="shop"))

    [hint] = [(each.severity, each.sentence) for each in found if "PREFIX" in each.sentence]
    assert hint == (
        "hint",
        "These settings have no effect without TOKENAUTH_STORE: TOKENAUTH_STORE_PREFIX; set it, or remove them.",
    )
