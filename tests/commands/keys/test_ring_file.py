"""The file of a ring: what it may look like, who else may write to it, and that it is whole at any moment."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from flask_tokenauth.commands.keys import ring_file
from flask_tokenauth.commands.keys.ring_file import RingFile
from flask_tokenauth.core.errors import InvalidKey
from flask_tokenauth.core.keys.key_ring import KeyRing

from ...conftest import NOW
from .conftest import A, B, Keys

DAY = 86_400
COMMANDS = [["list"], ["rotate"], ["remove", "a"], ["replace", "--compromised"], ["export"]]


def put_link(keys: Keys) -> None:
    keys.put((A, "active", 0))
    keys.path.rename(keys.path.with_name("elsewhere"))
    keys.path.symlink_to(keys.path.with_name("elsewhere"))


BROKEN: dict[str, tuple[Callable[[Keys], object], str]] = {
    "no file": (lambda _: None, "the key file must be readable, got "),
    "an empty file": (lambda keys: keys.path.touch(), "must have a JWK Set, got something else"),
    "broken JSON": (lambda keys: keys.path.write_text('{"keys": ['), "must have a JWK Set, got something else"),
    "PEM": (lambda keys: keys.path.write_text(A.to_pem(private=True)), "must have a JWK Set, got something else"),
    "a folder": (lambda keys: keys.path.mkdir(), "which is a directory, a pipe or a device"),
    "no set": (lambda keys: keys.path.write_text('{"kty": "OKP"}'), "a JWK Set must be an object with an array"),
    "two active keys": (
        lambda keys: keys.path.write_text(
            json.dumps({"keys": [{**key.to_jwk(private=True), "status": "active"} for key in (A, B)]})
        ),
        'exactly one key of a set must have the status "active", got 2',
    ),
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(("put", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_is_no_ring_is_one_sentence_and_stays(
    keys: Keys, command: list[str], put: Callable[[Keys], object], message: str
) -> None:
    put(keys)
    before = keys.path.read_bytes() if keys.path.is_file() else None

    result = keys.run(*command)

    assert result.exit_code == 1
    assert message in result.output
    assert result.output.count("\n") == 1
    assert (keys.path.read_bytes() if keys.path.is_file() else None) == before


@pytest.mark.parametrize(("put", "message"), list(BROKEN.values())[1:], ids=list(BROKEN)[1:])
def test_generate_leaves_a_file_that_it_cannot_read(keys: Keys, put: Callable[[Keys], object], message: str) -> None:
    put(keys)
    before = keys.path.read_bytes() if keys.path.is_file() else None

    result = keys.run("generate")

    assert (result.exit_code, message in result.output) == (1, True)
    assert (keys.path.read_bytes() if keys.path.is_file() else None) == before


def test_a_symbolic_link_stays_and_its_file_is_exchanged(keys: Keys) -> None:
    put_link(keys)

    assert keys.run("generate").exit_code == 0

    assert keys.path.is_symlink()
    assert sorted(keys.states.values()) == ["active", "next"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400])
def test_the_mode_of_the_file_stays(keys: Keys, mode: int) -> None:
    keys.put((A, "active", 0))
    keys.path.chmod(mode)

    keys.run("generate")

    assert keys.path.stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_of_the_file_stays(keys: Keys) -> None:
    keys.put((A, "active", 0))
    os.chown(keys.path, 0, 12345)

    keys.run("generate")

    assert (keys.path.stat().st_uid, keys.path.stat().st_gid) == (0, 12345)


@pytest.mark.parametrize("path_of", [lambda path: path, lambda path: path.parent], ids=["the file", "the folder"])
def test_what_all_users_can_write_to_is_refused(keys: Keys, path_of: Callable[[Path], Path]) -> None:
    keys.put((A, "active", 0))
    path_of(keys.path).chmod(0o777)

    for command in (["list"], ["generate"]):
        result = keys.run(*command)
        assert result.exit_code == 1
        assert "must not be writable for all users, who could exchange the keys: run chmod o-w" in result.output


def test_a_folder_where_only_owners_can_exchange_files_is_good(keys: Keys) -> None:
    """As /tmp."""
    keys.path.parent.chmod(0o1777)

    assert keys.run("generate").exit_code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("path_of", [lambda path: path, lambda path: path.parent], ids=["the file", "the folder"])
def test_what_belongs_to_another_user_is_refused(keys: Keys, path_of: Callable[[Path], Path]) -> None:
    keys.put((A, "active", 0))
    os.chown(path_of(keys.path), 12345, -1)

    result = keys.run("generate")

    assert result.exit_code == 1
    assert "must belong to root or to the user of this command" in result.output


@pytest.mark.parametrize(
    ("mode", "warning"),
    [(0o644, "all users of this machine can read"), (0o620, "the group of"), (0o600, None), (0o640, None)],
)
def test_weak_rights_are_a_warning(keys: Keys, mode: int, warning: str | None) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", DAY))
    keys.path.chmod(mode)

    result = keys.run("rotate")

    assert result.exit_code == 0
    assert ("Warning" in result.output) is (warning is not None)
    assert warning is None or warning in result.output


def test_a_folder_of_a_group_is_a_warning(keys: Keys) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", DAY))
    keys.path.parent.chmod(0o770)

    assert "the group of" in keys.run("rotate").output


def test_a_folder_that_is_not_there_is_one_sentence(keys: Keys) -> None:
    result = RingFile(keys.path.parent / "missing" / "keys.json")

    with (
        pytest.raises(InvalidKey, match="must be writable to change the keys, got the error 'No such file"),
        result.locked(),
    ):
        pass


def test_a_lock_that_is_a_symbolic_link_is_not_followed(keys: Keys) -> None:
    """Another user may have put it there."""
    keys.path.with_name(".keys.json.lock").symlink_to("/etc/passwd")

    result = keys.run("generate")

    assert result.exit_code == 1
    assert not keys.path.exists()


def test_a_new_file_that_a_killed_command_has_left_is_removed(keys: Keys) -> None:
    keys.put((A, "active", 0))
    left = keys.path.with_name(".keys.json.new")
    left.write_text("half")

    assert keys.run("generate").exit_code == 0

    assert not left.exists()


def test_a_file_that_another_program_changes_meanwhile_is_left(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not know the lock."""
    keys.put((A, "active", 0))
    fsync = os.fsync

    def change(file: int) -> None:
        fsync(file)
        keys.path.write_text("changed")

    monkeypatch.setattr(ring_file.os, "fsync", change)  # type: ignore[attr-defined]

    result = keys.run("generate")

    assert result.exit_code == 1
    assert "has changed while this command ran, and was left as it is: try again" in result.output
    assert keys.path.read_text() == "changed"
    assert not keys.path.with_name(".keys.json.new").exists()


