-- entry, place, date, how it was settled, operations that follow; each: an operation.
local id, place, at, settled, operations = argument(), argument(), argument(), argument(), tonumber(argument())
if not is_queued(id) then return with_counts(0, false) end
dequeue(id)
settle(id, place, at, settled)
dated(at)
for _ = 1, operations do enter(read_operation(), at) end
return with_counts(1, true)
