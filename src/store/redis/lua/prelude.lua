-- Shared by all scripts. KEYS[1] is the prefix of every key: its hash tag keeps them in one slot of a cluster.
--
--   leads                    sorted set of all leads' keys, for pages
--   lead:<lead>              hash: user, data, accepted_at, settled_at, open (operations queued or among the dead letters)
--   lead:<lead>:order        list of its operations' keys
--   lead:<lead>:operations   hash: operation's key -> entry
--   lead:<lead>:enriched     list of enrichments as JSON;  :said  set of their digests
--   settled                  sorted set of leads without an open operation, by when the last of them was settled
--   entry:<entry>            hash of one operation in its place;  :attempts  list of its failed attempts as JSON
--   generation               given when the store was made: no other has it
--   changes                  how many changes were made
--   ahead                    milliseconds that the store's clock is ahead of the server's
--   quarantined              hash: record that cannot be read -> JSON; it stays as it is, and its place is 'quarantined'
--   latest                   the latest date at which something came, was taken, or was settled
--   <vendor>:queued          hash: operation's key -> entry
--   <vendor>:line:<user>     list of a user's entries, in their order
--   <vendor>:due             sorted set of the first of each line, by when it is due; a leased one by the end of its lease
--   <vendor>:letters         sorted set of entries among the dead letters, by the letter's id
--   <vendor>:causes          hash: cause -> letters
--   <vendor>:credits         hash: replica -> JSON
--   <vendor>:charges:<replica>  list of JSON: what callbacks told the other replicas
--
-- A script that fails half-way is not rolled back, and a server without memory refuses the first command that needs some. So
-- what must go on then (leases, results) begins with a command that needs none: after it the server lets the rest through.

local PREFIX = KEYS[1]
local ATTEMPTS_REMEMBERED = 32
local call = redis.call

local next_argument = 0
local function argument()
  next_argument = next_argument + 1
  return ARGV[next_argument]
end

-- A store that was wiped or replaced is not the caller's, whatever it holds by now: the first argument of every script is the
-- generation that the caller began with.
if call('GET', PREFIX .. 'generation') ~= argument() then return redis.error_reply('GONE another generation') end

-- What another program wrote harms its own record alone: a key of another kind is no error here, and a number that is none is 0.
local function is(kind, key) return call('TYPE', key).ok == kind end
local function list(key)
  if is('list', key) then return call('LRANGE', key, 0, -1) end
  return is('none', key) and {} or { 'another kind of key' }
end
local function number(text) return tonumber(text or 0) or 0 end

-- Leases and what waits follow the server's clock, which all replicas share. A caller's date is as much earlier or later as its
-- clock is; every other date stays as the caller wrote it.
local OFFSET = tonumber(argument())
local function server_now()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) + number(call('GET', PREFIX .. 'ahead'))
end

local function of_vendor(vendor, what) return PREFIX .. vendor .. ':' .. what end
local function of_lead(lead, what) return PREFIX .. 'lead:' .. lead .. what end
local function entry_key(id) return PREFIX .. 'entry:' .. id end
local function attempts_key(id) return PREFIX .. 'entry:' .. id .. ':attempts' end

-- Ids have one length, so that their order as texts is that of the numbers.
local function new_id() return string.format('%020d', call('INCR', PREFIX .. 'ids')) end

