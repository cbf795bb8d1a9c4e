"""The Lua scripts of the store. Each one is an atomic step, all of its keys are in one slot, and it may run twice.

The answer to a call can be lost after the script has run. So a script that writes something once stores the random mark
of its call: the repeated call has the same mark, and gets the same answer.

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
        sha: the SHA-1 of the text, in hex, by which a server knows the script.
    """

    name: str
    text: str
    writes: bool
    waits: bool = True
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest())


_TIME = """
local function digits(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(value)
    if not (value and value:find('^%d+$')) then error('a number of the store cannot be read') end
    return tonumber(value)
end
"""

# A number that cannot be read must not make a revocation look as if it had expired. A hundred years is more than any
# setting allows.
# The last argument is the ID of the store that the caller is bound to. If all keys were deleted, another issuer may
# have taken them: then the caller has to bind again.
# The score of a revocation is its end without the longest leeway: if that grows, all ends are later at once.
_SHARED = (
    _TIME
    + """
local about, live, values, news, epochs, key_epochs = unpack(KEYS, 1, 6)
local facts = redis.call('HMGET', about, 'store_id', 'lifetime', 'leeway')
if facts[1] ~= table.remove(ARGV) then return false end
local LAST, CENTURY = 253402300799000, 3155760000000
local lifetime, leeway = math.min(whole(facts[2]), CENTURY), math.min(whole(facts[3]), CENTURY)
local later = 2 * leeway

local function number_of(hash, name) return whole(redis.call('HGET', hash, name) or '0') end

local function incarnation()  -- another one after a restart and after a failover, since writes may be lost then
    return facts[1] .. '.' .. (redis.call('INFO', 'replication'):match('master_replid:(%x+)') or '')
end

local function is_revoked(member)
    local score = redis.call('ZSCORE', live, member)
    return score and score + later > now
end
"""
)

_KEEP = (
    _SHARED
    + """
local TRIMMED, KEPT_FOR, AT_ONCE = 600000, 172800000, 100

local function keep(member, value, expires_at, mark)
    local score, known = math.min(expires_at, LAST) - later, redis.call('ZSCORE', live, member)
    local known_value = number_of(values, member)
    if known and tonumber(known) >= score and known_value >= value then return end
    score, value = math.max(score, tonumber(known or score)), math.max(value, known_value)
    redis.call('ZADD', live, digits(score), member)
    if value > 0 then redis.call('HSET', values, member, digits(value)) end
    redis.call('XADD', news, 'MINID', '~', digits(now - TRIMMED), '*',
        'member', member, 'value', digits(value), 'expires_at', digits(score + later), 'mark', mark)
end

local function longest(retention) return math.max(retention, lifetime + later + 60000) end

local function note_epoch(epoch)
    if epoch > number_of(about, 'newest_epoch') then redis.call('HSET', about, 'newest_epoch', digits(epoch)) end
end

local function drop_old(most)
    local old = redis.call('ZRANGEBYSCORE', live, '-inf', digits(now - KEPT_FOR - later), 'LIMIT', 0, most)
    if #old > 0 then
        redis.call('ZREM', live, unpack(old))
        redis.call('HDEL', values, unpack(old))
    end
    return #old
end
"""
)

# Each key has one entry that stays. While a slot of a cluster moves from one node to another, a script fails if it has
# keys on both, and a key that is nowhere counts as one on the other node.
BIND = Script(
    "bind",
    _TIME
    + """
local about, live, values, news, epochs, key_epochs = unpack(KEYS, 1, 6)
local issuer, lifetime, leeway, store_id, mark = unpack(ARGV)
local known = redis.call('HGET', about, 'issuer')
if known and issuer ~= '' and known ~= issuer then return {known, ''} end
if redis.call('HSETNX', about, 'store_id', store_id) == 1 then redis.call('XADD', news, '*', 'mark', mark) end
if issuer ~= '' then redis.call('HSET', about, 'issuer', issuer) end
local function raise(name, value)
    local old = redis.call('HGET', about, name)
    if not old or tonumber(value) > whole(old) then redis.call('HSET', about, name, value) end
end
raise('lifetime', lifetime)
raise('leeway', leeway)
for _, numbers in ipairs({values, epochs, key_epochs}) do redis.call('HSETNX', numbers, '', '0') end
redis.call('ZADD', live, 'NX', '1000000000000000', '')
return {issuer, redis.call('HGET', about, 'store_id')}
""",
    writes=True,
    waits=False,  # each process that starts writes it again, and reads need it
)

