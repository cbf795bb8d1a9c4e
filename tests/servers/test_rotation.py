"""Keys rotate under load: two groups of servers with a file each, one store, and an application that believes both."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.http import parse_cache_control_header

from flask_tokenauth import TokenAuth
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.tokens.unverified import parse_unverified

from ..conftest import SECRET
from .clients import PATIENCE
from .starting import ROOT, serving

ISSUER = "https://issuer.example"
ROLLOUT, MAX_AGE, LIFETIME = 300, 600, 900  # seconds
STEPS, CLIENTS, EACH = 200, 4, 25  # 20 000 requests
SERVER = [sys.executable, "-m", "gunicorn", "--bind=fd://{socket}", "--worker-tmp-dir=.", "--workers=2"]
COMMAND = [*SERVER, "--worker-class=gthread", "--threads=4", "tests.servers.rotating:app"]


@dataclass
class World:
    """A clock for all processes, a file of keys for each group, and one store."""

    folder: Path
    ahead: float = 0.0

    def __post_init__(self) -> None:
        for path in self.files:
            path.parent.mkdir(mode=0o700)
        self.advance(0)

    @property
    def files(self) -> list[Path]:
        return [self.folder / group / "keys.json" for group in "ab"]

    def now(self) -> float:
        """Return the time of all processes, in seconds since 1970-01-01T00:00:00Z."""
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds
        new = self.folder / "clock.new"
        new.write_text(str(self.ahead))
        new.replace(self.folder / "clock")

    def environ(self, path: Path) -> dict[str, str]:
        """Return the settings of a group."""
        return {
            "CLOCK": str(self.folder / "clock"),
            "DATABASE": str(self.folder / "store.db"),
            "LOG": str(path.with_name("log")),
            "FLASK_SECRET_KEY": SECRET,
            "FLASK_TOKENAUTH_ISSUER": ISSUER,
            "FLASK_TOKENAUTH_ENFORCE_HTTPS": "off",
            "FLASK_TOKENAUTH_KEYS": str(path),
            "FLASK_TOKENAUTH_KEYS_MAX_AGE": str(MAX_AGE),
            "FLASK_TOKENAUTH_KEYS_ROLLOUT": str(ROLLOUT),
            "FLASK_TOKENAUTH_ACCESS_LIFETIME": str(LIFETIME),
            "FLASK_TOKENAUTH_MAX_LIFETIME": str(LIFETIME),
            "FLASK_TOKENAUTH_STORE_TIMEOUT": "10",  # seconds: a busy machine is no outage
            "PYTHONPATH": str(ROOT),
        }

    def errors(self, path: Path) -> str:
        """Return what a group has logged as errors."""
        return path.with_name("log").read_text()

    def run(self, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the commands for keys, with the application and its store."""
        command = [sys.executable, "-m", "flask", "--app", "tests.servers.rotating", "tokenauth", "keys", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=os.environ | self.environ(path), capture_output=True, text=True, check=False
        )

    def generate(self, path: Path) -> None:
        """Make the file, without an application."""
        command = [sys.executable, "-m", "flask_tokenauth", "keys", "generate"]
        subprocess.run(command, env=os.environ | self.environ(path), check=True, capture_output=True)

    def copy(self) -> None:
        """Copy the file of the first group to the second."""
        first, second = self.files
        shutil.copy2(first, second.with_suffix(".new"))
        second.with_suffix(".new").replace(second)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def ask(port: int, request: str, token: str | None = None) -> tuple[int, Any, Any]:
    """Send a request, and return the status, the headers and the body of the answer."""
    method, path = request.split()
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, headers=headers)
        with connection.getresponse() as response:
            return response.status, response.headers, json.loads(response.read())


@dataclass
class Believer:
    """An application that fetches the key set again as often as its ``max-age`` says."""

    world: World
    ports: list[int]
    fetch_at: float = 0.0

    def __post_init__(self) -> None:
        app = Flask("believer")
        self.keys = self.fetch()
        app.config.update(
            TOKENAUTH_ISSUER=ISSUER,
            TOKENAUTH_KEYS=self.keys,
            TOKENAUTH_MAX_LIFETIME=LIFETIME,
            TOKENAUTH_ENFORCE_HTTPS="off",
        )
        app.config["TOKENAUTH_ACCESS_LIFETIME"] = LIFETIME
        self.auth, self.app = TokenAuth(app), app
        state_of(app).clock = self.world.now

    def fetch(self) -> KeySet:
        status, headers, body = ask(random.choice(self.ports), "GET /.well-known/jwks.json")
        assert status == 200
        max_age = parse_cache_control_header(headers["Cache-Control"]).max_age
        assert max_age is not None
        self.fetch_at = self.world.now() + max_age
        return KeySet.from_jwks(body)

    def verify(self, token: str) -> None:
        with self.app.app_context():
            assert self.auth.verify(token).subject == "alice"

    def follow(self) -> None:
        if self.world.now() >= self.fetch_at:
            self.keys.exchange(self.fetch())


