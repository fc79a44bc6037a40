-- before, limit. What is forgotten at once is limited, because nobody else is served meanwhile.
local before, limit = argument(), argument()
local leads = call('ZRANGEBYSCORE', PREFIX .. 'settled', '-inf', '(' .. before, 'LIMIT', 0, limit)
for _, lead in ipairs(leads) do
  for _, id in ipairs(is('hash', of_lead(lead, ':operations')) and call('HVALS', of_lead(lead, ':operations')) or {}) do forget_entry(id) end
  call('DEL', of_lead(lead, ''), of_lead(lead, ':order'), of_lead(lead, ':operations'), of_lead(lead, ':enriched'),
    of_lead(lead, ':said'))
  call('HDEL', PREFIX .. 'quarantined', 'lead ' .. lead)
  call('ZREM', PREFIX .. 'settled', lead)
  call('ZREM', PREFIX .. 'leads', lead)
end
return with_counts(#leads, true)
