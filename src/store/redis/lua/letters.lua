-- vendor, the letter before the page, limit.
local vendor, after, limit = argument(), argument(), argument()
local page = call('ZRANGEBYSCORE', of_vendor(vendor, 'letters'), '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local letters = {}
for at = 1, #page, 2 do
  local cause, dead_at = unpack(fields_of(entry_key(page[at]), 'cause', 'dead_at'))
  letters[#letters + 1] = { page[at + 1], describe_entry(page[at]), cause, dead_at, page[at] }
end
return letters
