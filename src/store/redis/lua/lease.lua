-- vendor, now by the caller's clock, how long the lease lasts, whether the server's clock ends it.
local vendor, now, lasts, by_server = argument(), argument(), argument(), argument() == '1'
local here = by_server and server_now() or tonumber(now)
local shown = string.format('%.0f', here)
local first = call('ZRANGE', of_vendor(vendor, 'due'), 0, 0, 'WITHSCORES')
if not first[1] or tonumber(first[2]) > here then return with_counts({ shown }, false) end
local id, lease_end = first[1], here + lasts
-- It needs no memory, and what is delivered gives some back: see the prelude.
call('ZREM', of_vendor(vendor, 'due'), id)
call('ZADD', of_vendor(vendor, 'due'), lease_end, id)
local lease = new_id()
if is('hash', entry_key(id)) then call('HSET', entry_key(id), 'lease', lease, 'due', lease_end) end
dated(now)
return with_counts({ shown, id, lease, describe_entry(id) }, true)
