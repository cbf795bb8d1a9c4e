"""Fixtures for the tests of the file of the keys: a file with one key, which is followed."""

from pathlib import Path

import pytest

from flask_tokenauth.application import followed_file
from flask_tokenauth.application.key_file import FollowedKeyFile
from flask_tokenauth.core.keys.key_files import FileVersion, find_version
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.keys.loading import load_key_file

from ...conftest import StandingClock
from .kit import INTERVAL, A, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    write(path, A)
    return path


@pytest.fixture
def keys(path: Path) -> KeySet:
    return load_key_file(path).keys


@pytest.fixture
def followed(path: Path, keys: KeySet, clock: StandingClock) -> FollowedKeyFile:
    version = load_key_file(path).version
    return FollowedKeyFile(path, keys, version=version, passphrase=None, interval=INTERVAL, monotonic=clock)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths that were looked at."""
    looks: list[Path] = []

    def find(path: Path) -> FileVersion | None:
        looks.append(path)
        return find_version(path)

    monkeypatch.setattr(followed_file, "find_version", find)
    return looks
