// Which part of the time an instance worked, of the time it was seen. It takes days, so these series are scraped and evaluated once in five
// minutes only, and are written without world.libsonnet.
function(rules='../../deploy/prometheus/hypersender.rules.yml', prometheus=2) {
  local labels = 'job="hypersender",instance="a:1",account="acme"',
  local one = 'instance_id="i1",instance_name="Sales"',
  local other = 'instance_id="i2",instance_name="Desk"',
  local status(instance, status, values) = {
    series: 'hypersender_instance_status{%s,%s,status="%s"}' % [labels, instance, status],
    values: values,
  },
  local ratio(range, instance, time, value) = {
    local whole = '{job="hypersender",account="acme",%s}' % instance,
    expr: 'round(instance_id:hypersender_instance_working:ratio%s%s, 0.1)' % [range, whole],
    eval_time: time,
    exp_samples: [{ labels: whole, value: value }],
  },
  rule_files: [rules],
  evaluation_interval: '5m',
  tests: [{
    name: 'one is FAILED for half of the second day, another works every other quarter of an hour; the last quarter of the third day nothing is seen',
    interval: '5m',
    input_series: [
      { series: 'hypersender_up{%s}' % labels, values: '1x863' },
      { series: 'hypersender_instances{%s,status="WORKING"}' % labels, values: '1x791 stale _x71' },
      status(one, 'WORKING', '1x287 1x143 0x143 1x215 stale _x71'),
      status(one, 'FAILED', '0x287 0x143 1x143 0x215 stale _x71'),
      status(other, 'WORKING', std.join(' ', std.makeArray(132, function(halfHour) '1x2 0x2')) + ' stale _x71'),
      status(other, 'FAILED', std.join(' ', std.makeArray(132, function(halfHour) '0x2 1x2')) + ' stale _x71'),
    ],
    promql_expr_test: [
      ratio('1d', one, '24h', 1),
      ratio('1d', one, '48h', 0.5),
      ratio('1d', one, '60h', 0.5),
      // Of the last day it was seen for 20 hours, and FAILED for two.
      ratio('1d', one, '70h', 0.9),
      ratio('30d', one, '60h', 0.8),
      ratio('1d', other, '48h', 0.5),
      ratio('30d', other, '71h', 0.5),
    ],
  }],
}