READ_FACTS = Script(
    "read facts",
    _SHARED
    + """
local last_purge, newest_epoch = unpack(redis.call('HMGET', about, 'last_purge', 'newest_epoch'), 1, 2)
return {digits(lifetime), digits(leeway), digits(now), last_purge, newest_epoch}
""",
    writes=False,
)

FIND = Script("find a record", "return redis.call('HGETALL', KEYS[1])", writes=False)

ABSENT, REVOKED = 0, 1  # for each revocation in the answer of LOOK; 2: it has expired

LOOK = Script(
    "look at a user",
    _SHARED
    + """
local user = ARGV[1]
local found = {digits(now), redis.call('HGET', epochs, user) or '0', redis.call('HGET', key_epochs, user) or '0'}
for index = 2, #ARGV do
    local score = redis.call('ZSCORE', live, ARGV[index])
    found[#found + 1] = not score and 0 or score + later > now and 1 or 2
end
return found
""",
    writes=False,
)

IS_REVOKED = Script(
    "look for a revocation",
    _SHARED
    + """
local user, epoch = ARGV[1], tonumber(ARGV[2])
for index = 3, #ARGV do
    if is_revoked(ARGV[index]) then return 1 end
end
return is_revoked(user) and number_of(values, user) > epoch and 1 or 0
""",
    writes=False,
)

REVOKE = Script(
    "revoke",
    _KEEP
    + """
local kind, subject, value, expires_at, mark = unpack(ARGV)
local raised = ({u = epochs, k = key_epochs})[kind]
if raised and tonumber(value) > number_of(raised, subject) then
    redis.call('HSET', raised, subject, value)
    note_epoch(tonumber(value))
end
keep(kind .. subject, tonumber(value), tonumber(expires_at), mark)
drop_old(AT_ONCE)
return 1
""",
    writes=True,
)


def with_numbers(script: Script) -> Script:
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


FIND_WITH_NUMBERS = with_numbers(FIND)

# For each member: when it was revoked, or 0 for the present.
REVOKE_FOR = Script(
    "revoke for a time",
    _KEEP
    + """
local retention, mark = longest(tonumber(ARGV[1])), ARGV[2]
for index = 3, #ARGV, 2 do
    local since = tonumber(ARGV[index + 1])
    if since == 0 or since > now then since = now end
    if since + retention > now then keep(ARGV[index], 0, since + retention, mark) end
end
drop_old(AT_ONCE)
return 1
""",
    writes=True,
)

REVOKE_USER = Script(
    "revoke a user",
    _KEEP
    + """
local user, retention, api_keys, mark = ARGV[1], longest(tonumber(ARGV[2])), ARGV[3], ARGV[4]
local epoch = math.max(now, math.max(number_of(epochs, user), number_of(key_epochs, user)) + 1)
if epoch > LAST then error('a number of the store cannot be read') end
redis.call('HSET', epochs, user, digits(epoch))
note_epoch(epoch)
keep('u' .. user, epoch, now + retention, mark)
if api_keys == '1' then
    redis.call('HSET', key_epochs, user, digits(epoch))
    keep('k' .. user, epoch, now + retention, mark)
end
drop_old(AT_ONCE)
return digits(epoch)
""",
    writes=True,
)

DROP_REVOCATIONS = Script("drop revocations", _KEEP + "return drop_old(tonumber(ARGV[1]))", writes=True)

