-- capacity of the letters, cause, date, timestamp, retry count, redrives, an operation, attempts; each: JSON.
local capacity, cause, at = argument(), argument(), argument()
local timestamp, retry_count, redrives = argument(), argument(), argument()
local operation = read_operation()
if not has_room_for_letter(operation.vendor, capacity) then return with_counts(0, false) end
local id = new_entry(operation, timestamp)
call('HSET', entry_key(id), 'retry_count', retry_count, 'redrives', redrives)
for _ = 1, tonumber(argument()) do remember(id, argument()) end
add_letter(operation.vendor, id, cause, at)
track(operation.lead, operation.key, id)
return with_counts(1, true)
