"""The file of the keys is followed: when it changes, the keys of the application are exchanged."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from flask_tokenauth.application import key_file
from flask_tokenauth.application.key_file import FollowedKeyFile
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.keys.loading import load_key_file

from ...conftest import StandingClock
from .kit import INTERVAL, A, B, kids, write


@pytest.mark.parametrize(("later", "known"), [(4.999, ["a"]), (5.0, ["b"]), (5.001, ["b"])])
def test_a_change_is_seen_after_an_interval(
    path: Path, followed: FollowedKeyFile, clock: StandingClock, later: float, known: list[str]
) -> None:
    keys = followed._keys
    write(path, B)
    clock.now += later

    followed.look()

    assert kids(keys) == known
    assert keys.signing_key is not None
    assert [keys.signing_key.kid] == known


def test_a_file_that_did_not_change_is_not_read(
    keys: KeySet, followed: FollowedKeyFile, clock: StandingClock, looks: list[Path]
) -> None:
    for _ in range(100):
        clock.now += 1
        followed.look()

    assert len(looks) == 20
    assert keys.generation == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda path: write(path, B),
        lambda path: path.write_text(json.dumps({"keys": [B.to_jwk(private=True)]}, indent=1)),
        lambda path: (path.unlink(), path.write_text(json.dumps({"keys": [B.to_jwk(private=True)]}))),
    ],
    ids=["another file", "the same file", "a new file"],
)
def test_each_kind_of_change_is_seen(
    path: Path, keys: KeySet, followed: FollowedKeyFile, clock: StandingClock, change: Callable[[Path], object]
) -> None:
    change(path)
    clock.now += INTERVAL

    followed.look()

    assert kids(keys) == ["b"]


def test_the_file_behind_a_symbolic_link_is_followed(tmp_path: Path, clock: StandingClock) -> None:
    """Kubernetes exchanges a link to a folder."""
    for name, key in (("one", A), ("two", B)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "keys.json", key)
    (tmp_path / "data").symlink_to("one")
    path = tmp_path / "data" / "keys.json"
    found = load_key_file(path)
    followed = FollowedKeyFile(
        path, found.keys, version=found.version, passphrase=None, interval=INTERVAL, monotonic=clock
    )

    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(tmp_path / "data")
    clock.now += INTERVAL
    followed.look()

    assert kids(found.keys) == ["b"]


def test_one_thread_looks_and_the_others_go_on(
    path: Path, keys: KeySet, followed: FollowedKeyFile, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, calls = Event(), Event(), list[Path]()

    def load_slowly(path: Path, **options: Any) -> Any:
        calls.append(path)
        begun.set()
        assert go_on.wait(30)
        return load_key_file(path, **options)

    monkeypatch.setattr(key_file, "load_key_file", load_slowly)
    write(path, B)
    clock.now += INTERVAL
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(followed.look)
        assert begun.wait(30)
        clock.now += INTERVAL
        followed.look()
        assert kids(keys) == ["a"]
        go_on.set()
        slow.result(30)

    assert (kids(keys), len(calls)) == (["b"], 1)
