"""The settings of a MariaDB or MySQL server that put a promise of the store at risk."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select, text

from ..risks import clock_risks, connection_risks
from .server import NOW

_NAMES = (
    "binlog_format",
    "innodb_doublewrite",
    "innodb_flush_log_at_trx_commit",
    "log_bin",
    "max_connections",
    "max_user_connections",
    "sync_binlog",
    "wsrep_on",
)
# Those of the session, or else of the server. max_user_connections of a session is the limit of its user.
_SETTINGS = text(f"SHOW SESSION VARIABLES WHERE Variable_name IN ({', '.join(map(repr, _NAMES))})")


def find_risks(connection: Connection, *, leeway: int, connections: int | None) -> Iterator[str]:
    """Yield sentences, as :meth:`..dialect.Dialect.find_risks` describes.

    Args:
        connection: to the database.
        leeway: in milliseconds.
        connections: how many the processes of the application may open; None if that is not known.
    """
    yield from clock_risks(lambda: int(connection.execute(select(NOW)).scalar_one()), leeway)
    settings = {str(name): str(value) for name, value in connection.execute(_SETTINGS)}
    yield from _setting_risks(settings)
    limits = [int(settings.get(name, "0")) for name in ("max_connections", "max_user_connections")]
    if known := [limit for limit in limits if limit]:  # 0: no limit
        yield from connection_risks(min(known), connections)


def _setting_risks(settings: Mapping[str, str]) -> Iterator[str]:
    flush = settings.get("innodb_flush_log_at_trx_commit", "1")
    if flush not in ("1", "3"):  # 3 writes to the disk more often than 1
        yield (
            f"innodb_flush_log_at_trx_commit of the database server must be 1, got {flush}: a crash can lose "
            "revocations of the last second that the store has confirmed"
        )
    binlog, sync = settings.get("log_bin") == "ON", settings.get("sync_binlog", "1")
    if binlog and sync != "1":  # after a crash, InnoDB undoes what the binary log lacks
        yield (
            f"sync_binlog of the database server must be 1, since it has a binary log, got {sync}: a power failure can "
            "lose revocations that the store has confirmed"
        )
    if settings.get("innodb_doublewrite", "ON") == "OFF":
        yield "innodb_doublewrite of the database server must be on, got OFF: a crash can damage the tables"
    if binlog and settings.get("binlog_format") == "STATEMENT":
        yield "binlog_format of the database server must be MIXED or ROW, got STATEMENT: writes of the store fail"
    if settings.get("wsrep_on") == "ON":
        yield (
            "the database server must not be a Galera cluster, but wsrep_on is ON: the order of revocations is not "
            "that of one server there, and readers can miss some. Use a primary with replicas"
        )
