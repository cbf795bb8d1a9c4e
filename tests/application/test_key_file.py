"""The file of the keys is followed: when it changes, the keys of the application are exchanged."""

import json
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, NoReturn

import pytest
from flask import Flask

from flask_tokenauth import create_token
from flask_tokenauth.application import followed_file, key_file
from flask_tokenauth.application.app_state import state_of
from flask_tokenauth.application.key_file import FollowedKeyFile
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_files import FileVersion, find_version
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.keys.loading import load_key_file

from ..conftest import MakeApp, StandingClock

ISSUER = "https://issuer.example"
A, B = (Key.generate("EdDSA", kid=kid) for kid in "ab")
INTERVAL = 5.0


def write(path: Path, *keys: Key, private: bool = True) -> None:
    """Put a new file in the place of the old one."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"keys": [key.to_jwk(private=private) for key in keys]}))
    new.replace(path)


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


def fault_of(followed: FollowedKeyFile) -> str | None:
    return None if followed._broken is None else followed._broken.fault


def kids(keys: KeySet) -> list[str]:
    return [key.kid for key in keys]


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


def put_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BROKEN: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_text(""),
    "half written": lambda path: path.write_text(path.read_text()[:40]),
    "public keys": lambda path: write(path, B, private=False),
    "no key": lambda path: path.write_text('{"keys": []}'),
    "a folder": put_folder,
    "a weak secret": lambda path: path.write_text('{"keys": [{"kty": "oct", "k": "eA", "alg": "HS256"}]}'),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN.keys())
def test_the_keys_go_on_if_the_file_is_broken(
    path: Path,
    followed: FollowedKeyFile,
    clock: StandingClock,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], object],
) -> None:
    keys = followed._keys
    damage(path)
    clock.now += INTERVAL

    followed.look()

    assert (kids(keys), keys.generation) == (["a"], 0)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.message.startswith(
        "TOKENAUTH_KEYS has changed and cannot be used, so the keys that were read before go"
    )
    fault = fault_of(followed)
    assert fault is not None
    assert fault in record.message


def test_a_broken_file_is_logged_once_a_minute_until_it_is_mended(
    path: Path, keys: KeySet, followed: FollowedKeyFile, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text("{")
    for _ in range(13):
        clock.now += INTERVAL
        followed.look()
    assert len(caplog.records) == 2
    write(path, B)
    clock.now += INTERVAL
    followed.look()

    assert (kids(keys), fault_of(followed)) == (["b"], None)
    path.write_text("{")
    clock.now += INTERVAL
    followed.look()
    assert [record.levelno for record in caplog.records if record.levelno >= logging.ERROR] == [logging.ERROR] * 3


def test_a_broken_file_is_read_once_a_minute(
    path: Path, followed: FollowedKeyFile, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a client could make the process parse it once a second, with the ID of a key that is not known."""
    reads: list[Path] = []

    def load(path: Path, **options: Any) -> Any:
        reads.append(path)
        return load_key_file(path, **options)

    monkeypatch.setattr(key_file, "load_key_file", load)
    path.write_text("{")
    for _ in range(12):
        clock.now += INTERVAL
        followed.look()
        followed.look_for_unknown(0)
    assert len(reads) == 1

    clock.now += INTERVAL
    followed.look()
    assert len(reads) == 2