@dataclass
class Load:
    """Clients that sign in at one group, and use their tokens at both and at the believer."""

    world: World
    ports: list[int]
    believer: Believer
    tokens: list[str] = field(default_factory=list)
    requests: int = 0

    def run(self, seed: int) -> None:
        """Send some requests, each to any of the groups."""
        chance = random.Random(seed)
        for _ in range(EACH):
            port = chance.choice(self.ports)
            if chance.random() < 0.2 or not self.tokens:
                status, _, body = ask(port, "POST /login")
                assert status == 200, body
                self.tokens.append(body["access_token"])
            else:
                token = chance.choice(self.tokens)
                status, _, body = ask(port, "GET /me", token)
                assert status == 200, (body, parse_unverified(token).header)
                self.believer.verify(token)

    def drop_old(self) -> None:
        """Keep the tokens that will be good for a minute more."""
        least = self.world.now() + 60
        self.tokens = [token for token in self.tokens if expiry_of(token) > least]


def expiry_of(token: str) -> float:
    claims = parse_unverified(token).claims
    assert claims is not None
    return float(claims["exp"])  # type: ignore[arg-type]


def kids_of(path: Path) -> dict[str, str]:
    """Return the status of each key in a file."""
    return {jwk["kid"]: jwk["status"] for jwk in json.loads(path.read_text())["keys"]}


@pytest.mark.slow
@pytest.mark.once
def test_from_generate_to_remove_no_good_token_is_refused(world: World) -> None:
    first, second = world.files
    world.generate(first)
    world.copy()
    oldest = {kid for kid, status in kids_of(first).items() if status == "active"}
    copy_at, rotations, chance = float("inf"), 0, random.Random(17)
    with (
        serving(COMMAND, first.parent, **world.environ(first)) as a,
        serving(COMMAND, second.parent, **world.environ(second)) as b,
        ThreadPoolExecutor(CLIENTS + 1) as pool,
    ):
        ports = [a.port, b.port]
        load = Load(world, ports, Believer(world, ports))
        for step in range(STEPS):
            world.advance(chance.uniform(1, 45))
            load.drop_old()
            load.believer.follow()
            if world.now() >= copy_at:
                world.copy()
                copy_at = float("inf")
            running = [pool.submit(load.run, step * CLIENTS + number) for number in range(CLIENTS)]
            if step % 10 == 9 and world.run(first, "rotate", "--older-than", "0s").returncode == 0:
                rotations, copy_at = rotations + 1, world.now() + ROLLOUT - 60
            for each in running:
                each.result()
        assert not oldest & kids_of(first).keys()  # rotate has removed it
        [retired, *_] = [kid for kid, status in kids_of(first).items() if status == "retired"]
        world.advance(LIFETIME + ROLLOUT + 100)
        removed = world.run(first, "remove", retired)

    assert removed.returncode == 0, removed.stderr
    assert rotations >= 3
    assert [world.errors(path) for path in world.files] == ["", ""]


@pytest.mark.slow
@pytest.mark.once
def test_two_rings_by_mistake_are_noticed_by_both_groups_and_by_rotate(world: World) -> None:
    for path in world.files:
        world.generate(path)
    first, second = world.files
    with (
        serving(COMMAND, first.parent, **world.environ(first)) as a,
        serving(COMMAND, second.parent, **world.environ(second)) as b,
    ):
        for _ in range(ROLLOUT // 30 + 4):
            world.advance(30)
            for port in (a.port, b.port) * 2:
                assert ask(port, "POST /login")[0] == 200
        rotated = [world.run(path, "rotate", "--older-than", "0s", "--force") for path in world.files]

    assert [each.returncode for each in rotated] == [1, 1]
    assert all("must have one ring of keys" in each.stderr for each in rotated)
    assert all("must have one ring of keys" in world.errors(path) for path in world.files)
