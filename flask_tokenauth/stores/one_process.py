"""Notices a second process that uses the memory of a store, which it got a copy of."""

import os
import tempfile
import weakref

from ..core.errors import SettingsError


class OneProcess:
    """Belongs to the first process that uses it, as long as that process lives.

    Workers that a server forks from one process each get a copy of its memory: a token that one worker revokes would
    still be accepted by the others. So the first process locks a file that all of them have open, and the others
    cannot lock it. The lock ends with its process, so a worker that replaces a dead one can take it.
    """

    def __init__(self) -> None:
        self._owner: int | None = None
        self._file = _open_shared_file() if hasattr(os, "lockf") else None  # systems without it cannot fork
        if self._file is not None:
            weakref.finalize(self, os.close, self._file)

    def check(self) -> None:
        """Check that this process is the only one that uses the store.

        Raises:
            SettingsError: another process uses it, which was forked from the same one. This is no outage: it does not
                end until the setting is changed.
        """
        if self._owner != os.getpid():
            self._take()

    def _take(self) -> None:
        if self._owner not in (None, os.getpid()):  # a copy, taken by a fork, of a store in use
            raise SettingsError(_TWO_PROCESSES)
        if self._file is not None:
            try:
                os.lockf(self._file, os.F_TLOCK, 0)  # a child does not inherit it
            except OSError as error:
                raise SettingsError(_TWO_PROCESSES) from error
        self._owner = os.getpid()


_TWO_PROCESSES = (
    "memory:// must be used by one process, but another process uses this store already: for several workers set a "
    "database, for example sqlite:////var/lib/api/tokens.db"
)


def _open_shared_file() -> int:
    try:
        file, path = tempfile.mkstemp(prefix="tokenauth-")
        os.unlink(path)  # noqa: PTH108  # only processes that are forked from this one have it
    except OSError as error:
        raise SettingsError(
            "memory:// needs a writable directory for temporary files, to notice other processes, but there is none: "
            "set the environment variable TMPDIR"
        ) from error
    return file
