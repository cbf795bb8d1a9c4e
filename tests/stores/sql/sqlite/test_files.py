"""The files of SQLite: their mode, their owner, and the hints for files that this process cannot use."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from stat import S_IMODE

import pytest
from sqlalchemy import create_engine

from flask_tokenauth.core.errors import StoreUnavailable
from flask_tokenauth.stores.sql import SQLStore
from flask_tokenauth.stores.sql.sqlite import files
from flask_tokenauth.stores.sql.sqlite.files import find_foreign_owner, find_obstacle
from flask_tokenauth.testing.store_contract.kit import start

from ...sqlite_kit import engine_of, execute, url_of

ENDINGS = ["", "-wal", "-shm"]


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


READER = """
import sqlite3, sys
print(list(sqlite3.connect(sys.argv[1]).execute("SELECT user_id, epoch FROM tokenauth_user_epoch")))
"""


def ask_another_program(path: Path) -> str:
    """Return the rows of one table as another process sees them, which closes the file at its end."""
    command = [sys.executable, "-c", READER, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("ending", ENDINGS)
def test_only_its_user_can_read_a_file_that_the_store_creates(path: Path, store: SQLStore, ending: str) -> None:
    start(store)

    assert S_IMODE(Path(f"{path}{ending}").stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/locks shows the locks of a process")
def test_a_further_connection_leaves_the_locks_of_the_first_one(path: Path, store: SQLStore) -> None:
    """Without them, another program would take itself for the last one, and delete the log."""
    start(store)

    with engine_of(store).connect(), engine_of(store).connect():
        locked = Path("/proc/locks").read_text(encoding="ascii")

    assert f":{path.stat().st_ino} " in locked


def test_another_program_that_closes_the_file_takes_no_revocation_away(path: Path, store: SQLStore) -> None:
    with engine_of(store).connect(), engine_of(store).connect():
        ask_another_program(path)
    epoch = store.revoke_user("alice", retention=timedelta(days=1), api_keys=False)

    assert ask_another_program(path) == f"[('alice', {epoch})]"


def test_the_target_of_a_link_is_private_too(tmp_path: Path, path: Path, store: SQLStore) -> None:
    path.symlink_to(tmp_path / "elsewhere.db")

    start(store)

    assert S_IMODE((tmp_path / "elsewhere.db").stat().st_mode) == 0o600


def test_the_mode_of_an_existing_file_stays(path: Path, store: SQLStore) -> None:
    execute(path, "CREATE TABLE other (id)")
    path.chmod(0o640)

    start(store)

    assert S_IMODE(path.stat().st_mode) == 0o640


def test_the_application_decides_on_the_mode_of_its_own_file(path: Path) -> None:
    store = SQLStore(create_engine(url_of(path)))

    start(store)
    store.close()

    assert S_IMODE(path.stat().st_mode) == 0o644


@pytest.fixture
def no_access(path: Path, monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Return the paths that this process may not write. The database and the files beside it exist."""
    closed: set[Path] = set()
    for ending in ENDINGS:
        Path(f"{path}{ending}").touch()
    monkeypatch.setattr(os, "access", lambda file, _: file not in closed)
    return closed


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_owner_of_a_file_that_is_closed_to_it_gets_the_command(
    path: Path, no_access: set[Path], ending: str
) -> None:
    closed = Path(f"{path}{ending}")
    no_access.add(closed)

    assert find_obstacle(path) == f"{closed}, which this process may not write: run chmod u+rwX {closed}"


def test_the_database_and_the_files_beside_it_are_named_together(path: Path, no_access: set[Path]) -> None:
    """SQLite gives the files beside a database the mode of the database."""
    files = [Path(f"{path}{ending}") for ending in ENDINGS]
    no_access |= set(files)
    commanded = " ".join(map(str, files))

    assert str(find_obstacle(path)).endswith(f"which this process may not write: run chmod u+rwX {commanded}")


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets the owner of all files. This process runs as user 1001."""
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    return lambda uid: monkeypatch.setattr("flask_tokenauth.stores.sql.sqlite.files._owner", lambda _: uid)


def test_another_user_than_root_gets_the_owner_and_the_command(
    path: Path, no_access: set[Path], owner: Callable[[int], None]
) -> None:
    no_access.add(path)
    owner(0)

    assert find_obstacle(path) == (
        f"{path}, which this process may not write: the owner is user 0. Run as root: chown 1001 {path}"
    )


def test_a_command_of_a_wrong_user_is_not_advised_to_take_the_file_from_the_workers(
    path: Path, no_access: set[Path], owner: Callable[[int], None]
) -> None:
    no_access.add(path)
    owner(1000)

    assert find_obstacle(path) == (
        f"{path}, which this process may not write: the owner is user 1000. Run this process as that user. If the "
        f"workers run as user 1001, as root: chown 1001 {path}"
    )


@pytest.mark.parametrize(
    ("uid", "advice"),
    [(0, "Run as root"), (1000, "Run this process as that user. If the workers run as user 1001, as root")],
)
def test_the_owner_of_a_directory_stays(
    path: Path, no_access: set[Path], owner: Callable[[int], None], uid: int, advice: str
) -> None:
    """It may be /tmp or /var/lib."""
    no_access.add(path.parent)
    owner(uid)

    assert find_obstacle(path) == (
        f"{path.parent}, which this process may not write: the owner is user {uid}. {advice}: install -d -o 1001 "
        "-m 700 DIRECTORY, and put the database there"
    )


def test_the_files_that_a_command_left_are_named_together(
    path: Path, no_access: set[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    no_access |= {Path(f"{path}-wal"), Path(f"{path}-shm")}
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    assert find_obstacle(path) == (
        f"{path}-wal and {path}-shm, which this process may not write: the owner is user {os.getuid()}, probably since "
        f"a command ran as that user. Run as root: chown {os.getuid() + 1} {path}-wal {path}-shm. Run commands as the "
        "user of the workers"
    )


def test_files_that_this_process_may_write_are_no_obstacle(path: Path) -> None:
    path.touch()

    assert find_obstacle(path) is None


def test_the_error_names_the_file_of_another_user(path: Path, store: SQLStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory takes the place of the file, because tests may run as a user who may write every file."""
    path.mkdir()
    monkeypatch.setattr(os, "access", lambda file, _: file != path)

    with pytest.raises(StoreUnavailable, match=rf"CANTOPEN.*: the store needs {re.escape(str(path))}, which this"):
        store.create()


def test_a_command_of_another_user_than_the_owner_is_warned(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.touch()
    owner = os.getuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    warning = find_foreign_owner(path)

    assert warning is not None
    assert warning.startswith(f"{path} belongs to user {owner}, and this command runs as user {owner + 1}: ")


def test_a_file_that_is_not_there_belongs_to_no_other_user(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    assert find_foreign_owner(path) is None


def test_the_owner_gets_no_warning(path: Path) -> None:
    path.touch()

    assert find_foreign_owner(path) is None


@pytest.mark.parametrize(
    ("file", "directory", "warned"),
    [(None, 7, True), (0, 7, True), (7, 7, False), (7, 0, False), (None, 0, False), (0, 0, False)],
)
def test_root_is_warned_of_files_that_would_be_its_own_in_the_directory_of_another_user(
    path: Path, monkeypatch: pytest.MonkeyPatch, file: int | None, directory: int, *, warned: bool
) -> None:
    """SQLite gives the files beside the database to its owner if root creates them."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(files, "_owner", {path: file, path.parent: directory}.get)

    warning = find_foreign_owner(path)

    assert (warning is not None) is warned
    assert str(warning).startswith(f"{path.parent} belongs to user 7, ") is warned
