-- vendor, letter.
local vendor, letter = argument(), argument()
local id = take_letter(vendor, letter)
if not id then return with_counts(0, false) end
local cause, at = unpack(call('HMGET', entry_key(id), 'cause', 'dead_at'))
local status = ''
local last = call('LINDEX', attempts_key(id), -1)
if last then
  local told = cjson.decode(last).status
  if told then status = string.format(',"status":%d', told) end
end
settle(id, 'rejected', at, string.format('{"at":%s,"place":"rejected","cause":"%s"%s}', at, cause, status))
return with_counts(1, true)
