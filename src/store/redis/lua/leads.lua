-- where the page begins (as ZRANGEBYLEX has it), limit.
local after, limit = argument(), argument()
local page = call('ZRANGEBYLEX', PREFIX .. 'leads', after, '+', 'LIMIT', 0, limit)
for at, lead in ipairs(page) do page[at] = describe_lead(lead) end
return page