BEGIN_PURGE = Script(
    "begin a purge",
    _SHARED + "redis.call('HSET', about, 'last_purge', ARGV[1])\nreturn 1",
    writes=True,
)

# In JSON, since the driver needs far more time for an array with the parts of many entries. JSON of Lua has no empty
# arrays.
READ_NEWS = Script(
    "read new revocations",
    _SHARED
    + """
local found = redis.call('XRANGE', news, ARGV[1], '+', 'COUNT', ARGV[2])
return {incarnation(), #found > 0 and cjson.encode(found) or '[]'}
""",
    writes=False,
)

# A page begins after the member of the last one, if it is still in its place: else, with all that have its score. The
# stream is never empty, so that a reader has an entry to go on from. A replica refuses to write it.
# The server does nothing else meanwhile, so members and scores are joined as they come: formatting them took as long
# as all the rest. Servers write a score as 1764518783000 or 1.8e+12.
LOAD = Script(
    "load revocations",
    _SHARED
    + """
local most, last_score, last = tonumber(ARGV[1]), ARGV[3], ARGV[4]
local tail = redis.call('XREVRANGE', news, '+', '-', 'COUNT', 1)
if #tail == 0 then
    redis.call('XADD', news, '*', 'mark', ARGV[2])
    tail = redis.call('XREVRANGE', news, '+', '-', 'COUNT', 1)
end
local score = last and redis.call('ZSCORE', live, last)
local start
if not last then start = redis.call('ZCOUNT', live, '-inf', digits(now - later))
elseif score and digits(score) == last_score then start = redis.call('ZRANK', live, last) + 1
else start = redis.call('ZCOUNT', live, '-inf', '(' .. last_score) end
local found = redis.call('ZRANGE', live, start, start + most - 1, 'WITHSCORES')
if found[#found - 1] == '' then found[#found], found[#found - 1] = nil, nil end  -- the entry that stays, with no end
local members = {}
for index = 1, #found, 2 do members[#members + 1] = found[index] end
local known = #members > 0 and redis.call('HMGET', values, unpack(members)) or {}
for index = 1, #known do known[index] = known[index] or '0' end
return {incarnation(), digits(later), tail[1], table.concat(found, '\\n'), table.concat(known, '\\n')}
""",
    writes=False,
)

READ_RINGS = Script("read rings", _TIME + "return {digits(now), redis.call('HGETALL', KEYS[1])}", writes=False)

WRITE_RING = Script(
    "write a ring",
    """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for index = 3, #ARGV do redis.call('HDEL', KEYS[1], ARGV[index]) end
return 1
""",
    writes=True,
)

START = Script(
    "start a session",
    _TIME
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
    _TIME
    + """
local generation, idle, kept, mark = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local names = {'generation', 'expires_at', 'idle_expires_at', 'ended_at', 'call'}
local row = redis.call('HMGET', KEYS[1], unpack(names))
if not row[1] then return false end
for index = 1, 3 do
    if not (row[index] and row[index]:find('^%d+$') and #row[index] <= 16) then
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

SWAP_WITH_NUMBERS = with_numbers(SWAP)

# The session stays for as long as one of its access tokens may be good: until then its end may have to be repeated.
END = Script(
    "end a session",
    _TIME
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
    _TIME
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

READ_LIST = Script(
    "read a list",
    "return redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])",
    writes=False,
)

READ_ENDS = Script(
    "read both ends of a list",
    """
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, name in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'LIMIT', 0, ARGV[2])) do
    found[#found + 1] = name
end
return found
""",
    writes=False,
)

REMOVE_FROM_LIST = Script("remove from a list", "return redis.call('ZREM', KEYS[1], unpack(ARGV))", writes=True)

# An API key or a reference token. It expires by itself, if it has an end.
ADD_RECORD = Script(
    "add a record",
    _TIME
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
    _TIME
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
    _TIME
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