-- What a change answers: its result, the counts of all vendors (`VENDORS` stands in front of this file) as of a number that
-- grows with each change, and how many leads they are of.
local function with_counts(result, changed)
  local version = PREFIX .. 'changes'
  local answer = { result, changed and call('INCR', version) or tonumber(call('GET', version) or 0) }
  for _, vendor in ipairs(VENDORS) do
    answer[#answer + 1] = call('HLEN', of_vendor(vendor, 'queued'))
    answer[#answer + 1] = call('ZCARD', of_vendor(vendor, 'letters'))
  end
  answer[#answer + 1] = call('ZCARD', PREFIX .. 'leads') - call('ZCARD', PREFIX .. 'settled')
  answer[#answer + 1] = call('HLEN', PREFIX .. 'quarantined')
  return answer
end

-- A date of a caller's clock. A service that starts does not go back behind the latest.
local function dated(at)
  local latest = PREFIX .. 'latest'
  if tonumber(at) > number(call('GET', latest)) then call('SET', latest, at) end
end

local function is_queued(id) return call('HGET', entry_key(id), 'place') == 'queued' end
local function is_leased(id, lease) return is_queued(id) and call('HGET', entry_key(id), 'lease') == lease end

local function has_room(vendor, wanted, capacity)
  return call('HLEN', of_vendor(vendor, 'queued')) + wanted <= tonumber(capacity)
end

local function has_room_for_letter(vendor, capacity)
  return call('ZCARD', of_vendor(vendor, 'letters')) < tonumber(capacity)
end

-- An operation as the arguments name it.
local function read_operation()
  return { vendor = argument(), user = argument(), key = argument(), lead = argument(), json = argument() }
end

local function new_entry(operation, timestamp)
  local id = new_id()
  call('HSET', entry_key(id), 'vendor', operation.vendor, 'user', operation.user, 'key', operation.key,
    'lead', operation.lead, 'operation', operation.json, 'timestamp', timestamp, 'retry_count', 0, 'redrives', 0)
  return id
end

local function remember(id, attempt)
  call('RPUSH', attempts_key(id), attempt)
  call('LTRIM', attempts_key(id), -ATTEMPTS_REMEMBERED, -1)
end

local function forget_entry(id) call('DEL', entry_key(id), attempts_key(id)) end

-- To the end of its user's line.
local function enqueue(id, due)
  local vendor, user, key = unpack(call('HMGET', entry_key(id), 'vendor', 'user', 'key'))
  if call('RPUSH', of_vendor(vendor, 'line:' .. user), id) == 1 then
    call('ZADD', of_vendor(vendor, 'due'), due, id)
  end
  call('HSET', of_vendor(vendor, 'queued'), key, id)
  call('HSET', entry_key(id), 'place', 'queued', 'due', due)
end

-- The first of a line has left it: the next may go. One that does not say when it is due is looked at now.
local function advance(vendor, line)
  call('LPOP', line)
  local following = call('LINDEX', line, 0)
  if following then
    local key = entry_key(following)
    call('ZADD', of_vendor(vendor, 'due'), is('hash', key) and number(call('HGET', key, 'due')) or 0, following)
  end
end

-- Out of the queue; the next of the line may go.
local function dequeue(id)
  local vendor, user, key = unpack(call('HMGET', entry_key(id), 'vendor', 'user', 'key'))
  local line = of_vendor(vendor, 'line:' .. user)
  call('HDEL', of_vendor(vendor, 'queued'), key)
  call('HDEL', entry_key(id), 'due', 'lease')
  if call('ZREM', of_vendor(vendor, 'due'), id) == 1 then
    advance(vendor, line)
  else
    call('LREM', line, 1, id)
  end
end

local function reschedule(vendor, id, due)
  call('HDEL', entry_key(id), 'lease')
  call('HSET', entry_key(id), 'due', due)
  call('ZADD', of_vendor(vendor, 'due'), 'XX', due, id)
end

-- One more operation of the lead is not settled.
local function opened(lead)
  call('HINCRBY', of_lead(lead, ''), 'open', 1)
  call('ZREM', PREFIX .. 'settled', lead)
end

-- One operation fewer.
local function closed(lead, at)
  if not is('hash', of_lead(lead, '')) then return end
  local latest = call('HGET', of_lead(lead, ''), 'settled_at')
  if tonumber(at) > number(latest) then
    latest = at
    call('HSET', of_lead(lead, ''), 'settled_at', at)
  end
  if call('HINCRBY', of_lead(lead, ''), 'open', -1) == 0 then
    call('ZADD', PREFIX .. 'settled', latest, lead)
  end
end

local function entry_of(lead, key)
  local operations = of_lead(lead, ':operations')
  return lead ~= '' and is('hash', operations) and call('HGET', operations, key)
end

-- The operation of this key of the lead is now this entry.
local function track(lead, key, id)
  if lead == '' or call('EXISTS', of_lead(lead, '')) == 0 then return end
  local before = entry_of(lead, key)
  if before == id then return end
  call('HSET', of_lead(lead, ':operations'), key, id)
  if not before then
    call('RPUSH', of_lead(lead, ':order'), key)
    opened(lead)
    return
  end
  local place = call('HGET', entry_key(before), 'place')
  if place ~= 'queued' and place ~= 'dead_lettered' then
    forget_entry(before)
    opened(lead)
  end
end

-- Ends an entry that is in neither queue nor letters any more. What belongs to a lead is kept with it.
local function settle(id, place, at, settled)
  local lead, key = unpack(call('HMGET', entry_key(id), 'lead', 'key'))
  if entry_of(lead, key) == id then
    call('HSET', entry_key(id), 'place', place, 'settled', settled)
    closed(lead, at)
  else
    forget_entry(id)
  end
end

-- Into the queue, untried, unless its lead has the operation already.
local function enter(operation, now)
  if entry_of(operation.lead, operation.key) then return end
  local id = call('HGET', of_vendor(operation.vendor, 'queued'), operation.key)
  if not id then
    id = new_entry(operation, now)
    enqueue(id, now + OFFSET)
  end
  track(operation.lead, operation.key, id)
end

local function add_letter(vendor, id, cause, at)
  local letter = call('INCR', PREFIX .. 'ids')
  call('ZADD', of_vendor(vendor, 'letters'), letter, id)
  call('HINCRBY', of_vendor(vendor, 'causes'), cause, 1)
  call('HSET', entry_key(id), 'place', 'dead_lettered', 'cause', cause, 'dead_at', at)
end

-- The entry of a letter that is taken away, if there is one.
local function take_letter(vendor, letter)
  local id = call('ZRANGEBYSCORE', of_vendor(vendor, 'letters'), letter, letter)[1]
  if id then
    call('ZREM', of_vendor(vendor, 'letters'), id)
    local cause = is('hash', entry_key(id)) and call('HGET', entry_key(id), 'cause')
    if cause and call('HEXISTS', of_vendor(vendor, 'causes'), cause) == 1 and call('HINCRBY', of_vendor(vendor, 'causes'), cause, -1) == 0 then
      call('HDEL', of_vendor(vendor, 'causes'), cause)
    end
  end
  return id
end

local function describe_entry(id)
  if not is('hash', entry_key(id)) then return {} end
  local fields = call('HMGET', entry_key(id), 'operation', 'timestamp', 'retry_count', 'redrives')
  fields[5] = list(attempts_key(id))
  return fields
end

-- A date of the server's clock as the caller's clock shows it.
local function shown(due) return due and string.format('%.0f', number(due) - OFFSET) end

local function fields_of(key, ...)
  if is('hash', key) then return call('HMGET', key, ...) end
  return { false, false, false, false, false, false }
end

-- With all that is known of it, as an operator sees it.
local function describe_operation(id)
  local told = fields_of(entry_key(id), 'vendor', 'place', 'due', 'settled', 'cause', 'dead_at')
  told[3] = shown(told[3])
  told[7] = describe_entry(id)
  told[8] = id
  return told
end

local function describe_lead(lead)
  local told = fields_of(of_lead(lead, ''), 'user', 'data', 'accepted_at')
  local operations = {}
  for _, key in ipairs(list(of_lead(lead, ':order'))) do
    local id = entry_of(lead, key) or ''
    local place, due, settled = unpack(fields_of(entry_key(id), 'place', 'due', 'settled'))
    operations[#operations + 1] = { describe_entry(id), place, shown(due), settled, id }
  end
  told[4] = operations
  told[5] = list(of_lead(lead, ':enriched'))
  told[6] = lead
  return told
end
