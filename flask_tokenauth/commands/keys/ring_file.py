"""The file of a ring of keys: it is read, and exchanged in one step, while other commands wait.

A process that reads the file, or a crash at any moment, finds the old ring or the new one.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ...core.encoding import strict_json
from ...core.errors import InvalidKey
from ...core.keys.key_files import read_key_file
from ...core.keys.key_ring import KeyRing
from ...core.keys.key_set import KeySet
from .file_rights import check_rights

_NEW_MODE = 0o600


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """The content of the file.

    Attributes:
        data: the bytes.
        keys: the set that an application loads.
        ring: None if the keys have no status.
        written_at: seconds since 1970-01-01T00:00:00Z.
    """

    data: bytes
    keys: KeySet
    ring: KeyRing | None
    written_at: float


class RingFile:
    """The file of a ring.

    Args:
        path: of the file. Symbolic links are followed at each use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def target(self) -> Path:
        """The path without symbolic links."""
        return self.path.resolve()

    def exists(self) -> bool:
        """Return whether there is a file, or anything else at its path."""
        return self.path.exists()

    def read(self, *, now: float) -> StoredKeys:
        """Read the file.

        Args:
            now: seconds since 1970-01-01T00:00:00Z.

        Raises:
            InvalidKey: it cannot be read, has no JWK Set, or others can change it.
        """
        data, version = read_key_file(self.path)
        check_rights(self.target)
        written_at = version.written_at / 1e9
        try:
            jwks = strict_json.read_object(data)
        except ValueError:
            raise InvalidKey(
                f"the key file {str(self.path)!r} must have a JWK Set, got something else: a ring of keys is in JSON, "
                "and keys in PEM cannot be rotated. Make a new file with keys generate"
            ) from None
        try:
            return StoredKeys(
                data, KeySet.from_jwks(jwks), KeyRing.from_jwks(jwks, written_at=written_at, now=now), written_at
            )
        except InvalidKey as error:
            raise InvalidKey(f"the key file {str(self.path)!r} cannot be used: {error}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep out other commands that change the file, within the ``with`` block. The first one is waited for.

        The lock ends with this process, however it ends. Its file stays, and is empty.

        Raises:
            InvalidKey: the folder cannot be written to, or others can write to it.
        """
        target = self.target
        check_rights(target)
        try:
            lock = os.open(
                target.with_name(f".{target.name}.lock"),
                os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
                _NEW_MODE,
            )
        except OSError as error:
            raise self._not_written(error) from None
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def write(self, ring: KeyRing, *, instead_of: StoredKeys | None) -> None:
        """Exchange the file, while :meth:`locked`. Its mode and its owner stay.

        Args:
            ring: the new content.
            instead_of: what was read; None if there was no file.

        Raises:
            InvalidKey: the file has changed since it was read, or it cannot be written. The old one stays.
        """
        target = self.target
        new = target.with_name(f".{target.name}.new")
        try:
            with suppress(FileNotFoundError):
                new.unlink()  # a command that was killed has left it
            self._write_new(new, json.dumps(ring.to_jwks(), indent=2).encode() + b"\n", like=target)
            if (target.read_bytes() if instead_of else None) != (instead_of.data if instead_of else None):
                raise InvalidKey(f"{self.path} has changed while this command ran, and was left as it is: try again")
            if instead_of is None and target.exists():
                raise InvalidKey(f"{self.path} was made by another program while this command ran: try again")
            new.replace(target)
            self._sync(target.parent)
        except OSError as error:
            raise self._not_written(error) from None
        finally:
            with suppress(OSError):
                new.unlink()

    def _write_new(self, new: Path, data: bytes, *, like: Path) -> None:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _NEW_MODE)
        try:
            if like.exists():
                status = like.stat()
                if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file, status.st_uid, status.st_gid)
                os.fchmod(file, status.st_mode & 0o777)
            with os.fdopen(file, "wb", closefd=False) as stream:
                stream.write(data)
            os.fsync(file)
        finally:
            os.close(file)

    def _sync(self, folder: Path) -> None:
        """Write the name of the file to the disk, so that it is there after a power failure."""
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)

    def _not_written(self, error: OSError) -> InvalidKey:
        return InvalidKey(
            f"the folder {self.target.parent} must be writable to change the keys, got the error {error.strerror!r}: a "
            "secret that Kubernetes mounts is read-only, so run the command where the secret is made, and copy the "
            "file; otherwise check the folder, its rights and its disk. The keys are as they were"
        )
