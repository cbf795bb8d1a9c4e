"""Checks who else may read or write the file of the keys."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_IROTH, S_ISVTX, S_IWGRP, S_IWOTH
from types import ModuleType
from typing import Any

from ...core.errors import InvalidKey

fcntl: ModuleType | None
try:
    import fcntl
except ModuleNotFoundError:  # pragma: no cover  # Windows
    fcntl = None


def check_system() -> Any:
    """Return the module for locks of files.

    Raises:
        InvalidKey: this system has none.
    """
    if fcntl is None:
        raise InvalidKey(
            "this system must have locks of files and owners as Linux and macOS have them, and has none: make and "
            "rotate the keys on another machine, and copy the file"
        )
    return fcntl


def check_rights(path: Path) -> None:
    """Check that only root and this user can change the file, or exchange it or a folder on the way to it.

    Args:
        path: of the file, which need not exist. Symbolic links are followed.

    Raises:
        InvalidKey: another user can.
    """
    check_system()
    target, given = path.resolve(), path.absolute()
    for found in dict.fromkeys((target, *target.parents, *given.parents)):
        if not found.exists():
            continue
        status = found.stat()
        if status.st_uid not in (0, os.geteuid()):
            raise InvalidKey(
                f"{found} must belong to root or to the user of this command, since its owner could exchange the keys, "
                f"got the user with the ID {status.st_uid}: run the command as that user, or change the owner"
            )
        if status.st_mode & S_IWOTH and not (found.is_dir() and status.st_mode & S_ISVTX):
            raise InvalidKey(
                f"{found} must not be writable for all users, who could exchange the keys: run chmod o-w {found}"
            )


def find_weak_rights(path: Path) -> Iterator[str]:
    """Yield a warning for each right that others have, and that may be meant.

    Args:
        path: of the file, without symbolic links.
    """
    mode = path.stat().st_mode
    if mode & S_IROTH:
        yield f"all users of this machine can read {path}, and make tokens: run chmod o-r {path}"
    if mode & S_IWGRP:
        yield f"the group of {path} can change it: run chmod g-w {path}, unless that is meant"
    if path.parent.stat().st_mode & S_IWGRP:
        yield f"the group of {path.parent} can exchange the keys: run chmod g-w {path.parent}, unless that is meant"
