-- lead, digest of the enrichment, the enrichment, its date, operations; each: an operation.
local lead, digest, enrichment, at, operations = argument(), argument(), argument(), argument(), tonumber(argument())
if call('EXISTS', of_lead(lead, '')) == 0 then return with_counts('unknown', false) end
if call('SADD', of_lead(lead, ':said'), digest) == 0 then return with_counts('repeated', false) end
call('RPUSH', of_lead(lead, ':enriched'), enrichment)
for _ = 1, operations do enter(read_operation(), at) end
dated(at)
return with_counts('new', true)
