"""The rights that a user of Redis or Valkey needs for the store, and no others."""

import re
from typing import NamedTuple

from .places import Source

PLACEHOLDER = "PASSWORD"  # in the commands, for the password of the user

# A server checks the rights for each command of a script too.
IN_SCRIPTS = (
    "del", "exists", "get", "hdel", "hget", "hgetall", "hmget", "hset", "hsetnx", "info", "persist", "pexpireat",
    "pttl", "set", "time", "xadd", "xrange", "xrevrange", "zadd", "zcard", "zcount", "zrange", "zrangebyscore", "zrank",
    "zrem", "zrevrange", "zrevrangebyscore", "zscore",
)  # fmt: skip
OF_CONNECTIONS = ("eval", "evalsha", "hgetall", "info", "role", "scan", "time")
FOR_WAIT = ("expire", "wait")  # beside those of all scripts
FOR_WAIT_SINCE_7 = ("pexpiretime",)  # Redis 6.2 refuses an access list with a command that it does not know
IN_CLUSTERS = ("asking", "cluster|slots")
ON_SENTINELS = ("sentinel|get-master-addr-by-name",)

_NAME = re.compile(r"[!-~]{1,255}")  # without white space, which would end the word


class AccessList(NamedTuple):
    """A command that gives rights to a user.

    Attributes:
        place: the servers that need it.
        command: with :data:`PLACEHOLDER` for the password.
    """

    place: str
    command: str


def list_rights(source: Source, prefix: str, user: str) -> list[AccessList]:
    """Return the commands that give a user exactly the rights that a store needs.

    Args:
        source: how the store is connected.
        prefix: of its keys.
        user: the name of the user.

    Raises:
        ValueError: it cannot be the name of a user.
    """
    if not _NAME.fullmatch(user):
        raise ValueError("the name of a user must be 1 to 255 printable ASCII characters without spaces, got another")
    keys = f"~{{{prefix}}}:* ~{prefix}:*"
    place = {"server": "the server", "sentinel": "the primary and each replica", "cluster": "each node of the cluster"}
    lists = [AccessList(place[source.kind], _command(user, keys, _commands_for(source)))]
    if source.wait:
        more = " ".join(f"+{name}" for name in FOR_WAIT_SINCE_7)
        lists.append(AccessList("the same, unless it is Redis 6.2", f"ACL SETUSER {user} {more}"))
    if source.kind == "sentinel":
        lists.append(AccessList("each sentinel", _command(user, "", ON_SENTINELS)))
    return lists


def _commands_for(source: Source) -> tuple[str, ...]:
    """Return the commands that the store sends to its servers, in their scripts too. Everybody may log in."""
    wanted = {
        "client|setname": bool(source.login.client_name),
        "select": source.login.database > 0,
    }
    return (
        *IN_SCRIPTS,
        *OF_CONNECTIONS,
        *(IN_CLUSTERS if source.kind == "cluster" else ()),
        *(FOR_WAIT if source.wait else ()),
        *(name for name, is_wanted in wanted.items() if is_wanted),
    )


def _command(user: str, keys: str, commands: tuple[str, ...]) -> str:
    """Return the command for one kind of server. First it takes all rights and passwords that the user has."""
    rights = " ".join(f"+{name}" for name in sorted(set(commands)))
    return " ".join(filter(None, (f"ACL SETUSER {user} reset on >{PLACEHOLDER} resetchannels", keys, "-@all", rights)))
