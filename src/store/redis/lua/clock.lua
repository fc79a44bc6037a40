-- What the store's clock shows. It does not go back behind a date that was written: what waits would wait for as much longer.
local now, latest = server_now(), number(call('GET', PREFIX .. 'latest'))
if latest > now then
  call('SET', PREFIX .. 'ahead', number(call('GET', PREFIX .. 'ahead')) + latest - now)
  now = latest
end
return string.format('%.0f', now)
