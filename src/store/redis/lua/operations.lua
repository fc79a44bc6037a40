-- where the page begins (as ZRANGEBYLEX has it), limit.
local after, limit = argument(), argument()
local page = call('ZRANGEBYLEX', PREFIX .. 'leads', after, '+', 'LIMIT', 0, limit)
if #page == 0 then return {} end
local operations = {}
for _, lead in ipairs(page) do
  for _, key in ipairs(call('LRANGE', of_lead(lead, ':order'), 0, -1)) do
    operations[#operations + 1] = describe_operation(entry_of(lead, key))
  end
end
return { page[#page], operations }
