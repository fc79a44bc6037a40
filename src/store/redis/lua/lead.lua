-- lead.
local lead = argument()
if call('EXISTS', of_lead(lead, '')) == 0 then return {} end
return { describe_lead(lead) }
