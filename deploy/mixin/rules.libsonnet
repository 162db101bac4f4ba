// Recording rules: what alerts and dashboards build on.
//
// A status that cannot be seen stays as it was. An exporter that restarts, or an API that fails so long that the exporter withdraws its data, is no
// news about an instance. So some rules name themselves and read what the evaluation before wrote: an alert's `for` does not begin anew,
// and nobody is told that an instance has recovered because nobody can see it. (`last_over_time` would also bring back what was deleted or
// renamed before.) Should Prometheus itself stand still for more than five minutes, this memory is lost.
//
// vmalert and Thanos Ruler write results asynchronously: a rule there reads the *previous* values of the rules before it. A rule that
// remembers therefore spells out raw series: what it remembers it reads from itself alone.
//
// No rule compares `time()` with a timestamp of the exporter, whose clock may differ from Prometheus's.
{
  local promql = (import 'promql.libsonnet')($._config),
  local targetLabels = promql.targetLabels,
  local sameTarget = promql.sameTarget,
  local max = promql.max,
  local ofInstance = 'instance_id, instance_name',

  // 1 WORKING, 2 STARTING, 3 PENDING, 4 STOPPED, 5 SCAN_QR_CODE, 6 FAILED, 7 UNKNOWN. Where replicas differ, the graver counts.
  // `== 1` serves --metrics.status-set=all and =current alike.
  local codes = [status.name for status in import 'dashboards/statuses.libsonnet'],
  local code = 'max without (status, %s) (\n  %s\n)' % [
    targetLabels,
    std.join('\n  or ', [
      '(hypersender_instance_status{status="%s"} == 1) * %d' % [codes[place], place + 1]
      for place in std.range(0, std.length(codes) - 1)
    ]),
  ],
  local has(status) = max('hypersender_instance_status{status=~"%s"} == 1' % status, 'status'),
  // Accounts with data that is not withdrawn.
  local data = max('hypersender_instances', 'status'),
  // Accounts that an exporter serves, or did until just now:
  // - for an hour where the target is there but does not answer: the exporter is down, or restarts;
  // - for ten minutes where the target itself is gone: it may be moving to another node.
  // An account that a reload removed is neither: its target is up, and serves others.
  local known = |||
    %s
    or
    max without (%s) (
      (last_over_time(hypersender_up[1h]) and %s up == 0)
      or
      (last_over_time(hypersender_up[10m]) unless %s up)
    )
  ||| % [max('hypersender_up'), targetLabels, sameTarget, sameTarget],
  local knownAccounts = '(\n  %s\n)' % promql.indented(known),
  // The record itself, where its account has no data but is known.
  local remembered(record) = |||
    (
      %s
      unless ignoring (%s)
        %s
    )
    and ignoring (%s) %s
  ||| % [record, ofInstance, data, ofInstance, knownAccounts],

  hypersenderRecords:: [
    // Accounts that an exporter serves now: 1 if the last poll succeeded at any replica, else 0.
    { record: 'account:hypersender_up:max', expr: max('hypersender_up') },
    { record: 'account:hypersender_up:last_known', expr: known },
    // The status code, or, while the account has no data, what it was last. An instance that was deleted or renamed is gone at once,
    // because its account has data in which it is not.
    {
      local record = 'instance_id:hypersender_instance_status:last_known_code',
      record: record,
      expr: '%s\nor\n%s' % [code, remembered(record)],
    },

    // The same without memory: no value while the exporter has no data to trust.
    {
      record: 'instance_id:hypersender_instance_status:code',
      expr: 'instance_id:hypersender_instance_status:last_known_code\nand ignoring (%s)\n  %s' % [ofInstance, data],
    },

    // Since when it has that status, as far as is known: an exporter that restarts begins anew.
    {
      local record = 'instance_id:hypersender_instance_status_change_timestamp_seconds:last_known',
      record: record,
      expr: '%s\nor\n%s' % [max('hypersender_instance_status_change_timestamp_seconds'), remembered(record)],
    },

    // Instances that wait for a QR code, or have FAILED because their codes ran out: 1 if they were linked before, 0 if never. One without an
    // access token was linked if it had one, or worked, within the last ten minutes. What was found at first
    // stays. Who restarts an instance for new codes makes it STARTING for a poll or two: that is not the end.
    {
      local record = 'instance_id:hypersender_instance_scan:linked',
      record: record,
      expr: |||
        (
          %(scan)s
          unless %(same)s (hypersender_instance_access_token_present == 0)
        )
        or
        (
          %(scan)s
          and %(same)s (
            max_over_time(hypersender_instance_access_token_present[10m]) == 1
            or
            max_over_time(hypersender_instance_up[10m]) == 1
          )
        )
        or
        (
          %(record)s
          and
          %(lasting)s
          and
          %(recent)s
        )
        or
        %(scan)s * 0
        or
        %(remembered)s
      ||| % {
        record: record,
        same: 'on (job, account, instance_id)',
        scan: has('SCAN_QR_CODE'),
        lasting: has('SCAN_QR_CODE|FAILED|STARTING'),
        recent: max('max_over_time(hypersender_instance_status{status=~"SCAN_QR_CODE|FAILED"}[1m]) == 1', 'status'),
        remembered: remembered(record),
      },
    },

    // The number of instances that an account has by status, and in all. No value while the exporter has no data to trust.
    { record: 'account_status:hypersender_instances:max', expr: max('hypersender_instances') },
    // Counted from the codes, so that it cannot contradict them should a scrape arrive between two rules; an account without any instance
    // has no codes, but has data.
    {
      record: 'account:hypersender_instances:sum',
      expr: |||
        count without (instance_id, instance_name) (instance_id:hypersender_instance_status:code)
        or
        sum without (status) (account_status:hypersender_instances:max) == 0
      |||,
    },

    // The part of the instances that work. Stopped ones do not count, since that may be meant; no value if none is left.
    {
      record: 'account:hypersender_instances_working:ratio',
      expr: |||
        sum without (instance_id, instance_name) (instance_id:hypersender_instance_status:code == bool 1)
        /
        count without (instance_id, instance_name) (instance_id:hypersender_instance_status:code != 4)
      |||,
    },
    {
      record: 'account:hypersender_instances_working:last_known_ratio',
      expr: |||
        sum without (instance_id, instance_name) (instance_id:hypersender_instance_status:last_known_code == bool 1)
        /
        count without (instance_id, instance_name) (instance_id:hypersender_instance_status:last_known_code != 4)
      |||,
    },

    // The number of instances seen within the last hour that a good list no longer has. By id: a renamed instance has not disappeared.
    // Kept as it was while there is no list. An account that was removed as such has lost nothing.
    {
      local record = 'account:hypersender_instances_disappeared:count1h',
      record: record,
      expr: |||
        count without (instance_id) (
          max without (instance_name) (present_over_time(instance_id:hypersender_instance_status:last_known_code[1h]))
          unless
          %s
          unless
          max without (instance_name) (instance_id:hypersender_instance_status:code)
        )
        and
        %s
        or
        (
          %s
          unless
          %s
        )
        and %s
      ||| % [max('hypersender_instance_up', 'instance_name'), data, record, data, knownAccounts],
    },

    // Failed polls of the last 20 minutes by reason: longer than any pause the exporter makes between polls (15 minutes, if the API says
    // so), with intervals up to 5 minutes. `increase` sees nothing of what was counted before the first scrape of a new target, so there the
    // counter itself is taken, as high as it was before a restart. Targets that are gone still count, so that a new pod need not find out
    // anew why polls fail.
    {
      record: 'account_reason:hypersender_poll_failures:increase20m',
      expr: |||
        sum without (%s) (
          (max_over_time(hypersender_poll_failures_total[20m]) unless hypersender_poll_failures_total offset 20m)
          or
          increase(hypersender_poll_failures_total[20m])
        )
      ||| % targetLabels,
    },

    // Accounts about which nothing is known, and why: 1 the API refuses the key, 2 it limits the rate, 3 anything else. The first of them that
    // occurred within 20 minutes counts, so that alternating reasons are one cause, and exactly one. As it was where no exporter
    // serves the account, or where it has ended no poll since it started.
    //
    // `hypersender_up` is 0 from the first failed poll on, and also once the last good poll is too old. One failed poll alone is no outage: the
    // exporter's last two timestamps differ by one interval (and a poll's duration at the most) then, after the second by two or more; no
    // difference at all says that polls no longer end. Withdrawn data is an outage in any case, such as after one poll that was told to wait
    // for ten minutes.
    {
      local record = 'account:hypersender_blind:cause',
      record: record,
      expr: |||
        (
          %(record)s
          unless
          %(last)s
        )
        and %(known)s
        or
        (
          min without (reason) (
            (account_reason:hypersender_poll_failures:increase20m{reason=~"unauthorized|forbidden|not_found"} > 0) * 0 + 1
            or
            (account_reason:hypersender_poll_failures:increase20m{reason="rate_limited"} > 0) * 0 + 2
          )
          or
          %(up)s * 0 + 3
        )
        and
        %(up)s == 0
        unless (
          %(last)s
          - %(good)s
          < 1.5 * %(interval)s
          and
          %(last)s
          > %(good)s
          and
          %(data)s
        )
      ||| % {
        record: record,
        known: knownAccounts,
        up: max('hypersender_up'),
        last: max('hypersender_last_poll_timestamp_seconds'),
        good: max('hypersender_last_successful_poll_timestamp_seconds'),
        interval: max('hypersender_poll_interval_seconds'),
        data: data,
      },
    },

    // The number of targets that a job has.
    { record: 'job:up:count', expr: 'count without (%s) (up{%s})' % [targetLabels, $._config.selector] },
  ],
  // Read by no alert, and too costly to be evaluated as often.
  hypersenderAvailability:: [
    // The part of the last six hours, day and thirty days that each instance was WORKING, of the time it was seen. The longest is the mean of
    // six hours that do not overlap.
    {
      record: 'instance_id:hypersender_instance_working:ratio6h',
      expr: 'avg_over_time((instance_id:hypersender_instance_status:code == bool 1)[6h:5m])',
    },
    {
      record: 'instance_id:hypersender_instance_working:ratio1d',
      expr: 'avg_over_time((instance_id:hypersender_instance_status:code == bool 1)[1d:5m])',
    },
    {
      record: 'instance_id:hypersender_instance_working:ratio30d',
      expr: 'avg_over_time(instance_id:hypersender_instance_working:ratio6h[30d:6h])\nor\ninstance_id:hypersender_instance_working:ratio1d',
    },
  ],
}
