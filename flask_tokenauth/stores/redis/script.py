"""The common parts of the Lua scripts of the store.

Each script is an atomic step, all of its keys are in one slot, and it may run twice.

The answer to a call can be lost after the script has run. So a script that writes something once stores the random mark
of its call: the repeated call has the same mark, and gets the same answer.

In Redis 6.2 any user who may run scripts can replace the methods of strings for all users, so that ``value:find()``
would run his code with our rights. Hence ``string.find``, which nobody can replace.

Times are milliseconds since 1970-01-01T00:00:00Z by the clock of the server. Lua writes large numbers with 14 digits,
so that all numbers are written by ``digits``.
"""

from dataclasses import dataclass, field
from hashlib import sha1


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script.

    Args:
        name: for messages.
        text: its Lua.
        writes: False if it only reads, so that a replica could run it.
        waits: False if no replica need acknowledge what it writes.

    Attributes:
        sha: the SHA-1 of its Lua, in hex, by which a server knows the script.
    """

    name: str
    text: str
    writes: bool
    waits: bool = True
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest())


TIME = """
local function digits(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(value)
    if not (value and string.find(value, '^%d+$')) then error('a number of the store cannot be read') end
    return tonumber(value)
end
"""

# A write that changes nothing. ``WAIT`` counts from the last write of its connection: if a script finds that an earlier
# call has done all, another connection may have written that. Redis 6.2 counts from the last write of all connections.
TOUCH = Script(
    "touch",
    """
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('SET', KEYS[1], '')
    return redis.call('DEL', KEYS[1])
end
local expires_at = redis.pcall('PEXPIRETIME', KEYS[1])
if type(expires_at) == 'table' then return string.find(expires_at.err, 'Unknown') and 0 or expires_at end
if expires_at >= 0 then return redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', expires_at)) end
redis.call('EXPIRE', KEYS[1], 86400)
return redis.call('PERSIST', KEYS[1])
""",
    writes=True,
)