def test_a_file_that_becomes_readable_is_read(
    path: Path, followed: FollowedKeyFile, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time, its size and its inode stay the same."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise InvalidKey("the key file must be readable")

    write(path, B)
    with monkeypatch.context() as patch:
        patch.setattr(key_file, "load_key_file", refuse)
        clock.now += INTERVAL
        followed.look()
    clock.now += 60

    followed.look()

    assert kids(followed._keys) == ["b"]


def test_a_broken_file_that_is_put_back_as_it_was_is_good_again(
    path: Path, followed: FollowedKeyFile, clock: StandingClock
) -> None:
    path.rename(path.with_name("elsewhere"))
    clock.now += INTERVAL
    followed.look()
    assert fault_of(followed) is not None
    path.with_name("elsewhere").rename(path)
    clock.now += INTERVAL

    followed.look()

    assert fault_of(followed) is None


def test_no_message_has_anything_of_the_file(
    path: Path, followed: FollowedKeyFile, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    secret = B.to_jwk(private=True)["d"]
    path.write_text(f'{{"keys": [{{"kty": "OKP", "crv": "Ed25519", "d": "{secret}", "x": 5}}]}}')
    clock.now += INTERVAL

    followed.look()

    assert str(secret) not in f"{caplog.text} {fault_of(followed)} {followed!r}"
    assert caplog.records


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


def test_looks_for_unknown_keys_do_not_delay_the_other_looks(
    followed: FollowedKeyFile, clock: StandingClock, looks: list[Path]
) -> None:
    """Others report there which ring the process has."""
    reports: list[str] = []
    followed._report_ring, followed._keys.ring = reports.append, "one"
    for _ in range(10):
        clock.now += 1
        followed.look_for_unknown(0)
        followed.look()

    assert len(reports) == 2
    assert len(looks) == 12


@pytest.mark.parametrize(("later", "number"), [(0.999, 1), (1.0, 2), (1.001, 2)])
def test_the_file_is_looked_at_for_an_unknown_key_once_a_second(
    followed: FollowedKeyFile, clock: StandingClock, looks: list[Path], later: float, number: int
) -> None:
    assert not followed.look_for_unknown(0)
    clock.now += later

    assert not followed.look_for_unknown(0)

    assert len(looks) == number


def test_a_key_that_is_new_in_the_file_is_found_before_the_interval_ends(
    path: Path, keys: KeySet, followed: FollowedKeyFile
) -> None:
    write(path, A, B)

    assert followed.look_for_unknown(keys.generation)

    assert kids(keys) == ["a", "b"]


def test_keys_that_another_thread_has_exchanged_meanwhile_are_enough(
    keys: KeySet, followed: FollowedKeyFile, looks: list[Path]
) -> None:
    keys.exchange([A, B])

    assert followed.look_for_unknown(0)

    assert looks == []


@pytest.fixture
def app(make_app: MakeApp, path: Path) -> Flask:
    return make_app(TOKENAUTH_KEYS=str(path), TOKENAUTH_ISSUER=ISSUER)


def test_a_token_of_a_new_key_is_accepted_at_once(app: Flask, path: Path) -> None:
    token = token_of(app, B)
    write(path, A, B)

    with app.app_context():
        assert state_of(app).authenticator.verify(token, None, {"jwt"})[1] == "alice"


def token_of(app: Flask, key: Key) -> str:
    """Return a token of the issuer that another process has signed."""
    keys = state_of(app).settings.keys
    known, signing_key = list(keys), keys.signing_key
    keys.exchange([key])
    with app.app_context():
        token = create_token("alice")
    keys.exchange(known, signing_key=signing_key)
    return token


def test_a_process_that_issues_tokens_signs_with_the_new_key(
    app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, B)
    followed: Any = state_of(app).key_file
    monkeypatch.setattr(followed, "_look_at", 0.0)

    with app.app_context():
        create_token("alice")

    signing_key = state_of(app).settings.keys.signing_key
    assert signing_key is not None
    assert signing_key.kid == "b"


def test_each_request_may_be_the_one_that_looks(app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, B)
    monkeypatch.setattr(state_of(app).key_file, "_look_at", 0.0)

    app.test_client().get("/public")

    assert kids(state_of(app).settings.keys) == ["b"]


def test_keys_that_are_in_no_file_are_not_followed(make_app: MakeApp) -> None:
    app = make_app(TOKENAUTH_KEYS=KeySet([A]), TOKENAUTH_ISSUER=ISSUER)

    assert state_of(app).key_file is None


def test_a_relative_path_is_followed_when_the_working_directory_changes(
    make_app: MakeApp, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    app = make_app(TOKENAUTH_KEYS=path.name, TOKENAUTH_ISSUER=ISSUER)
    os.chdir("/")

    assert state_of(app).key_file is not None
    assert state_of(app).settings.keys_path == path
