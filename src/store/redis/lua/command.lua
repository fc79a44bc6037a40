-- a command and its arguments.
local words = {}
for at = next_argument + 1, #ARGV do words[#words + 1] = ARGV[at] end
return call(unpack(words))
