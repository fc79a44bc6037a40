-- vendor, entry, lease, capacity of the letters, cause, date, the attempt.
local vendor, id, lease, capacity = argument(), argument(), argument(), argument()
local cause, at, attempt = argument(), argument(), argument()
if not is_leased(id, lease) or not has_room_for_letter(vendor, capacity) then return with_counts(0, false) end
dequeue(id)
call('HINCRBY', entry_key(id), 'retry_count', 1)
remember(id, attempt)
add_letter(vendor, id, cause, at)
return with_counts(1, true)