def test_a_file_that_another_program_makes_meanwhile_is_left(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def make(file: int) -> None:
        fsync(file)
        keys.path.write_text("made")

    monkeypatch.setattr(ring_file.os, "fsync", make)  # type: ignore[attr-defined]

    result = keys.run("generate")

    assert "was made by another program while this command ran: try again" in result.output
    assert keys.path.read_text() == "made"


def test_a_disk_without_space_loses_nothing(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.put((A, "active", 0))
    before = keys.path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ring_file.os, "fsync", fail)  # type: ignore[attr-defined]

    result = keys.run("generate")

    assert result.exit_code == 1
    assert "got the error 'No space left on device'" in result.output
    assert "The keys are as they were" in result.output
    assert keys.path.read_bytes() == before
    assert not keys.path.with_name(".keys.json.new").exists()


def test_of_two_commands_at_once_one_rotates(keys: Keys) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", DAY))

    with ThreadPoolExecutor(2) as pool:
        processes = list(pool.map(lambda _: rotate(keys.path), range(2)))

    assert sorted(process.stdout.split(" ")[0] for process in processes) == ["Nothing", "The"]
    assert [keys.states[kid] for kid in "ab"] == ["retired", "active"]


def rotate(path: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flask_tokenauth", "keys", "--file", str(path), "rotate"]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_a_command_waits_for_the_lock(keys: Keys) -> None:
    keys.put((A, "active", 0))
    with RingFile(keys.path).locked():
        command = [sys.executable, "-m", "flask_tokenauth", "keys", "--file", str(keys.path), "generate"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            while not is_waited_for(keys.path):
                pass
            assert keys.states == {"a": "active"}
            RingFile(keys.path).write(
                KeyRing.from_jwks(json.loads(keys.path.read_text()), written_at=NOW, now=NOW).add_next(B, now=NOW),  # type: ignore[union-attr]
                instead_of=RingFile(keys.path).read(now=NOW),
            )
            fcntl.lockf(lock_of(keys.path), fcntl.LOCK_UN)
            assert process.wait(30) == 0

    assert list(keys.states.values()) == ["active", "next", "next"]


def is_waited_for(path: Path) -> bool:
    """Return whether a process waits for the lock."""
    inode = path.with_name(f".{path.name}.lock").stat().st_ino
    return any("->" in line and f":{inode} " in line for line in Path("/proc/locks").read_text().splitlines())


def lock_of(path: Path) -> int:
    """Return a file descriptor of this process for the file of the lock: its locks belong to the process."""
    return os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR)


@pytest.mark.slow
def test_a_command_that_is_killed_at_any_moment_leaves_a_ring(keys: Keys) -> None:
    random, killed = Random(1), 0
    keys.put((A, "active", 99 * DAY), (B, "next", DAY))
    command = [sys.executable, "-c", STEADY, str(keys.path)]
    for _ in range(10):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(random.randrange(1, 20)):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            killed += 1
        assert list(keys.states.values()).count("active") == 1
    assert keys.run("rotate", "--force", "--older-than", "0").exit_code == 0
    assert killed == 10


# Rotates without a pause.
STEADY = """
import sys
from pathlib import Path
from datetime import timedelta
from flask_tokenauth.commands.keys.ring_file import RingFile
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_ring import RingTimes
file, now = RingFile(Path(sys.argv[1])), 2e9
times = RingTimes(publication=timedelta(0), retention=timedelta(seconds=3))
while True:
    now += 1
    with file.locked():
        stored = file.read(now=now)
        ring = stored.ring.promote(Key.generate("EdDSA"), now=now).without_expired(now=now, times=times)
        file.write(ring, instead_of=stored)
    print(now, flush=True)
"""
