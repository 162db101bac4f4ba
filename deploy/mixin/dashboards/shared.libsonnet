// The panels that tell whether anything can be seen at all; two dashboards begin with them.
local p = import 'panels.libsonnet';

function(q) [
  p.row('Are we blind?'),
  p.stat(
    'Exporters down',
    'Exporters that Prometheus cannot scrape now, of those seen within the last hour. Above 0, and with no other replica up, all below is old or missing. ' +
    "No exporter seen: look at Prometheus's targets.",
    ['sum(1 - (%s and on (job, instance) last_over_time(%s[1h])))' % [q.select('up'), q.select('hypersender_up')]],
    'no exporter seen',
    steps=[['red', null], ['green', 0], ['red', 1]],
    decimals=0,
  ),
  p.stat(
    'Accounts failing',
    'Accounts whose last poll failed, at every replica, or is too long ago. One failed poll is no alarm: look at how many were missed.',
    ['sum(1 - %s)' % q.maxOfAccount('hypersender_up')],
    'no account seen',
    steps=[['red', null], ['green', 0], ['orange', 1]],
    decimals=0,
  ),
  p.stat(
    'Time from poll to now',
    'Age of the last successful poll, of the account where it is longest ago. Older than three intervals, the exporter withdraws the data. ' +
    "Right by Prometheus's clock, whatever the exporter's says; up to one scrape interval short.",
    ['clamp_min(max(%s), 0)' % q.dataAge()],
    'no poll has succeeded',
    unit='s',
    decimals=0,
  ),
  p.stat(
    'Polls missed',
    "The age of the oldest data in poll intervals. Below 2 is normal; from 3 on nothing is known of that account's instances, and what is shown of it is withdrawn.",
    ['clamp_min(max(%s), 0)' % q.dataAgeInIntervals],
    'no poll has succeeded',
    steps=[['red', null], ['green', 0], ['orange', 2], ['red', 3]],
    decimals=1,
  ),
]
