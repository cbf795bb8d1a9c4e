"""A file of the keys that cannot be used: the keys that were read before go on, and the log says why."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from flask_tokenauth.application import key_file
from flask_tokenauth.application.key_file import FollowedKeyFile
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key_set import KeySet
from flask_tokenauth.core.keys.loading import load_key_file

from ...conftest import StandingClock
from .kit import INTERVAL, B, kids, write


def fault_of(followed: FollowedKeyFile) -> str | None:
    return None if followed._broken is None else followed._broken.fault


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
