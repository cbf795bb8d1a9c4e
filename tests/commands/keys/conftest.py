"""A file of keys, and the commands on it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flask_tokenauth.__main__ import main
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_ring import AnyKey, KeyRing, RingKey

from ...conftest import StandingClock

A, B, C = (Key.generate("EdDSA", kid=kid) for kid in "abc")


@dataclass(frozen=True)
class Keys:
    """The file, the clock by which the commands judge, and the commands."""

    path: Path
    clock: StandingClock

    @property
    def now(self) -> float:
        """The time, in seconds since 1970-01-01T00:00:00Z."""
        return self.clock.now

    def put(self, *members: tuple[AnyKey, str, float]) -> None:
        """Write a ring to the file: each key with its status and its age in seconds."""
        ring = KeyRing(RingKey.of(key, status, self.now - age) for key, status, age in members)  # type: ignore[arg-type]
        self.path.write_text(json.dumps(ring.to_jwks()))
        self.path.chmod(0o600)

    def run(self, *args: str) -> Result:
        """Run one of the commands. The first arguments may be options of the group."""
        return CliRunner().invoke(main, ["keys", "--file", str(self.path), *args])

    @property
    def jwks(self) -> list[dict[str, Any]]:
        """The keys in the file."""
        members: list[dict[str, Any]] = json.loads(self.path.read_text())["keys"]
        return members

    @property
    def states(self) -> dict[str, str]:
        """The status of each key in the file."""
        return {jwk["kid"]: jwk["status"] for jwk in self.jwks}


@pytest.fixture
def keys(tmp_path: Path, clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """A file that does not exist yet."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr("flask_tokenauth.commands.keys.context.time.time", clock)
    return Keys(tmp_path / "keys.json", clock)
