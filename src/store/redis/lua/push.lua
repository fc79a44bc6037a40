-- capacity, due, timestamp, retry count, redrives, an operation, attempts; each: JSON.
local capacity, due, timestamp, retry_count, redrives = argument(), argument(), argument(), argument(), argument()
local operation = read_operation()
local id = call('HGET', of_vendor(operation.vendor, 'queued'), operation.key)
if not id then
  if not has_room(operation.vendor, 1, capacity) then return with_counts(0, false) end
  id = new_entry(operation, timestamp)
  call('HSET', entry_key(id), 'retry_count', retry_count, 'redrives', redrives)
  for _ = 1, tonumber(argument()) do remember(id, argument()) end
  enqueue(id, due + OFFSET)
end
track(operation.lead, operation.key, id)
return with_counts(1, true)
