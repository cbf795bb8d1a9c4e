"""The file of a ring of keys: it is read, and exchanged in one step, while other commands wait.

A process that reads the file, or a crash at any moment, finds the old ring or the new one.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from ...core.errors import InvalidKey
from ...core.keys.key_files import read_key_file
from ...core.keys.key_ring import AnyKeySet, KeyRing
from ...core.keys.loading import parse_jwks
from .file_rights import check_rights, check_system
from .ring_kinds import SIGNING, RingKind, check_kind

_NEW_MODE = 0o600
_NEW_NAMES = frozenset({".json", ".jwk", ".jwks"})
_PAUSE = 0.1  # seconds between two tries to get the lock
LONGEST_WAIT = 30.0  # seconds for the lock


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """The content of the file.

    Attributes:
        path: of the file, for messages.
        data: the bytes.
        jwks: what they mean.
        keys: the set that an application loads.
        written_at: seconds since 1970-01-01T00:00:00Z.
        kind: whether the keys sign or encrypt.
    """

    path: Path
    data: bytes = field(repr=False)
    jwks: Mapping[str, object] = field(repr=False)
    keys: AnyKeySet
    written_at: float
    kind: RingKind

    def read_ring(self, *, now: float) -> KeyRing | None:
        """Return the ring, or None if the keys have no status.

        Args:
            now: seconds since 1970-01-01T00:00:00Z.

        Raises:
            InvalidKey: the keys are no ring that can be rotated.
        """
        with _in_file(self.path):
            return KeyRing.from_jwks(self.jwks, written_at=self.written_at, now=now, kind=self.kind.keys)


class RingFile:
    """The file of a ring.

    Args:
        path: of the file. Symbolic links are followed at each use.
        kind: whether its keys sign or encrypt.
    """

    def __init__(self, path: Path, kind: RingKind = SIGNING) -> None:
        self.path = path
        self._kind = kind

    @property
    def target(self) -> Path:
        """The path without symbolic links.

        Raises:
            InvalidKey: the links lead to each other, or a folder cannot be searched.
        """
        try:
            found = Path(os.path.realpath(self.path))  # Path.resolve differs between versions if links are circular
            reason = "its links lead to each other" if found.is_symlink() else ""
        except OSError as error:
            reason = str(error.strerror)
        if reason:
            raise InvalidKey(f"the path of the keys must lead to a file, got one that does not ({reason})")
        return found

    def exists(self) -> bool:
        """Return whether there is a file, or anything else at its path.

        Raises:
            InvalidKey: that cannot be known.
        """
        return self.target.exists()

    def check_exists(self) -> None:
        """Check that there is a file. The message does not show the path, which may be a secret in the wrong setting.

        Raises:
            InvalidKey: there is none.
        """
        if not self.exists():
            raise InvalidKey(
                "the key file must be there, but there is none at this path: make it with python -m flask_tokenauth "
                f"keys {self._kind.option}generate, or check the path; a relative path starts at the working directory"
            )

    def read(self) -> StoredKeys:
        """Read the file.

        Raises:
            InvalidKey: it cannot be read, has no JWK Set, has keys of the other kind, or others can change it.
        """
        self.check_exists()
        data, version = read_key_file(self.path)
        check_rights(self.path)
        with _with_advice(self.path, self._kind):
            jwks = parse_jwks(data)
        check_kind(jwks, self._kind, self.path)
        with _with_advice(self.path, self._kind):
            loaded = self._kind.keys.from_jwks(jwks)
        return StoredKeys(self.path, data, jwks, loaded, version.written_at / 1e9, self._kind)

    @contextmanager
    def locked(self, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Keep out other commands that change the file, within the ``with`` block. The first one is waited for.

        The lock ends with this process, however it ends. Its file stays, and is empty.

        Args:
            on_wait: called once if another command has the lock.

        Raises:
            InvalidKey: the folder cannot be written to, others can write to it, or another command has the lock for
                half a minute.
        """
        fcntl = check_system()
        target = self.target
        check_rights(self.path)
        path = target.with_name(f".{target.name}.lock")
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _NEW_MODE)
        except OSError as error:
            raise self._not_written(error) from None
        try:
            if os.fstat(lock).st_uid not in (0, os.geteuid()):
                raise InvalidKey(f"{path} must belong to root or to the user of this command: remove it")
            self._take(fcntl, lock, on_wait)
            yield
        finally:
            os.close(lock)

    def _take(self, fcntl: object, lock: int, on_wait: Callable[[], None]) -> None:
        end, has_waited = time.monotonic() + LONGEST_WAIT, False
        while True:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[attr-defined]
            except OSError:  # another command has it
                if time.monotonic() >= end:
                    raise InvalidKey(
                        f"another command must end before {self.path} is changed, but it has not for "
                        f"{LONGEST_WAIT:g} seconds: look for a keys command that has stopped"
                    ) from None
            else:
                return
            if not has_waited:
                on_wait()
                has_waited = True
            time.sleep(_PAUSE)

    def check_new(self) -> None:
        """Check that a new file may have this name. A secret in the wrong setting would be the name of a file.

        Raises:
            InvalidKey: it may not. The message does not show the name.
        """
        if self.path.suffix not in _NEW_NAMES:
            raise InvalidKey(
                "the name of a new file of keys must end with .json, got another name, which is not shown, since it "
                "may be a secret"
            )

    def write(self, ring: KeyRing, *, instead_of: StoredKeys | None) -> None:
        """Exchange the file, while :meth:`locked`. Its mode and its owner stay.

        Args:
            ring: the new content.
            instead_of: what was read; None if there was no file.

        Raises:
            InvalidKey: the file has changed since it was read, or it cannot be written. The old one stays.
        """
        target = self.target
        new = target.with_name(f".{target.name}.{token_hex(4)}.new")
        self._remove_left_over(target)
        try:
            self._write_new(new, json.dumps(ring.to_jwks(), indent=2).encode() + b"\n", like=target)
            if (target.read_bytes() if instead_of else None) != (instead_of.data if instead_of else None):
                raise InvalidKey(f"{self.path} has changed while this command ran, and was left as it is: try again")
            if instead_of is None and target.exists():
                raise InvalidKey(f"{self.path} was made by another program while this command ran: try again")
            new.replace(target)
        except OSError as error:
            raise self._not_written(error) from None
        finally:
            with suppress(OSError):
                new.unlink()
        self._sync(target.parent)

    def _remove_left_over(self, target: Path) -> None:
        """Remove the new files of commands that were killed."""
        for left in target.parent.glob(f".{target.name}.*.new"):
            with suppress(OSError):
                left.unlink()

    def _write_new(self, new: Path, data: bytes, *, like: Path) -> None:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _NEW_MODE)
        try:
            if like.exists():
                old, made = like.stat(), os.fstat(file)
                if (old.st_uid, old.st_gid) != (made.st_uid, made.st_gid):
                    os.fchown(file, old.st_uid, old.st_gid)
                os.fchmod(file, old.st_mode & 0o777)
            with os.fdopen(file, "wb", closefd=False) as stream:
                stream.write(data)
            os.fsync(file)
        finally:
            os.close(file)

    def _sync(self, folder: Path) -> None:
        """Write the name of the file to the disk, so that it is there after a power failure.

        Raises:
            InvalidKey: that is not possible. The file is exchanged.
        """
        try:
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)
        except OSError as error:
            raise InvalidKey(
                f"the keys were exchanged, but the folder {folder} could not be written to the disk, got the error "
                f"{error.strerror!r}: after a power failure the old keys may be back. Make the folder readable for "
                "this command, and look at keys list"
            ) from None

    def _not_written(self, error: OSError) -> InvalidKey:
        concerned = error.filename or self.target.parent
        return InvalidKey(
            f"the folder {self.target.parent} must be writable to change the keys, got the error {error.strerror!r} "
            f"for {concerned}: a secret that Kubernetes mounts is read-only, so run the command where the secret is "
            "made, and copy the file; otherwise check the folder, its rights and its disk. The keys are as they were"
        )


@contextmanager
def _with_advice(path: Path, kind: RingKind) -> Iterator[None]:
    """Name the file in errors about its content, and say how to get a good one."""
    try:
        with _in_file(path):
            yield
    except InvalidKey as error:
        is_pem = str(error).endswith("got PEM text")
        advice = (
            "keys in PEM cannot be rotated, so make another file with keys generate"
            if is_pem
            else f"restore a backup. Without one, remove the file and run keys {kind.option}generate: then all access "
            "tokens are refused"
        )
        raise InvalidKey(f"{error}: {advice}") from error


@contextmanager
def _in_file(path: Path) -> Iterator[None]:
    """Name the file in errors about its keys."""
    try:
        yield
    except InvalidKey as error:
        raise InvalidKey(f"the key file {str(path)!r} cannot be used: {error}") from error
