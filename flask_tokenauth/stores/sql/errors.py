"""Errors of the database and of SQLAlchemy become ``StoreUnavailable``, with a message that has no values in it."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ...core.errors import StoreUnavailable
from .dialect import Dialect

T = TypeVar("T")


def translated(run: Callable[[], T], dialect: Dialect, path: str | None) -> T:
    """Call *run* and return its result. Raise ``StoreUnavailable`` for the errors of SQLAlchemy and drivers.

    The error has no cause and no context: messages of drivers and of SQLAlchemy may have a password, a statement or its
    values in them.

    Args:
        run: uses the database.
        dialect: describes an error.
        path: of the database, for the message; None if it is not known.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    try:
        return run()
    except DBAPIError as error:
        message = dialect.describe_error(error.orig, path)
    except SQLAlchemyError as error:
        message = f"SQLAlchemy raised {type(error).__name__}"
    except UnicodeError:  # it has the value
        message = "a value cannot be encoded for the database, or decoded: its encoding must be UTF-8"
    raise StoreUnavailable(message)
