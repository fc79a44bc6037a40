-- now, capacity, leads; each: key, user, data, operations; each: an operation.
local now, capacity, leads = argument(), argument(), tonumber(argument())
local answers = {}
for at = 1, leads do
  local lead, user, data = argument(), argument(), argument()
  local operations, wanted, fits = {}, {}, true
  for place = 1, tonumber(argument()) do
    local operation = read_operation()
    operations[place] = operation
    wanted[operation.vendor] = (wanted[operation.vendor] or 0) + 1
  end
  for vendor, count in pairs(wanted) do fits = fits and has_room(vendor, count, capacity) end
  if call('EXISTS', of_lead(lead, '')) == 1 then
    answers[at] = 'known'
  elseif not fits then
    answers[at] = 'full'
  else
    call('HSET', of_lead(lead, ''), 'user', user, 'data', data, 'accepted_at', now, 'settled_at', now, 'open', 0)
    call('ZADD', PREFIX .. 'leads', 0, lead)
    call('ZADD', PREFIX .. 'settled', now, lead)
    for _, operation in ipairs(operations) do enter(operation, now) end
    answers[at] = 'new'
    dated(now)
  end
end
return with_counts(answers, true)
