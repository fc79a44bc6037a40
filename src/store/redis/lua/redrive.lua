-- vendor, letter, capacity of the queue, due.
local vendor, letter, capacity, due = argument(), argument(), argument(), argument()
if not has_room(vendor, 1, capacity) then return with_counts(0, false) end
local id = take_letter(vendor, letter)
if not id then return with_counts(0, false) end
local lead, key = unpack(call('HMGET', entry_key(id), 'lead', 'key'))
local queued = call('HGET', of_vendor(vendor, 'queued'), key)
if queued then
  -- The operation came into the queue by another way: the letter was a copy.
  track(lead, key, queued)
  forget_entry(id)
else
  call('HDEL', entry_key(id), 'cause', 'dead_at')
  call('HSET', entry_key(id), 'retry_count', 0)
  call('HINCRBY', entry_key(id), 'redrives', 1)
  enqueue(id, due + OFFSET)
  track(lead, key, id)
end
return with_counts(1, true)
