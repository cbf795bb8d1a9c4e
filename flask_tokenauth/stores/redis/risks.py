"""The settings of a server of Redis or Valkey that put a promise of the store at risk."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ...core.errors import SettingsError
from ..clocks import differing_clocks
from .places import Source
from .pools import FOR_FEED, FOR_REQUESTS

OLDEST = {"Redis": (6, 2), "Valkey": (7, 2)}
CONNECTIONS = FOR_REQUESTS + FOR_FEED  # of one process to one server

_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")
_WANTED = {  # values of settings, and the field of INFO that tells them
    "maxmemory-policy": ("noeviction", "maxmemory_policy"),
    "appendonly": ("yes", "aof_enabled"),
    "min-replicas-to-write": ("1 if there are replicas", "connected_slaves"),
    "maxclients": (f"{CONNECTIONS} for each process, or more", "maxclients"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that one server tells about itself.

    Attributes:
        info: the answer to ``INFO``. Versions of servers, and hosters, leave out fields.
        appendfsync: when the server writes its append-only file to the disk; None if the user may not see it.
        difference: by how many milliseconds its clock differs from that of this machine, at least.
    """

    info: Mapping[str, Any]
    appendfsync: str | None = None
    difference: float = 0.0

    def number(self, field: str) -> int | None:
        """Return a number of ``INFO``; None if it is not there."""
        value = self.info.get(field)
        return value if type(value) is int else None


def check_version(info: Mapping[str, Any]) -> None:
    """Check that a server is new enough. One that does not tell its version passes.

    Args:
        info: its answer to ``INFO``.

    Raises:
        SettingsError: it is too old.
    """
    name = "Valkey" if "valkey_version" in info else "Redis"
    found = _VERSION.match(str(info.get(f"{name.lower()}_version", "")))
    if found is None or (int(found[1]), int(found[2])) >= OLDEST[name]:
        return
    wanted = " or ".join(f"{server} {major}.{minor}" for server, (major, minor) in OLDEST.items())
    raise SettingsError(
        f"the server of the store must be {wanted}, or newer, got {name} {found[0]}: upgrade it, or use another one"
    )


def find_risks(facts: Facts, source: Source, *, leeway: timedelta, processes: int | None) -> Iterator[str]:
    """Yield a sentence for each setting of a server that puts a promise at risk.

    Args:
        facts: what the server tells.
        source: how the store is connected to it.
        leeway: by how much the clocks of this machine and of the server may differ.
        processes: how many processes use the store; None if that is not known.
    """
    policy = facts.info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield (
            f"maxmemory-policy of the server must be noeviction, got {policy}: when its memory is full, it deletes "
            "sessions, and revocations, so that tokens that were revoked are accepted"
        )
    yield from _find_risks_of_file(facts)
    yield from _find_risks_of_replicas(facts, source)
    most = leeway / timedelta(milliseconds=1)
    if facts.difference > most + 1:  # times are cut to milliseconds
        yield differing_clocks("the server of the store", facts.difference, most)
    clients, needed = facts.number("maxclients"), 0 if processes is None else processes * CONNECTIONS
    if clients is not None and needed > clients:
        yield (
            f"the processes of this application may open {needed} connections to the server, which allows {clients}: "
            "raise its maxclients, or run fewer processes"
        )


def _find_risks_of_file(facts: Facts) -> Iterator[str]:
    if facts.number("aof_enabled") == 0:
        yield (
            "appendonly of the server must be yes, got no: a restart loses the sessions and revocations since its last "
            "snapshot, or all of them"
        )
        return
    if facts.info.get("aof_last_write_status", "ok") != "ok":
        yield "the server cannot write its append-only file: free space on its disk, and look into its log"
    if facts.appendfsync == "everysec":
        yield (
            "appendfsync of the server must be always, got everysec: a power loss can lose sessions and revocations of "
            "the last second that the store has confirmed"
        )
    elif facts.appendfsync == "no":
        yield (
            "appendfsync of the server must be always, got no: a power loss can lose sessions and revocations of half "
            "a minute or more that the store has confirmed"
        )


def _find_risks_of_replicas(facts: Facts, source: Source) -> Iterator[str]:
    replicas = facts.number("connected_slaves")
    if replicas == 0 and source.kind != "server":
        yield "the primary must have a replica, got none: without one there is no failover, so start one"
    if replicas is not None and replicas < source.wait:
        yield (
            f"wait in the URL must not be above {replicas}, the number of replicas, got {source.wait}: each login, "
            "refresh and revocation gets 503 until more replicas follow, so start them, or lower wait"
        )
    # The server tells how many replicas are good only if min-replicas-to-write is above 0.
    if replicas and not source.wait and "min_slaves_good_slaves" not in facts.info:
        yield (
            "min-replicas-to-write of a server with replicas must be 1 or more, got 0: a primary that is cut off goes "
            "on, and a failover loses the sessions and revocations that it has confirmed meanwhile. Set it, with "
            "min-replicas-max-lag, or add ?wait=1 to the URL"
        )


def find_unseen(facts: Facts) -> Iterator[str]:
    """Yield the settings that a server does not show to the user of the store, each with the value that is wanted."""
    for name, (value, field) in _WANTED.items():
        if field not in facts.info:
            yield f"{name} (wanted: {value})"
    if facts.appendfsync is None and facts.number("aof_enabled") != 0:
        yield "appendfsync (wanted: always)"
