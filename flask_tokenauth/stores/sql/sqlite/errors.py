"""Words and advice for the errors of SQLite."""

import shlex
from pathlib import Path

from ....core.errors import StoreUnavailable
from .files import find_obstacle, how_to_restore

_ADVICE = {  # by the beginning of the name of an error
    "SQLITE_FULL": "free space on its disk",
    "SQLITE_IOERR": "check the disk. SQLite does not work on a network file system",
}


def name_of(error: BaseException | None) -> str:
    """Return the name that SQLite has for an error of the driver; an empty string if it has none."""
    return getattr(error, "sqlite_errorname", "")


def own_transaction(path: str | None) -> StoreUnavailable:
    """Return the error for a thread that holds the lock itself, in a session of SQLAlchemy.

    Args:
        path: of the SQLite file; None if it is not known.
    """
    return StoreUnavailable(
        "the database can have one writer at a time, and it is this thread: its db.session has written to "
        f"{path or 'the file'} and has not committed. Call db.session.commit() before token_response and before you "
        "revoke"
    )


def describe(error: BaseException | None, path: str | None) -> str:
    """Describe an error of the driver. The messages of SQLite are repeated, since they name tables, and no values.

    Args:
        error: of the driver.
        path: of the file; None if it is not known.
    """
    name = name_of(error)
    if not name:
        return f"the driver of the database raised {type(error).__name__}"
    found = f"SQLite reports {name}, {error}" if path is None else f"SQLite reports {name}, {error} ({path})"
    advice = _advise(name, str(error), path)
    return found if advice is None else f"{found}: {advice}"


def _advise(name: str, message: str, path: str | None) -> str | None:
    """Return what to do about an error of SQLite, or None if that is not known."""
    if name == "SQLITE_ERROR" and message.startswith(("no such table", "no such column", "table tokenauth_")):
        return "a migration has probably removed it, run flask tokenauth doctor and flask tokenauth init-db"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return f"restore a backup. {how_to_restore(path)}"
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
        return _advise_on_files(path)
    if name.startswith("SQLITE_BUSY"):
        return _advise_on_lock(path)
    return next((advice for prefix, advice in _ADVICE.items() if name.startswith(prefix)), None)


def _advise_on_lock(path: str | None) -> str:
    users = "" if path is None else f" (fuser {shlex.quote(path)} lists all that use the file)"
    return (
        f"another process has written for too long{users}, or this thread has an open transaction of its own in the "
        "same database: commit it before you call token_response or revoke"
    )


def _advise_on_files(path: str | None) -> str:
    if path is not None and (obstacle := find_obstacle(Path(path))):
        return f"the store needs {obstacle}"
    return "allow this process to write to the file and to its directory, which must exist"
