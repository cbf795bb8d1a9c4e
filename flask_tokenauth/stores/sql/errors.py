"""Errors of the database and of SQLAlchemy become ``StoreUnavailable``, with a message that has no values in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ...core.errors import StoreUnavailable


@contextmanager
def translated(path: str | None) -> Iterator[None]:
    """Raise ``StoreUnavailable`` for the errors of SQLAlchemy.

    Args:
        path: of the SQLite file, for the message; None if it is not known.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailable(f"the database cannot be asked: {_describe(error.orig, path)}") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the database cannot be asked: {type(error).__name__}") from error


def _describe(error: BaseException | None, path: str | None) -> str:
    """Describe an error of the driver. Only the messages of SQLite are repeated: they name tables, and no values."""
    name = getattr(error, "sqlite_errorname", "")
    if not name:
        return type(error).__name__
    found = f"{name}, {error}" if path is None else f"{name}, {error} ({path})"
    if name == "SQLITE_ERROR" and str(error).startswith(("no such table", "no such column", "table tokenauth_")):
        return f"{found}: a migration has probably removed it, run flask tokenauth doctor and flask tokenauth init-db"
    if not name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
        return found
    if path is not None and not Path(path).parent.is_dir():
        return f"{found}: create its directory"
    return f"{found}: allow this process to write to the file and to its directory, which must exist"
