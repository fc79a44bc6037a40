-- entry.
local id = argument()
if call('EXISTS', entry_key(id)) == 0 then return {} end
return { describe_operation(id) }
