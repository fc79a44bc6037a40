-- vendor.
local first = call('ZRANGE', of_vendor(argument(), 'due'), 0, 0, 'WITHSCORES')
return with_counts(first[2] and shown(first[2]) or '', false)
