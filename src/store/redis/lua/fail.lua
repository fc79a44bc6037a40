-- vendor, entry, lease, due, the attempt or nothing.
local vendor, id, lease, due, attempt = argument(), argument(), argument(), argument(), argument()
if not is_leased(id, lease) then return with_counts(0, false) end
call('HDEL', entry_key(id), 'lease')
if attempt ~= '' then
  call('HINCRBY', entry_key(id), 'retry_count', 1)
  remember(id, attempt)
end
reschedule(vendor, id, due + OFFSET)
return with_counts(1, true)
