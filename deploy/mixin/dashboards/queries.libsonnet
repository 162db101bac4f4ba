// PromQL that several panels share. Every selector follows the dashboard's variables for job and target.
local promql = import '../promql.libsonnet';
local statuses = import 'statuses.libsonnet';

function(config) {
  local queries = self,
  local matchers(list) = std.join(', ', [m for m in list if m != '']),

  // Series of exporters.
  select(metric, extra=''):: '%s{%s}' % [metric, matchers(['job=~"$job", instance=~"$instance"', extra])],

  // What tells of exporters, before a target is chosen.
  exporters(extra):: 'hypersender_up' + (if extra == '' then '' else '{%s}' % extra),

  // Matches the chosen accounts, also by a label of their own.
  chosen:: 'account=~"$account", $label=~"$value"',

  // Series of the chosen accounts.
  account(metric, extra=''):: queries.select(metric, matchers([queries.chosen, extra])),

  // One series for all replicas.
  max:: promql(config).max,
  maxOfAccount(metric, extra=''):: queries.max(queries.account(metric, extra)),

  rate(series):: 'rate(%s[$__rate_interval])' % series,
  increase(series, range='$__rate_interval'):: 'increase(%s[%s])' % [series, range],

  // The same of targets that are exporters, for metrics that every process has.
  ofExporter(expr):: '%s and on (job, instance) %s' % [expr, queries.select('hypersender_up')],

  // The status as a number, in the order of the recording rule. `== 1` serves --metrics.status-set=all and =current alike.
  statusCode(matcher):: queries.max(
    '\n  %s\n' % std.join('\n  or ', std.mapWithIndex(
      function(i, status)
        '(%s == 1)' % queries.select('hypersender_instance_status', '%s, status="%s"' % [matcher, status.name]) +
        (if i == 0 then '' else ' * %d' % (i + 1)),
      statuses
    )),
    'status'
  ),

  // With a label `shown`: the instance's name, or its id where it has none.
  shown(expr)::
    'label_replace(\n%s,\n"shown", "$1", "instance_name", "(?s)(.+)")' %
    'label_join(\n%s,\n"shown", "", "instance_id")' % expr,

  // The time from the last good poll to the last scrape. The exporter's timestamps are of its own clock, which may be wrong; the least
  // time by which scrapes seem to follow polls is the difference between that clock and Prometheus's. It falls short by one scrape
  // interval at the most. No pause between polls is longer than the 20 minutes. Of replicas, the one with the newest data counts.
  dataAge(select=queries.account)::
    'min without (%(labels)s) (\n  timestamp(%(last)s) - %(good)s\n  - min_over_time((timestamp(%(last)s) - %(last)s)[20m:15s])\n)' % {
      labels: promql(config).targetLabels,
      last: select('hypersender_last_poll_timestamp_seconds'),
      good: select('hypersender_last_successful_poll_timestamp_seconds'),
    },
  dataAgeInIntervals:: '%s / %s' % [queries.dataAge(), queries.maxOfAccount('hypersender_poll_interval_seconds')],
}
