"""Helpers for the tests of the store on Redis and Valkey: direct changes of what it has stored.

They know the names of the keys and of the fields. ``servers`` is one server, servers under Sentinels, or a cluster.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from flask_tokenauth.testing.store_contract import (
    Age,
    AgeApiKeys,
    AgeReferenceTokens,
    AgeRevocations,
    AgeRings,
    CopyStore,
    SetGeneration,
    WipeStore,
)

if TYPE_CHECKING:
    from redis import Redis

PREFIX = "tokenauth"
PAGE = 1000  # keys, in one answer to SCAN

SESSION_TIMES = ["started_at", "rotated_at", "idle_expires_at", "expires_at"]
API_KEY_TIMES = ["created_at", "last_used_at", "expires_at", "revoked_at"]
REFERENCE_TOKEN_TIMES = ["expires_at", "revoked_at"]


class Servers(Protocol):
    """Servers that share all keys."""

    def primaries(self) -> "list[Redis]":
        """Return the administrator's client of each server that now accepts writing."""

    def url(self) -> str:
        """Return the URL of a store for the user of the tests."""


class Dump(NamedTuple):
    """A copy of one key.

    Attributes:
        key: its name.
        value: as ``DUMP`` returns it.
        expires_at: in milliseconds since 1970, by the clock of the server; 0: never.
    """

    key: bytes
    value: bytes
    expires_at: int


def holder(servers: Servers, key: bytes) -> "Redis":
    """Return the client of the server that holds a key, or would hold it."""
    from redis.exceptions import MovedError  # noqa: PLC0415  # of the extra "redis"

    for client in servers.primaries():
        with suppress(MovedError):
            client.execute_command("EXISTS", key)
            return client
    raise LookupError(f"no server holds the slot of {key!r}")


def find_keys(client: "Redis", pattern: str = "*") -> list[bytes]:
    """Return the names of all keys of a server that match a pattern."""
    return sorted(set(client.scan_iter(pattern, count=PAGE)))


def move_back(client: "Redis", key: bytes, fields: list[str], duration: timedelta) -> None:
    """Lower those fields of a hash that it has. They are milliseconds."""
    by = duration // timedelta(milliseconds=1)
    values = client.execute_command("HMGET", key, *fields)
    for field, value in zip(fields, values, strict=True):
        if value is not None:
            client.execute_command("HSET", key, field, int(value) - by)


def lower_score(client: "Redis", key: bytes, member: bytes, duration: timedelta) -> None:
    """Lower the score of a member of a sorted set, if it is there. Scores are milliseconds."""
    client.execute_command("ZADD", key, "XX", "INCR", -(duration // timedelta(milliseconds=1)), member)


def each_key(servers: Servers, pattern: str) -> "Iterator[tuple[Redis, bytes]]":
    """Yield the keys of all servers that match a pattern, each with the client of its server."""
    for client in servers.primaries():
        for key in find_keys(client, pattern):
            yield client, key


def ager(servers: Servers, prefix: str = PREFIX) -> Age:
    """Return the contract's ``age``."""

    def age(session_id: str, duration: timedelta) -> None:
        key = f"{prefix}:session:{session_id}".encode()
        client = holder(servers, key)
        user_id = client.execute_command("HGET", key, "user_id")
        if user_id is not None:
            move_back(client, key, SESSION_TIMES, duration)
            of_user = f"{prefix}:sessions:".encode() + user_id
            lower_score(holder(servers, of_user), of_user, session_id.encode(), duration)

    return age


def revocation_ager(servers: Servers, prefix: str = PREFIX) -> AgeRevocations:
    """Return the contract's ``age_revocations``."""

    def age_revocations(duration: timedelta) -> None:
        key = f"{{{prefix}}}:live".encode()
        client = holder(servers, key)
        for member in client.execute_command("ZRANGE", key, 0, -1):
            lower_score(client, key, member, duration)

    return age_revocations


def api_key_ager(servers: Servers, prefix: str = PREFIX) -> AgeApiKeys:
    """Return the contract's ``age_api_keys``."""

    def age_api_keys(duration: timedelta) -> None:
        for client, key in each_key(servers, f"{prefix}:api_key:*"):
            move_back(client, key, API_KEY_TIMES, duration)

    return age_api_keys


def reference_token_ager(servers: Servers, prefix: str = PREFIX) -> AgeReferenceTokens:
    """Return the contract's ``age_reference_tokens``."""

    def age_reference_tokens(duration: timedelta) -> None:
        for client, key in each_key(servers, f"{prefix}:reference:*"):
            move_back(client, key, REFERENCE_TOKEN_TIMES, duration)

    return age_reference_tokens


def ring_ager(servers: Servers, prefix: str = PREFIX) -> AgeRings:
    """Return the contract's ``age_rings``."""

    def age_rings(duration: timedelta) -> None:
        key, by = f"{{{prefix}}}:rings".encode(), duration // timedelta(milliseconds=1)
        client = holder(servers, key)
        for fingerprint in client.execute_command("HKEYS", key):
            since, until = client.execute_command("HGET", key, fingerprint).split()
            client.execute_command("HSET", key, fingerprint, f"{int(since) - by} {int(until) - by}")

    return age_rings


def generation_setter(servers: Servers, prefix: str = PREFIX) -> SetGeneration:
    """Return the contract's ``set_generation``."""

    def set_generation(session_id: str, generation: int) -> None:
        key = f"{prefix}:session:{session_id}".encode()
        holder(servers, key).execute_command("HSET", key, "generation", generation)

    return set_generation


def dump(client: "Redis") -> list[Dump]:
    """Return copies of all keys of a server."""
    copies = []
    for key in find_keys(client):
        seconds, microseconds = client.execute_command("TIME")
        with client.pipeline() as pipe:
            value, left = pipe.execute_command("DUMP", key).execute_command("PTTL", key).execute()
        if value is not None:  # else it has expired
            now = int(seconds) * 1000 + int(microseconds) // 1000
            copies.append(Dump(key, value, now + left if left >= 0 else 0))
    return copies


def restore(servers: Servers, copies: list[Dump]) -> None:
    """Put copies in the place of all keys: at once on one server, and one after the other in a cluster."""
    clients = servers.primaries()
    if len(clients) == 1:
        with clients[0].pipeline() as pipe:
            pipe.execute_command("FLUSHALL")
            for copy in copies:
                pipe.execute_command("RESTORE", copy.key, copy.expires_at, copy.value, "ABSTTL")
            pipe.execute()
    else:
        wiper(servers)()
        for copy in copies:
            client = holder(servers, copy.key)
            client.execute_command("RESTORE", copy.key, copy.expires_at, copy.value, "ABSTTL")


def copier(servers: Servers) -> CopyStore:
    """Return the contract's ``copy``: it makes a backup of all keys, which is restored while the store is in use."""

    def copy() -> Callable[[], None]:
        copies = [copy for client in servers.primaries() for copy in dump(client)]

        def put_back() -> None:
            restore(servers, copies)

        return put_back

    return copy


def wiper(servers: Servers) -> WipeStore:
    """Return the contract's ``wipe``: it deletes all keys."""

    def wipe() -> None:
        for client in servers.primaries():
            client.execute_command("FLUSHALL")

    return wipe
