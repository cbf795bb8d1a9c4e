"""The files of an SQLite database: who may use them, and what keeps this process from using them."""

import os
import shlex
from contextlib import suppress
from pathlib import Path

from ....core.process import ProcessLock

_SIDECARS = ("-wal", "-shm")  # SQLite puts these files beside the database
_PRIVATE = 0o600
_creating = ProcessLock()


def create_private_file(path: str) -> None:
    """Create an empty file that only this user can read, unless there is a file. SQLite would follow the umask.

    The ``-wal`` and ``-shm`` files get the mode of the database from SQLite.

    Args:
        path: the path of the database. If it cannot be created, SQLite reports the reason afterwards.
    """
    # A file that exists is never opened here: if a process closes a file, it loses all its locks on the file, also
    # those of SQLite. Another program would then delete the log that this process writes to. No connection may be
    # opened either between the creation and the closing.
    with _creating, suppress(OSError):
        os.close(os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE))


def identify(path: str) -> tuple[int, int] | None:
    """Return what distinguishes the file at *path* from other files, or None if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116  # runs at each use of a connection
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def how_to_restore(path: str | None) -> str:
    """Return the steps that put a backup in the place of the file at *path*; None if the path is not known."""
    name = path or "the file"
    return (
        f"Stop all processes that use it, remove {name}-wal and {name}-shm, put a backup in the place of {name}, and "
        "start them again"
    )


def find_obstacle(path: Path) -> str | None:
    """Return why this process cannot use an SQLite file now, with advice; None if there is no reason.

    Args:
        path: the path of the file, which need not exist.
    """
    directory = path.parent
    if not os.path.isdir(directory):  # noqa: PTH112  # Path.is_dir raises at times
        return (
            f"the directory {directory}, which this process cannot find: create it, or allow this process to enter it"
        )
    for needed in ([directory], [path, *(Path(f"{path}{ending}") for ending in _SIDECARS)]):
        if closed := [file for file in needed if _owner(file) is not None and not os.access(file, os.R_OK | os.W_OK)]:
            closed = [file for file in closed if _owner(file) == _owner(closed[0])]
            named = " and ".join(map(str, closed))
            left = closed[0] not in (directory, path)
            return f"{named}, which this process may not write: {_advise(closed, left=left)}"
    return None


def _advise(closed: list[Path], *, left: bool) -> str:
    """Return what to do about paths of one owner. *left* is True for files that a command may have left."""
    owner, paths = _owner(closed[0]), shlex.join(map(str, closed))
    if not hasattr(os, "geteuid"):
        return "allow this process to write there"  # pragma: no cover  # Windows
    if owner == os.geteuid():
        return f"run chmod u+rwX {paths}"
    me, since = os.geteuid(), ", probably since a command ran as that user" if left else ""
    command = f"chown {me} {paths}{'. Run commands as the user of the workers' if left else ''}"
    if closed[0].is_dir():  # it may hold files of others, so its owner stays
        command = f"install -d -o {me} -m 700 DIRECTORY, and put the database there"
    if owner == 0 or left:
        return f"the owner is user {owner}{since}. Run as root: {command}"
    # A command of a wrong user must not take the files from the workers.
    return (
        f"the owner is user {owner}. Run this process as that user. If the workers run as user {me}, as root: {command}"
    )


def _owner(path: Path) -> int | None:
    """Return the ID of the owner of a file; None if there is no file, or it cannot be known."""
    try:
        return path.stat().st_uid
    except OSError:
        return None


def find_foreign_owner(path: Path) -> str | None:
    """Return a warning if this process runs as another user than the owner of the database; None otherwise.

    Args:
        path: the path of the file, which need not exist.
    """
    if not hasattr(os, "geteuid"):
        return None  # pragma: no cover  # Windows
    me, owner, owned = os.geteuid(), _owner(path), path
    if me == 0:
        if owner not in (None, 0):
            return None  # SQLite gives the files that root creates to the owner of the database
        owner, owned = _owner(path.parent), path.parent
    if owner in (None, me):
        return None
    return (
        f"{owned} belongs to user {owner}, and this command runs as user {me}: files that it creates may be closed to "
        f"the workers. Run it as the user of the workers, or give {path}, {path}-wal and {path}-shm to that user with "
        "chown"
    )
