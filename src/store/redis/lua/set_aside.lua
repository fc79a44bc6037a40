-- how the record is named, what is said of it, where it waits ('queued', 'letters' or nothing), its vendor, entry and lease.
-- It leaves the queue or the letters, and stays as it is: the others go on.
local name, note, place, vendor, id, lease = argument(), argument(), argument(), argument(), argument(), argument()
local key = entry_key(id)
if place == 'queued' then
  -- Another has it by now.
  if is('hash', key) and call('HGET', key, 'lease') ~= lease then return with_counts(0, false) end
  local user, operation = unpack(is('hash', key) and call('HMGET', key, 'user', 'key') or {})
  call('ZREM', of_vendor(vendor, 'due'), id)
  -- What it says of itself may not be so: then each is looked at.
  if not operation or call('HGET', of_vendor(vendor, 'queued'), operation) ~= id then
    operation = nil
    local queued = call('HGETALL', of_vendor(vendor, 'queued'))
    for at = 1, #queued, 2 do
      if queued[at + 1] == id then operation = queued[at] end
    end
  end
  if operation then call('HDEL', of_vendor(vendor, 'queued'), operation) end
  local line = user and of_vendor(vendor, 'line:' .. user)
  if not line or call('LINDEX', line, 0) ~= id then
    line = nil
    for _, other in ipairs(call('KEYS', of_vendor(vendor, 'line:*'))) do
      if is('list', other) and call('LINDEX', other, 0) == id then line = other end
    end
  end
  if line then advance(vendor, line) end
elseif place == 'letters' then
  call('ZREM', of_vendor(vendor, 'letters'), id)
  -- Its cause may not be that for which it was counted.
  call('DEL', of_vendor(vendor, 'causes'))
  for _, letter in ipairs(call('ZRANGE', of_vendor(vendor, 'letters'), 0, -1)) do
    local cause = fields_of(entry_key(letter), 'cause')[1]
    if cause then call('HINCRBY', of_vendor(vendor, 'causes'), cause, 1) end
  end
end
if place ~= '' and is('hash', key) then call('HSET', key, 'place', 'quarantined') end
return with_counts(call('HSETNX', PREFIX .. 'quarantined', name, note), true)
