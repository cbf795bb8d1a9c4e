"""Connections of psycopg that keep the time limit of the running call.

psycopg has no read timeout, and its timeout for connecting is at least two seconds. ``statement_timeout`` is kept by
the server: it does not help if the server or a proxy stands still.

The name of a host is looked up before a connection is opened, by the system's resolver, which does not know the limit.
If your name server may hang, use IP addresses, as ``hostaddr`` or ``host``.
"""

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg.abc import AdaptContext, ConnDict, ConnParam
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_attempts, conninfo_to_dict, make_conninfo, timeout_from_conninfo
from psycopg.pq import ConnStatus, PGconn, PollingStatus, TransactionStatus
from psycopg.pq.abc import PGconn as AnyPGconn
from psycopg.rows import RowFactory

from ....core.errors import SettingsError
from ....core.time_limit import remaining, time_limit
from ...sockets import READ, TIME_IS_OVER, WRITE, wait_until_ready

_EVENTS = {PollingStatus.READING: READ, PollingStatus.WRITING: WRITE}

T = TypeVar("T")


class TimeLimitExceeded(psycopg.OperationalError):
    """The server has not answered within the time limit. The connection is closed."""

    def __init__(self) -> None:
        super().__init__(TIME_IS_OVER)


class _Connection(psycopg.Connection[Any]):
    given_adapters: AdaptersMap | None = None

    @property
    def adapters(self) -> AdaptersMap:
        return super().adapters if self.given_adapters is None else self.given_adapters


def connect(
    conninfo: str = "",
    *,
    autocommit: bool = False,
    prepare_threshold: int | None = 5,
    context: AdaptContext | None = None,
    row_factory: RowFactory[Any] | None = None,
    cursor_factory: type[psycopg.Cursor[Any]] | None = None,
    **parameters: ConnParam,
) -> psycopg.Connection[Any]:
    """Open a connection that keeps the time limit, as :func:`keep_limit` says, within the limit.

    The arguments are those of ``psycopg.connect``. ``connect_timeout`` can only shorten the time. If there are several
    hosts, or a host has several addresses, each gets an equal share of the time that is left, and
    ``target_session_attrs`` is ``read-write`` unless it is given: a replica is passed over.

    Raises:
        psycopg.OperationalError: no server has let us in. ``TimeLimitExceeded``, if the last one has not answered.
        psycopg.ProgrammingError: the parameters are wrong.
    """
    given = conninfo_to_dict(conninfo, **parameters)
    given.setdefault("client_encoding", "utf8")  # whatever the encoding of the database is
    attempts = conninfo_attempts(given)
    if len(attempts) > 1:
        for attempt in attempts:
            attempt.setdefault("target_session_attrs", "read-write")
    connection = _Connection(_open_first(attempts, timeout_from_conninfo(given)))
    keep_limit(connection)
    connection.autocommit = autocommit
    connection.prepare_threshold = prepare_threshold
    connection.given_adapters = None if context is None else AdaptersMap(context.adapters)
    connection.row_factory = row_factory or connection.row_factory
    connection.cursor_factory = cursor_factory or connection.cursor_factory
    return connection


def keep_limit(connection: object) -> None:
    """Make a connection keep the time limit, for all that it sends and receives.

    When the time is over, the connection is closed and ``TimeLimitExceeded`` is raised. The connection is also closed
    if a command is interrupted in another way, for example by Ctrl-C: its answer could still come, and would be taken
    for that of the next command.

    Args:
        connection: of psycopg.

    Raises:
        SettingsError: it is another object.
    """
    if not isinstance(connection, psycopg.Connection):
        raise SettingsError(
            "the creator of the application's engine must return a connection of psycopg 3, got an object of type "
            f"{type(connection).__name__}"
        )
    if (pool := getattr(connection, "_pool", None)) is not None:  # the application would get it back with our settings
        pool.putconn(connection)
        raise SettingsError(
            "the creator of the application's engine must open a connection, but it takes one from a pool of psycopg: "
            "set TOKENAUTH_STORE to the URL of the database"
        )
    # The function has no reference to the connection: it would be freed late.
    connection.wait = partial(_wait, connection.pgconn)  # type: ignore[method-assign]  # psycopg calls it for all waits


def _wait(pgconn: AnyPGconn, steps: Generator[int, int, T], *_: object, **__: object) -> T:
    """Run the steps of a command of psycopg, and wait between them. Further arguments are pauses, not needed here."""
    try:
        events = next(steps)
        while True:
            events = steps.send(wait_until_ready(pgconn.socket, events))
    except StopIteration as end:
        result: T = end.value
        return result
    except TimeoutError:
        pgconn.finish()
        raise TimeLimitExceeded from None
    except BaseException:
        if pgconn.transaction_status == TransactionStatus.ACTIVE:
            pgconn.finish()
        raise


def _open_first(attempts: Sequence[ConnDict], longest: float) -> AnyPGconn:
    """Open a connection to the first server that lets us in.

    Args:
        attempts: the parameters for each server.
        longest: seconds for each of them.
    """
    first, *others = attempts
    try:
        with time_limit(min(remaining() / len(attempts), longest)):
            return _open(make_conninfo("", **first))
    except psycopg.OperationalError:
        if not others:
            raise
    return _open_first(others, longest)


def _open(conninfo: str) -> AnyPGconn:
    pgconn = PGconn.connect_start(conninfo.encode())
    try:
        polled = PollingStatus.FAILED if pgconn.status == ConnStatus.BAD else PollingStatus.WRITING
        while polled in _EVENTS:
            wait_until_ready(pgconn.socket, _EVENTS[polled])
            polled = PollingStatus(pgconn.connect_poll())
        if polled != PollingStatus.OK:
            raise psycopg.OperationalError(pgconn.error_message.decode(errors="replace"))
        pgconn.nonblocking = 1
    except BaseException as error:
        pgconn.finish()
        if isinstance(error, TimeoutError):
            raise TimeLimitExceeded from None
        raise
    return pgconn
