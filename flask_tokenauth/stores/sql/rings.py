"""The rings of keys that processes use, among the facts about the store.

The name of such a fact has the fingerprint, the value is the time of the first report, and the number that of the last.
"""

from collections.abc import Iterator
from contextlib import suppress

from sqlalchemy import Connection

from ...core.records.ring_use import RingUse, report, select_live
from ..rows import parse_number
from .statements import Statements

_RING = "ring "  # begins the name of a fact, before the fingerprint


def read_rings(connection: Connection, statements: Statements) -> tuple[int, tuple[RingUse, ...]]:
    """Return the present, in milliseconds, and the rings that processes use."""
    [row] = statements.read_now.fetch(connection)
    return row["now"], select_live(_read(connection, statements), row["now"])


def write_ring(connection: Connection, statements: Statements, fingerprint: str) -> tuple[RingUse, ...]:
    """Keep that a process uses a ring now, within a transaction, and return the rings that processes use."""
    now, live = read_rings(connection, statements)
    new = report(live, fingerprint, now)
    names = {use.fingerprint for use in live}
    for use in _read(connection, statements):
        if use.fingerprint not in names:
            connection.execute(statements.drop_fact, {"fact": _RING + use.fingerprint})
    connection.execute(statements.set_fact, {"fact": _RING + fingerprint, "string": str(new.since), "number": now})
    return (*(use for use in live if use.fingerprint != fingerprint), new)


def _read(connection: Connection, statements: Statements) -> Iterator[RingUse]:
    """Yield the rings among the facts. What cannot be one is left out."""
    for fact in statements.read_facts.fetch(connection):
        since, until = parse_number(fact["value"]), fact["number"]
        if fact["name"].startswith(_RING) and since is not None and until is not None:
            with suppress(ValueError):
                yield RingUse(fingerprint=fact["name"].removeprefix(_RING), since=since, until=until)
