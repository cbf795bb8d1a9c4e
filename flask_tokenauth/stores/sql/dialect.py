"""The differences between SQL servers, in one place: one :class:`Dialect` for each server."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The parts of the statements and of the engine that differ between servers."""

    now: ColumnElement[int]  # milliseconds since 1970-01-01T00:00:00Z, when the statement runs
    greatest: Callable[..., ColumnElement[int]]
    least: Callable[..., ColumnElement[int]]
    mark: ColumnElement[int]  # the column "mark" of a new revocation
    insert: Callable[..., Any]  # an INSERT with ON CONFLICT
    begin: str  # begins a transaction in which no other one writes
    on_connect: tuple[str, ...]  # statements for each new connection
    prepare: Callable[[Connection], None]  # runs once, before tables are created or used
    is_busy: Callable[[DBAPIError], bool]  # a lock of others stopped the statement, which did nothing
    find_file: Callable[[Any], str]  # the path of the file that a connection has open; "" if it has none
