"""SQLite files of several users: the hints are right, and commands of root leave nothing that is closed to workers."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...process_kit import Spawn, run

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can become another user"
)
NEEDS = "which this process may not write: the owner is user"


_ENTER = 0o001  # by every user
_FOLDERS = ("/var/tmp", "/tmp")  # each test makes a directory of its own there


def find_folder() -> Path:  # pragma: no cover  # skipped
    """Return a folder for temporary files that every user can enter. That of the environment may be closed."""
    for folder in map(Path, (tempfile.gettempdir(), *_FOLDERS)):
        if folder.is_dir() and all(entered.stat().st_mode & _ENTER for entered in (folder, *folder.parents)):
            return folder
    pytest.fail("no folder for temporary files can be entered by every user")


@pytest.fixture
def path() -> Iterator[Path]:  # pragma: no cover  # skipped
    """Return a path in a directory that every user can enter. Those of pytest are closed to others."""
    directory = Path(tempfile.mkdtemp(dir=find_folder()))
    directory.chmod(0o777)
    yield directory / "tokens.db"
    shutil.rmtree(directory)


@pytest.mark.slow
def test_files_that_a_command_of_another_user_left_are_named(
    path: Path, spawn: Spawn
) -> None:  # pragma: no cover  # skipped
    [line] = run(spawn("use_after_another_user", str(path), "1"))

    assert line.endswith(
        f": the store needs {path}-wal and {path}-shm, {NEEDS} 1, probably since a command ran as that user. Run "
        f"as root: chown 65534 {path}-wal {path}-shm. Run commands as the user of the workers"
    )


@pytest.mark.slow
def test_files_that_a_command_of_root_left_are_no_obstacle(
    path: Path, spawn: Spawn
) -> None:  # pragma: no cover  # skipped
    assert run(spawn("use_after_another_user", str(path), "0")) == ["started"]


@pytest.mark.slow
def test_a_database_of_root_is_named(path: Path, spawn: Spawn) -> None:  # pragma: no cover  # skipped
    [line] = run(spawn("use_file_of_root", str(path)))

    assert line.endswith(f"the store needs {path}, {NEEDS} 0. Run as root: chown 65534 {path}")


@pytest.mark.slow
def test_a_command_of_another_user_warns_and_leaves_no_files(
    path: Path, spawn: Spawn
) -> None:  # pragma: no cover  # skipped
    warning, *lines = run(spawn("run_command_as_another_user", str(path)))

    assert warning.startswith(f"Warning: {path} belongs to user 65534, and this command runs as user 1: ")
    assert lines == ["Deleted: 0.", "tokens.db"]
