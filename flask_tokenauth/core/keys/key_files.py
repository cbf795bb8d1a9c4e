"""Reads the files of keys. No other module of the core reads files."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from ..errors import InvalidKey

_MAX_FILE = 1024 * 1024  # bytes
_MAX_PATH_SHOWN = 200  # characters
_KEY_FILES = frozenset({".cer", ".crt", ".der", ".json", ".jwk", ".jwks", ".key", ".p8", ".pem", ".pub", ".txt"})
_PATH = r"(?:[A-Za-z]:)?[\w./\\~ -]+"  # no URL, no JSON and no user with a password


class FileVersion(NamedTuple):
    """What is different for another content of a file at the same path."""

    inode: int
    written_at: int  # nanoseconds since 1970-01-01T00:00:00Z
    size: int  # bytes


def read_key_file(path: Path) -> tuple[bytes, FileVersion]:
    """Return the content of a file, with the version that was read. Symbolic links are followed.

    Raises:
        InvalidKey: there is no file that can be read, or it has more than 1 MiB. The message shows the path only if it
            is clearly one: it may be a secret in the wrong setting.
    """
    try:
        found = _read_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise InvalidKey(
            f"the key file must be readable, got {_describe_path(path)} ({reason}): check the path; a relative path "
            "starts at the working directory"
        ) from None
    if found is None:
        raise InvalidKey(
            f"the path of the keys must be that of a file, got {str(path)!r}, which is a directory, a pipe or a device"
        )
    if len(found[0]) > _MAX_FILE:
        raise InvalidKey(f"the key file must have at most {_MAX_FILE // 1024**2} MiB, got {str(path)!r} with more")
    return found


def find_version(path: Path) -> FileVersion | None:
    """Return the version of a file, or None if it is not there or cannot be seen."""
    try:
        return _to_version(path.stat())
    except (OSError, ValueError):
        return None


def _to_version(status: os.stat_result) -> FileVersion:
    return FileVersion(status.st_ino, status.st_mtime_ns, status.st_size)


def _read_bytes(path: Path) -> tuple[bytes, FileVersion] | None:
    if path.exists() and not path.is_file():  # to read a pipe would wait for a writer
        return None
    with path.open("rb") as file:
        version = _to_version(os.fstat(file.fileno()))  # before the content: a later change is noticed then
        return file.read(_MAX_FILE + 1), version


def _describe_path(path: Path) -> str:
    """Return words for *path*, which cannot be read. They show it only if it is clearly a path.

    It may be a secret in the wrong setting, and base64 has slashes too. So a path is shown if it begins with a
    directory that exists, or ends like the name of a key file.
    """
    string = str(path)
    first = Path(*path.parts[: 2 if path.anchor else 1])
    is_path = path.suffix.lower() in _KEY_FILES or os.path.isdir(first)  # noqa: PTH112  # Path.is_dir raises at times
    if is_path and re.fullmatch(_PATH, string) and len(string) <= _MAX_PATH_SHOWN:
        return repr(string)
    return "a path that is not shown, since it may be a secret"
