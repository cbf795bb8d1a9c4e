"""Fixtures and helpers for all tests: a clock that tests set, an application, and tokens with any claims."""

import gc
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g
from hypothesis import settings
from werkzeug.security import generate_password_hash

from flask_tokenauth import TokenAuth, login_required, require_scope
from flask_tokenauth.core import Key
from flask_tokenauth.core.store import Store
from flask_tokenauth.core.tokens import jws
from flask_tokenauth.stores.memory import MemoryStore

from .leaks import find_leak, record_output

if os.name == "posix":  # pragma: no branch  # the servers need users and signals
    from .engines.fixtures import (  # noqa: F401
        mariadb,
        patient,
        pgbouncer,
        postgresql_15,
        postgresql_18,
        postgresql_replica,
    )
    from .engines.redis_fixtures import (  # noqa: F401
        redis_6,
        redis_7,
        redis_sentinels,
        redis_tls,
        valkey_8,
        valkey_9,
        valkey_cluster,
        valkey_replica,
    )

pytest.register_assert_rewrite("flask_tokenauth.testing.store_contract")  # shows the values of failed assertions

# SQLite waits for the disk at each commit. Linux has a file system in memory.
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2**30:  # pragma: no branch  # else on the disk
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))  # pytest makes its temporary directories here

settings.register_profile("usual", max_examples=300, deadline=None)
settings.register_profile("thorough", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of garbage collections.

    There are millions of objects. A collection would stop a thread for seconds, and its time limit would end.
    """
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name keys by their position. Each process makes new keys, but all processes need the same names of tests."""
    return argname if isinstance(val, (str, bytes)) and "-----" in str(val) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names of tests that contain an address in memory, since each process would have other names."""
    assert [item.nodeid for item in items if " at 0x" in item.nodeid] == []


NOW = 1_700_000_000.0
SECRET = "4f1d9a3c7b2e8056d4c1f7a9b3e6082c5d7f1a4b9c3e6d80"
ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"

CONFIG = {"TESTING": True, "SECRET_KEY": SECRET, "TOKENAUTH_ISSUER": ISSUER, "TOKENAUTH_AUDIENCE": AUDIENCE}


@dataclass
class StandingClock:
    """A clock that tests set."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Mint:
    """A signer of any claims, good or bad, with the key of the application."""

    key: Key
    issuer: str = ISSUER
    audience: str = AUDIENCE

    def claims(self, **changes: object) -> dict[str, object]:
        """Return the claims of a good token with *changes*. The value ``...`` leaves a claim out."""
        good: dict[str, object] = {
            "iss": self.issuer,
            "sub": "alice",
            "aud": self.audience,
            "exp": NOW + 900,
            "iat": NOW,
            "jti": "t1",
            "client_id": self.issuer,
            "scope": "reports:read",
        }
        return {name: value for name, value in (good | changes).items() if value is not ...}

    def __call__(self, *, typ: str | None = "at+jwt", **changes: object) -> str:
        return self.sign(json.dumps(self.claims(**changes)).encode(), typ=typ)

    def sign(self, payload: bytes, *, typ: str | None = "at+jwt") -> str:
        return jws.sign(payload, self.key, typ=typ)


@pytest.fixture(scope="session", autouse=True)
def no_leaks() -> Iterator[None]:
    """Search all output of the package during the test run for tokens, secrets and keys."""
    with record_output() as outputs:
        yield
    assert [leak for leak in map(find_leak, outputs) if leak] == []


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Make the hashing of passwords fast in this process: the tests of the examples hash hundreds of passwords."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate_password_hash, "__defaults__", ("scrypt:128:8:1", 16))
        yield


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def mint() -> Mint:
    return Mint(Key.derive(SECRET.encode(), purpose="access", issuer=ISSUER))


@pytest.fixture
def store(clock: StandingClock) -> MemoryStore:
    """A store whose clock is that of the test."""
    return MemoryStore(clock=lambda: int(clock() * 1000))


MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(clock: StandingClock) -> Iterator[MakeApp]:
    """Return a function that makes an application. Keyword arguments are settings. At the end, stores are closed."""
    stores: list[Store] = []

    def make(name: str = "tests", *, auth: TokenAuth[Any] | None = None, **config: object) -> Flask:
        app = Flask(name)
        app.config |= CONFIG | config
        (auth or TokenAuth()).init_app(app)
        state = app.extensions["tokenauth"]
        state.clock = clock
        if state.stored.feed is not None:
            state.stored.feed.monotonic = StandingClock(0)
        if state.stored.opened is not None:
            stores.append(state.stored.opened)
        return app

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application with an open view, a view for users, and two views for a scope."""
    app = make_app()

    app.add_url_rule("/open", view_func=whoami(), endpoint="open")
    app.add_url_rule("/me", view_func=login_required(whoami()), endpoint="me")
    app.add_url_rule("/reports", view_func=require_scope("reports:read")(whoami()), endpoint="reports")
    app.add_url_rule("/admin", view_func=require_scope("reports:read", "admin")(whoami()), endpoint="admin")
    return app


@pytest.fixture
def no_other_guards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the guards of other tests."""
    monkeypatch.setattr("flask_tokenauth.guards.marks.guard_uses", [])


def whoami() -> Callable[[], dict[str, object]]:
    """Return a view that returns the user of the request. It is a new one each time, since guards mark their view."""

    def view() -> dict[str, object]:
        return {"user_id": g.user_id, "scopes": sorted(g.scopes), "token": g.token and g.token.token_id}

    return view


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
