-- where the page begins (as ZRANGEBYLEX has it), limit.
local after, limit = argument(), argument()
local page = call('ZRANGEBYLEX', PREFIX .. 'leads', after, '+', 'LIMIT', 0, limit)
if #page == 0 then return {} end
local operations = {}
for _, lead in ipairs(page) do
  for _, key in ipairs(list(of_lead(lead, ':order'))) do
    operations[#operations + 1] = describe_operation(entry_of(lead, key) or '')
  end
end
return { page[#page], operations }
