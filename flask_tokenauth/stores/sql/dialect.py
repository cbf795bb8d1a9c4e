"""The differences between SQL servers, in one place: one :class:`Dialect` for each server."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What the statements and the engine have to know of one kind of server."""

    now: ColumnElement[int]  # milliseconds since 1970-01-01T00:00:00Z, of the moment the statement runs
    greatest: Callable[..., ColumnElement[int]]
    least: Callable[..., ColumnElement[int]]
    mark: ColumnElement[int]  # the column "mark" of a new revocation
    insert: Callable[..., Any]  # an INSERT that knows ON CONFLICT
    begin: str  # a transaction in which nobody else changes what was read
    on_connect: tuple[str, ...]  # what each new connection is told
    prepare: Callable[[Connection], None]  # once, before tables are made or used
    is_busy: Callable[[DBAPIError], bool]  # nothing was done, because others have the lock
    find_file: Callable[[Any], str]  # the path of the file that a connection of the driver's has open; empty: none
