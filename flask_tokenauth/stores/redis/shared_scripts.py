"""The scripts on the shared keys of a store: the facts about it, the revocations, and the numbers of users.

The last argument of each but ``BIND`` is the ID of the store that the caller is bound to. If all keys were deleted,
another issuer may have taken them: then the script returns false, and the caller has to bind again. The same holds if
one of the keys was deleted, for example by a server that evicts keys: the store gets a new ID, so that all processes
load the revocations again, and write those back that they know.
"""

from .script import TIME, Script

# A number that cannot be read must not make a revocation look as if it had expired. A hundred years is more than any
# setting allows.
# The revocations of a user have its numbers too: they count if the others were lost.
# The score of a revocation is its end without the longest leeway: if that grows, all ends are later at once.
_SHARED = (
    TIME
    + """
local about, live, values, news, epochs, key_epochs = unpack(KEYS, 1, 6)
local facts = redis.call('HMGET', about, 'store_id', 'lifetime', 'leeway')
if facts[1] ~= table.remove(ARGV) or redis.call('EXISTS', live, values, epochs, key_epochs) < 4 then return false end
local LAST, CENTURY = 253402300799000, 3155760000000
local lifetime, leeway = math.min(whole(facts[2]), CENTURY), math.min(whole(facts[3]), CENTURY)
local later = 2 * leeway

local function number_of(hash, name) return whole(redis.call('HGET', hash, name) or '0') end

local function epoch_of(user) return math.max(number_of(epochs, user), number_of(values, 'u' .. user)) end

local function key_epoch_of(user) return math.max(number_of(key_epochs, user), number_of(values, 'k' .. user)) end

local function incarnation()  -- another one after a restart and after a failover, since writes may be lost then
    return facts[1] .. '.' .. (string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or '')
end

local function is_revoked(member)
    local score = redis.call('ZSCORE', live, member)
    return score and score + later > now
end
"""
)

# A script that fails keeps what it has written until then. So the stream comes first: a revocation that is in the set
# already is not written again, and a reader would never get one that the stream has refused.
_KEEP = (
    _SHARED
    + """
local TRIMMED, KEPT_FOR, AT_ONCE = 600000, 172800000, 100

local function keep(member, value, expires_at, mark)
    local score, known = math.min(expires_at, LAST) - later, redis.call('ZSCORE', live, member)
    local known_value = number_of(values, member)
    if known and tonumber(known) >= score and known_value >= value then return end
    score, value = math.max(score, tonumber(known or score)), math.max(value, known_value)
    redis.call('XADD', news, 'MINID', '~', digits(now - TRIMMED), '*',
        'member', member, 'value', digits(value), 'expires_at', digits(score + later), 'mark', mark)
    if value > 0 then redis.call('HSET', values, member, digits(value)) end
    redis.call('ZADD', live, digits(score), member)
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
    TIME
    + """
local about, live, values, news, epochs, key_epochs = unpack(KEYS, 1, 6)
local issuer, lifetime, leeway, store_id, mark = unpack(ARGV)
local known = redis.call('HGET', about, 'issuer')
if known and issuer ~= '' and known ~= issuer then return {known, ''} end
if not redis.call('HGET', about, 'store_id') or redis.call('EXISTS', live, values, epochs, key_epochs) < 4 then
    redis.call('XADD', news, '*', 'mark', mark)
    redis.call('HSET', about, 'store_id', store_id)
end
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

# What was revoked stays so if the revocation has expired: tokens of its time have expired too, but a session, or an API
# key without an end, goes on if its server has lost the mark. A revocation is deleted days later.
LOOK = Script(
    "look at a user",
    _SHARED
    + """
local user = ARGV[1]
local found = {digits(now), digits(epoch_of(user)), digits(key_epoch_of(user))}
for index = 2, #ARGV do
    found[#found + 1] = redis.call('ZSCORE', live, ARGV[index]) and 1 or 0
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
local epoch = math.max(now, math.max(epoch_of(user), key_epoch_of(user)) + 1)
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

READ_RINGS = Script("read rings", TIME + "return {digits(now), redis.call('HGETALL', KEYS[1])}", writes=False)

WRITE_RING = Script(
    "write a ring",
    """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for index = 3, #ARGV do redis.call('HDEL', KEYS[1], ARGV[index]) end
return 1
""",
    writes=True,
)
