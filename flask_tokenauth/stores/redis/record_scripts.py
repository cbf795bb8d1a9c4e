"""The scripts on one record, or one list of a user. In a cluster each of them is in a slot of its own."""

from .script import TIME, Script
from .shared_scripts import LOOK


def _with_numbers(script: Script) -> Script:
    """Return a script that runs *script* on a record and then ``LOOK`` for its user, in one round trip.

    The keys are that of the record and the shared ones, which one server has, but not one node of a cluster. The first
    two arguments are the member and the ID of the store for ``LOOK``. It answers with both answers; the second is false
    if there is no record.
    """
    text = f"""
local function run(KEYS, ARGV)
{script.text}
end
local function look(KEYS, ARGV)
{LOOK.text}
end
local answer = run({{KEYS[1]}}, {{unpack(ARGV, 3)}})
local user = redis.call('HGET', KEYS[1], 'user_id')
return {{answer, user and look({{unpack(KEYS, 2)}}, {{user, ARGV[1], ARGV[2]}})}}
"""
    return Script(f"{script.name}, and look at its user", text, writes=script.writes)


FIND = Script("find a record", "return redis.call('HGETALL', KEYS[1])", writes=False)

FIND_WITH_NUMBERS = _with_numbers(FIND)

START = Script(
    "start a session",
    TIME
    + """
local mark, idle, lifetime, kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('EXISTS', KEYS[1]) == 1 then
    return redis.call('HGET', KEYS[1], 'call') == mark and redis.call('HGETALL', KEYS[1])
end
local expires_at = now + lifetime
local idle_expires_at = math.min(expires_at, now + idle)
redis.call('HSET', KEYS[1], 'call', mark, 'generation', '0', 'started_at', digits(now),
    'expires_at', digits(expires_at), 'idle_expires_at', digits(idle_expires_at), unpack(ARGV, 5))
redis.call('PEXPIREAT', KEYS[1], digits(idle_expires_at + kept))
return redis.call('HGETALL', KEYS[1])
""",
    writes=True,
)

# A session with a number that cannot be read does not change: the caller refuses it.
SWAP = Script(
    "redeem a refresh token",
    TIME
    + """
local generation, idle, kept, mark = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local names = {'generation', 'expires_at', 'idle_expires_at', 'ended_at', 'call'}
local row = redis.call('HMGET', KEYS[1], unpack(names))
if not row[1] then return false end
for index = 1, 3 do
    if not (row[index] and string.find(row[index], '^%d+$') and #row[index] <= 16) then
        return {digits(now), 0, 0, redis.call('HGETALL', KEYS[1])}
    end
end
local known, expires_at = tonumber(row[1]), tonumber(row[2])
local is_live = not row[4] and now < expires_at and now < tonumber(row[3])
local swapped, rolled_back = 0, 0
if is_live and known <= generation then
    swapped, rolled_back = 1, known < generation and 1 or 0
    local idle_expires_at = math.min(expires_at, now + idle)
    redis.call('HSET', KEYS[1], 'generation', digits(generation + 1), 'rotated_at', digits(now), 'call',
        mark .. rolled_back, 'idle_expires_at', digits(idle_expires_at))
    redis.call('PEXPIREAT', KEYS[1], digits(idle_expires_at + kept))
elseif is_live and known == generation + 1 then
    for repeated = 0, 1 do
        if row[5] == mark .. repeated then swapped, rolled_back = 1, repeated end
    end
end
return {digits(now), swapped, rolled_back, redis.call('HGETALL', KEYS[1])}
""",
    writes=True,
)

SWAP_WITH_NUMBERS = _with_numbers(SWAP)

# The session stays for as long as one of its access tokens may be good: until then its end may have to be repeated.
END = Script(
    "end a session",
    TIME
    + """
local kept, mark = tonumber(ARGV[1]), ARGV[2]
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
if redis.call('HSETNX', KEYS[1], 'ended_at', digits(now)) == 1 then
    redis.call('HSET', KEYS[1], 'ended_by', mark)
    redis.call('PEXPIREAT', KEYS[1], digits(now + kept))
end
return {redis.call('HGET', KEYS[1], 'ended_by') == mark and 1 or 0, redis.call('HGETALL', KEYS[1])}
""",
    writes=True,
)

# The numbers of a list rise with each entry, also if two are added in one millisecond, or the clock was set back.
ADD_TO_LIST = Script(
    "add to a list",
    TIME
    + """
local name, since, left = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if not redis.call('ZSCORE', KEYS[1], name) then
    local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
    redis.call('ZADD', KEYS[1], digits(math.max(since, (last or 0) + 1)), name)
end
local current = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PERSIST', KEYS[1])
elseif redis.call('ZCARD', KEYS[1]) == 1 or (current >= 0 and current < left) then
    redis.call('PEXPIREAT', KEYS[1], digits(now + left))
end
return {digits(redis.call('ZSCORE', KEYS[1], name)), redis.call('ZCARD', KEYS[1])}
""",
    writes=True,
)

READ_NEWEST = Script(
    "read the end of a list",
    "return redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])",
    writes=False,
)

READ_OLDEST = Script(
    "read the beginning of a list",
    "return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])",
    writes=False,
)

REMOVE_FROM_LIST = Script("remove from a list", "return redis.call('ZREM', KEYS[1], unpack(ARGV))", writes=True)

# An API key or a reference token. It expires by itself, if it has an end.
ADD_RECORD = Script(
    "add a record",
    TIME
    + """
local mark, lifetime, expires_at = ARGV[1], tonumber(ARGV[2]), ARGV[3]
if redis.call('EXISTS', KEYS[1]) == 1 then
    return redis.call('HGET', KEYS[1], 'call') == mark and redis.call('HGETALL', KEYS[1])
end
if lifetime >= 0 then expires_at = digits(now + lifetime) end
redis.call('HSET', KEYS[1], 'call', mark, 'created_at', digits(now), unpack(ARGV, 4))
if expires_at ~= '' then
    redis.call('HSET', KEYS[1], 'expires_at', expires_at)
    redis.call('PEXPIREAT', KEYS[1], expires_at)
end
return redis.call('HGETALL', KEYS[1])
""",
    writes=True,
)

REVOKE_RECORD = Script(
    "revoke a record",
    TIME
    + """
local kept, mark = tonumber(ARGV[1]), ARGV[2]
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('HSETNX', KEYS[1], 'revoked_at', digits(now)) == 1 then
    redis.call('HSET', KEYS[1], 'revoked_by', mark)
    redis.call('PEXPIREAT', KEYS[1], digits(now + kept))
end
return redis.call('HGET', KEYS[1], 'revoked_by') == mark and 1 or 0
""",
    writes=True,
)

DELETE = Script("delete a record", "return redis.call('DEL', KEYS[1])", writes=True)

NOTE_USE = Script(
    "note a use",
    TIME
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local used_at = math.max(0, now - tonumber(ARGV[1]))
local known = redis.call('HGET', KEYS[1], 'last_used_at')
if known and tonumber(known) >= used_at - tonumber(ARGV[2]) then return 0 end
return redis.call('HSET', KEYS[1], 'last_used_at', digits(used_at))
""",
    writes=True,
)

SPEND = Script(
    "spend an ID",
    """
local known = redis.call('GET', KEYS[1])
if known then return known == ARGV[1] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return 1
""",
    writes=True,
)
