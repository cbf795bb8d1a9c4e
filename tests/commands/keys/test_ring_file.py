"""The file of a ring: what it may look like, who else may write to it, and that it is whole at any moment."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from flask_tokenauth.commands.keys import file_rights, ring_file
from flask_tokenauth.commands.keys.ring_file import LONGEST_WAIT, RingFile
from flask_tokenauth.core.errors import InvalidKey

from ...conftest import NOW, StandingClock
from .conftest import A, B, Keys

DAY = 86_400
COMMANDS = [["list"], ["rotate"], ["remove", "a"], ["replace", "--compromised"], ["export"]]


def put_link(keys: Keys) -> None:
    keys.put((A, "active", 0))
    keys.path.rename(keys.path.with_name("elsewhere"))
    keys.path.symlink_to(keys.path.with_name("elsewhere"))


BROKEN: dict[str, tuple[Callable[[Keys], object], str]] = {
    "no file": (lambda _: None, "there is none at this path: make it with python -m flask_tokenauth keys generate"),
    "an empty file": (lambda keys: keys.path.touch(), "must have a JWK Set, got an empty file: restore a backup"),
    "broken JSON": (
        lambda keys: keys.path.write_text('{"keys": ['),
        "got malformed JSON, at line 1, column 11: correct it, or copy the file again: restore a backup",
    ),
    "PEM": (
        lambda keys: keys.path.write_text(A.to_pem(private=True)),
        "got PEM text: keys in PEM cannot be rotated, so make another file with keys generate",
    ),
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


@pytest.mark.parametrize("command", [["generate"], *COMMANDS], ids=lambda command: command[0])
def test_links_that_lead_to_each_other_are_one_sentence(keys: Keys, command: list[str]) -> None:
    keys.path.symlink_to(keys.path.with_name("other"))
    keys.path.with_name("other").symlink_to(keys.path)

    result = keys.run(*command)

    assert result.exit_code == 1
    assert result.output.startswith("Error: the path of the keys must lead to a file, got one that does not (")


def test_a_folder_that_may_not_be_searched_is_one_sentence(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ring_file.os.path, "realpath", refuse)  # type: ignore[attr-defined]

    result = keys.run("list")

    assert result.exit_code == 1
    assert "got one that does not (Permission denied)" in result.output


def test_a_folder_that_is_not_there_is_one_sentence(keys: Keys) -> None:
    result = RingFile(keys.path.parent / "missing" / "keys.json")

    with (
        pytest.raises(InvalidKey, match="must be writable to change the keys, got the error 'No such file"),
        result.locked(),
    ):
        pass  # pragma: no cover


def test_a_lock_that_is_a_symbolic_link_is_not_followed(keys: Keys) -> None:
    """Another user may have put it there."""
    keys.path.with_name(".keys.json.lock").symlink_to("/etc/passwd")

    result = keys.run("generate")

    assert result.exit_code == 1
    assert not keys.path.exists()


def test_a_new_file_that_a_killed_command_has_left_is_removed(keys: Keys) -> None:
    keys.put((A, "active", 0))
    left = keys.path.with_name(".keys.json.0123abcd.new")
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
    assert list(keys.path.parent.glob(".*.new")) == []


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
    assert list(keys.path.parent.glob(".*.new")) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:  # pragma: no cover
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("arguments", [["generate"], ["rotate", "--older-than", "0", "--force"], ["remove", "b"]])
def test_a_full_disk_loses_nothing(small_disk: Path, clock: StandingClock, keys: Keys, arguments: list[str]) -> None:
    full = Keys(small_disk / "keys.json", clock)
    full.put((A, "active", 99 * DAY), (B, "next", DAY))
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)
    before = full.path.read_bytes()

    result = full.run(*arguments)

    assert result.exit_code == 1
    assert result.output.startswith(f"Error: the folder {small_disk} must be writable to change the keys")
    assert "No space left on device" in result.output
    assert full.path.read_bytes() == before
    assert [path.name for path in small_disk.glob(".*.new")] == []


def test_a_secret_that_is_mounted_read_only_is_named(small_disk: Path, clock: StandingClock, keys: Keys) -> None:
    mounted = Keys(small_disk / "keys.json", clock)
    mounted.put((A, "active", 99 * DAY), (B, "next", DAY))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    result = mounted.run("rotate")

    assert result.exit_code == 1
    assert "Read-only file system" in result.output
    assert "a secret that Kubernetes mounts is read-only, so run the command where the secret is made" in result.output
    assert mounted.run("list").exit_code == 0


@pytest.mark.slow
def test_of_two_commands_at_once_one_rotates(keys: Keys) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", DAY))

    with ThreadPoolExecutor(2) as pool:
        processes = list(pool.map(lambda _: rotate(keys.path), range(2)))

    assert sorted(process.stdout.split(" ")[0] for process in processes) == ["Nothing", "The"]
    assert [keys.states[kid] for kid in "ab"] == ["retired", "active"]


def rotate(path: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flask_tokenauth", "keys", "--file", str(path), "rotate"]
    return subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.mark.slow
def test_a_command_waits_for_the_lock(keys: Keys) -> None:
    keys.put((A, "active", 0))
    with RingFile(keys.path).locked():
        command = [sys.executable, "-m", "flask_tokenauth", "keys", "--file", str(keys.path), "generate"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert process.stderr.readline() == "Waiting for another command that changes the keys.\n"
        assert keys.states == {"a": "active"}
        stored = RingFile(keys.path).read()
        ring = stored.read_ring(now=NOW)
        assert ring is not None
        RingFile(keys.path).write(ring.add_next(B, now=NOW), instead_of=stored)
    _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (0, "")
    assert list(keys.states.values()) == ["active", "next", "next"]


def test_a_command_gives_up_after_half_a_minute(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.put((A, "active", 0))
    moments = iter([0.0, 1.0, LONGEST_WAIT - 0.1, LONGEST_WAIT])
    waited: list[str] = []
    lock = SimpleNamespace(lockf=refuse, LOCK_EX=2, LOCK_NB=4)
    monkeypatch.setattr(ring_file, "time", SimpleNamespace(monotonic=moments.__next__, sleep=lambda _: None))
    monkeypatch.setattr(ring_file, "check_system", lambda: lock)

    with (
        pytest.raises(InvalidKey, match=r"another command must end before .* but it has not for 30 seconds"),
        RingFile(keys.path).locked(on_wait=lambda: waited.append("waited")),
    ):
        pass  # pragma: no cover

    assert waited == ["waited"]
    assert list(moments) == []


def refuse(*_: object) -> NoReturn:
    raise BlockingIOError


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_lock_of_another_user_is_refused(keys: Keys) -> None:
    """In a folder where all users may make files, it could keep out commands for ever."""
    keys.put((A, "active", 0))
    lock = keys.path.with_name(".keys.json.lock")
    lock.touch()
    os.chown(lock, 12345, 0)

    result = keys.run("generate")

    assert result.exit_code == 1
    assert f"{lock} must belong to root or to the user of this command: remove it" in result.output


def test_a_system_without_locks_of_files_gets_one_sentence(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_rights, "fcntl", None)

    result = keys.run("generate")

    assert result.exit_code == 1
    assert "make and rotate the keys on another machine, and copy the file" in result.output


def test_an_exchange_that_may_not_survive_a_power_failure_says_that_it_was_made(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.put((A, "active", 0))
    synced: list[int] = []
    fsync = os.fsync

    def fail_for_folders(file: int) -> None:
        if synced:
            raise OSError(5, "Input/output error")
        synced.append(file)
        fsync(file)

    monkeypatch.setattr(ring_file.os, "fsync", fail_for_folders)  # type: ignore[attr-defined]

    result = keys.run("generate")

    assert result.exit_code == 1
    assert "the keys were exchanged, but the folder" in result.output
    assert list(keys.states.values()) == ["active", "next"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_command_that_is_killed_at_any_moment_leaves_a_ring(keys: Keys) -> None:
    keys.put((A, "active", 99 * DAY), (B, "next", DAY))

    ran = subprocess.run(
        [sys.executable, "-c", KILLED, str(keys.path)], capture_output=True, text=True, timeout=300, check=False
    )

    assert (ran.returncode, ran.stdout) == (0, f"{KILLS} kills\n"), ran.stderr
    assert list(keys.states.values()).count("active") == 1
    assert keys.run("rotate", "--force", "--older-than", "0").exit_code == 0


KILLS = 200
# Forks children that rotate without a pause, and kills each of them. After that the file must be good for one rotation.
KILLED = f"""
import os, sys
from datetime import timedelta
from pathlib import Path
from random import Random
from signal import SIGKILL
from flask_tokenauth.commands.keys.ring_file import RingFile
from flask_tokenauth.core.keys.key import Key
from flask_tokenauth.core.keys.key_ring import RingTimes

file, chance, kills = RingFile(Path(sys.argv[1])), Random(1), 0
times = RingTimes(publication=timedelta(0), retention=timedelta(seconds=3))

def rotate(now):
    with file.locked():
        stored = file.read()
        ring = stored.read_ring(now=now).promote(Key.generate("EdDSA"), now=now).without_expired(now=now, times=times)
        file.write(ring, instead_of=stored)

for number in range({KILLS}):
    reading, writing = os.pipe()
    child, now = os.fork(), 2e9 + 1000 * number
    if child == 0:
        while True:
            now += 1
            os.write(writing, b"x")
            rotate(now)
    os.read(reading, chance.randrange(1, 6))
    for _ in range(chance.randrange(30_000)):
        pass
    os.kill(child, SIGKILL)
    kills += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    os.close(reading)
    os.close(writing)
    rotate(now + 500)
print(kills, "kills")
"""
