"""Functions that open connections as the engine of an application does, but with a time limit."""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import dropwhile, islice
from typing import Any, NamedTuple

from sqlalchemy import Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine import Dialect as EngineDialect


class _Opening(NamedTuple):
    """A connection that a creator is opening."""

    record: object  # of the pool
    connect: Callable[..., Any]


_opening: ContextVar[_Opening | None] = ContextVar("tokenauth_opening", default=None)


def creator_for(url: URL, connect: Callable[..., Any]) -> Callable[[], Any]:
    """Return a function that opens a connection to a database.

    Args:
        url: of the database, with a driver that is installed.
        connect: opens a connection; it has the arguments of the driver's own function.
    """
    kind: Any = url.get_dialect()
    arguments, parameters = kind(dbapi=kind.import_dbapi()).create_connect_args(url)
    return lambda: connect(*arguments, **parameters)


def creator_like(engine: Engine, connect: Callable[..., Any], keep_limit: Callable[[Any], None]) -> Callable[..., Any]:
    """Return a function that opens a connection as *engine* does, with its URL, arguments, listeners and creator.

    If the engine has a creator, or a listener to ``do_connect`` that returns a connection, *connect* is not called:
    only that code bounds the time of opening. The engine's own connections stay as they are.

    Args:
        engine: of the application.
        connect: opens a connection; it has the arguments of the driver's own function.
        keep_limit: makes a connection that is open keep the time limit. It is called with each one.

    Returns:
        A function without required arguments, which is a creator for SQLAlchemy.
    """
    event.listen(engine, "do_connect", _connect_with_limit)  # SQLAlchemy adds it once

    # By the name of the argument, SQLAlchemy knows that it can pass the record, which listeners get.
    def creator(connection_record: Any = None) -> Any:
        token = _opening.set(_Opening(connection_record, connect))
        try:
            connection = engine.pool._invoke_creator(connection_record)
        finally:
            _opening.reset(token)
        keep_limit(connection)
        return connection

    return creator


def _connect_with_limit(dialect: EngineDialect, record: Any, arguments: Any, parameters: Any) -> Any:
    """Open the connection if a creator asks for it. It is a listener to ``do_connect`` of the application's engine.

    The record tells the connections of a creator from those that the application opens meanwhile, in a listener.
    """
    opening = _opening.get()
    if opening is None or opening.record is not record:
        return None
    for listener in _later_listeners(dialect):  # they may still change the parameters
        connection = listener(dialect, record, arguments, parameters)
        if connection is not None:
            return connection
    return opening.connect(*arguments, **parameters)


def _later_listeners(dialect: Any) -> Iterator[Callable[..., Any]]:
    return islice(dropwhile(lambda listener: listener is not _connect_with_limit, dialect.dispatch.do_connect), 1, None)
