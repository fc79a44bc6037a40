-- vendor, now, end of the lease.
local vendor, now, lease_end = argument(), argument(), argument()
local first = call('ZRANGE', of_vendor(vendor, 'due'), 0, 0, 'WITHSCORES')
if not first[1] or tonumber(first[2]) > tonumber(now) then return with_counts({}, false) end
local id = first[1]
-- It needs no memory, and what is delivered gives some back: see the prelude.
call('ZREM', of_vendor(vendor, 'due'), id)
call('ZADD', of_vendor(vendor, 'due'), lease_end, id)
local lease = new_id()
call('HSET', entry_key(id), 'lease', lease, 'due', lease_end)
dated(now)
return with_counts({ id, lease, describe_entry(id) }, true)
