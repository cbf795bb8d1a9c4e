"""The files of an SQLite database: who may use them, and what keeps this process from using them."""

import os
from contextlib import suppress
from pathlib import Path

from ...core.process import ProcessLock

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


def find_obstacle(path: Path) -> str | None:
    """Return why this process cannot use an SQLite file now, with advice; None if there is no reason.

    Args:
        path: the path of the file, which need not exist.
    """
    directory = path.parent
    if not os.path.isdir(directory):  # noqa: PTH112  # Path.is_dir raises at times
        return f"the directory {directory}, which this process cannot find: create it"
    sidecars = [Path(f"{path}{ending}") for ending in _SIDECARS]
    for needed in (directory, path, *sidecars):
        if os.path.exists(needed) and not os.access(needed, os.R_OK | os.W_OK):  # noqa: PTH110  # see above
            return f"{needed}, which this process may not write: {_advise(needed, is_sidecar=needed in sidecars)}"
    return None


def _advise(path: Path, *, is_sidecar: bool) -> str:
    user = f"the user of this process ({os.geteuid()})" if hasattr(os, "geteuid") else "the user of this process"
    owner = f"it belongs to user {path.stat().st_uid}"
    if is_sidecar:
        return (
            f"{owner}, probably since a command ran as that user. Change the owner with chown to {user}, and run "
            "commands as the user of the workers"
        )
    return f"{owner}, allow it to {user}, for example with chown"


def find_foreign_owner(path: Path) -> str | None:
    """Return a warning if this process runs as another user than the owner of the database; None otherwise.

    Args:
        path: the path of the file, which need not exist.
    """
    if not hasattr(os, "geteuid"):
        return None  # pragma: no cover  # Windows
    # Files that root creates in the directory of another user are closed to that user.
    for owned in (path, path.parent) if os.geteuid() == 0 else (path,):
        try:
            owner = owned.stat().st_uid
        except OSError:
            continue
        if owner != os.geteuid():
            return (
                f"{owned} belongs to user {owner}, and this command runs as user {os.geteuid()}: files that it creates "
                f"may be closed to the workers. Run it as the user of the workers, or give {path}, {path}-wal and "
                f"{path}-shm to that user with chown"
            )
    return None
