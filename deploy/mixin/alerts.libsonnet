// Alerts, in the order in which they are evaluated.
//
// Those that silence others in Alertmanager come first: exporter, account, instance. When an outage ends, its alert thus ends before those it
// silenced. The other way round Alertmanager may forget an instance's alert while it is silenced, and nobody hears that it is resolved.
//
// Do not send these alerts through the WhatsApp number they watch.
{
  local config = $._config,
  local promql = (import 'promql.libsonnet')(config),
  local labels = promql.targetLabels,
  local sameTarget = promql.sameTarget,
  local max = promql.max,
  local up = 'up{%s}' % config.selector,
  // Targets that answer, without exporters that have ended no poll since they started.
  local serving = |||
    %s == 1
    unless %s
      max by (cluster, namespace, job, %s) (hypersender_polls_total) == 0
  ||| % [up, sameTarget, labels],

  // Targets that are down, without or with others of their job that are not.
  local exporterDown(operator) = |||
    (
      %(up)s
      unless
      (
        %(serving)s
      )
    )
    %(operator)s ignoring (%(labels)s)
      max without (%(labels)s) (
        %(serving)s
      )
  ||| % {
    up: up,
    operator: operator,
    labels: labels,
    serving: promql.indented(serving, '    '),
  },

  // The dashboard that shows an alert's subject, and nothing else.
  local dashboardUrl(name, scope) =
    local variable(label, name=label) = '{{ with $labels.%s }}&var-%s={{ . | urlquery }}{{ end }}' % [label, name];
    local ofInstances = ['HypersenderAccountUnwatched', 'HypersenderTooFewWorking', 'HypersenderInstancesDisappeared', 'HypersenderUnknownStatus'];
    config.grafanaUrl + '/d/hypersender-'
    + (if scope == 'instance' then 'instance' else if std.member(ofInstances, name) then 'overview' else 'exporter')
    + '?from=now-6h' + variable('job') + (if scope == 'exporter' then '' else variable('account'))
    + (if scope == 'instance' then variable('instance_id', 'find') + variable('instance_id') else ''),

  // The alert of a name, unless it is not enabled.
  local alert(name, scope, expr, summary, description, labels={}) =
    local tuned = config.alerts[name];
    if !std.get(tuned, 'enabled', true) then [] else [
      { alert: name, expr: expr }
      + (if std.objectHas(tuned, 'for') then { 'for': tuned['for'] } else {})
      + (if std.objectHas(tuned, 'keepFiringFor') then { keep_firing_for: tuned.keepFiringFor } else {})
      + {
        labels: { severity: tuned.severity, scope: scope } + labels + std.get(tuned, 'labels', {}),
        annotations: {
          summary: summary,
          description: description,
          action: (import 'actions.libsonnet')[name],
          runbook_url: config.runbookUrl + '#' + std.asciiLower(name),
        } + (if config.grafanaUrl == '' then {} else { dashboard_url: dashboardUrl(name, scope) }),
      },
    ],

  // In texts: the account, where there is one.
  local account(preposition) = '{{ with $labels.account }} ' + preposition + ' account {{ . }}{{ end }}',
  local ofAccount = account('of'),
  local count = '{{ printf "%.0f" $value }}',

  // An alert about an instance. It is called by its id where it has no name: Prometheus drops an empty label.
  local ofInstance(name, expr, summary, description, labels={}) = alert(
    name,
    'instance',
    expr,
    'WhatsApp instance {{ or $labels.instance_name $labels.instance_id }}' + ofAccount + ' ' + summary,
    'Instance {{ with $labels.instance_name }}{{ . }} ({{ $labels.instance_id }}){{ else }}{{ $labels.instance_id }}{{ end }}' + ofAccount
    + ' ' + description,
    labels
  ),
  // The time of the last change of status, of instances that fit; 0 where nothing tells it.
  local since(instances) = |||
    instance_id:hypersender_instance_status_change_timestamp_seconds:last_known
    and
    (%(instances)s)
    or
    (%(instances)s) * 0
  ||| % { instances: instances },
  local code(number) = 'instance_id:hypersender_instance_status:last_known_code == %d' % number,
  local sinceAtLeast = '{{ if $value }} since at least {{ $value | humanizeTimestamp }}{{ end }}',
  local stuck(number, status) =
    'label_replace(\n  %s,\n  "status", "%s", "", ""\n)' % [promql.indented(since(code(number))), status],

  hypersenderAlerts::
    // A target is down until it has polled again: what alerts about instances know is as old as the outage before. Two rules, one alert: only
    // where no target is left are the alerts about accounts and instances blind, and silenced by Alertmanager.
    alert(
      'HypersenderExporterDown',
      'exporter',
      exporterDown('unless'),
      'hypersender-exporter {{ $labels.instance }} is down, and no other of job {{ $labels.job }} is up',
      'Prometheus has not been able to scrape {{ $labels.instance }} (job {{ $labels.job }}), nor any other target of the job, for '
      + config.alerts.HypersenderExporterDown['for'] + ': nothing is known of any instance.',
      { extent: 'all' },
    )
    + alert(
      'HypersenderExporterDown',
      'exporter',
      exporterDown('and'),
      'hypersender-exporter {{ $labels.instance }} is down',
      'Prometheus has not been able to scrape {{ $labels.instance }} for ' + config.alerts.HypersenderExporterDown['for']
      + '; others of job {{ $labels.job }} are up. If accounts are divided among them, nothing new is known of those of this one.',
      { extent: 'some' },
    )
    + alert(
      'HypersenderExporterAbsent',
      'exporter',
      'absent(%s)' % up,
      'Prometheus has no hypersender-exporter to scrape',
      'No target fits ' + std.strReplace(config.selector, '"', "'") + ': nothing is known of any instance.',
    )
    // A target that is down is not missing: HypersenderExporterDown tells of it.
    + alert(
      'HypersenderShardMissing',
      'exporter',
      |||
        %s
        > ignoring (shard)
        count without (shard) (
          count_values without (%s) (
            "shard",
            hypersender_exporter_shard
            or
            (last_over_time(hypersender_exporter_shard[6h]) and %s up == 0)
          )
        )
      ||| % [max('hypersender_exporter_shards'), labels, sameTarget],
      'hypersender-exporter of job {{ $labels.job }} should have ' + count + ' shards, and has fewer',
      'The accounts are divided among ' + count + ' exporters (--total-shards), but Prometheus has targets of fewer in job {{ $labels.job }}: '
      + 'nobody watches the accounts of the missing one.',
    )
    // A crash loop in which the exporter answers often enough not to count as down. Only of targets that have served these metrics.
    // VictoriaMetrics counts the first sample of a series as a change, Prometheus does not: the difference to a series that never changes is
    // the same on both.
    + alert(
      'HypersenderExporterRestarting',
      'exporter',
      |||
        changes(process_start_time_seconds{%(selector)s}[1h]) - changes(process_max_fds{%(selector)s}[1h]) >= %(restarts)d
        and %(sameTarget)s last_over_time(hypersender_up[1h])
      ||| % { selector: config.selector, restarts: config.exporterRestarts, sameTarget: sameTarget },
      'hypersender-exporter {{ $labels.instance }} restarts again and again',
      '{{ $labels.instance }} (job {{ $labels.job }}) started ' + count + ' times within an hour.',
    )
    + alert(
      'HypersenderConfigReloadFailed',
      'exporter',
      'hypersender_exporter_config_last_reload_successful == 0',
      'hypersender-exporter {{ $labels.instance }} could not reload its configuration',
      '{{ $labels.instance }} (job {{ $labels.job }}) still runs with the configuration it had, and would not start with the new one.',
    )
    // Only shards, and replicas that serve the same account: exporters of different accounts may have one job, and need not be alike.
    + alert(
      'HypersenderConfigsDiffer',
      'exporter',
      |||
        count without (hash) (
          count_values without (%(labels)s) ("hash", hypersender_exporter_config_hash)
        ) > 1
        and on (cluster, namespace, job)
        (
          %(shards)s > 1
          or
          count by (cluster, namespace, job, account) (hypersender_up) > 1
        )
      ||| % { labels: labels, shards: max('hypersender_exporter_shards') },
      'The hypersender-exporters of job {{ $labels.job }} have ' + count + ' different configurations',
      'The exporters of job {{ $labels.job }} share accounts or divide them, but have had ' + count + ' different configurations for '
      + config.alerts.HypersenderConfigsDiffer['for'] + ': an account may be watched by none of them, or shown differently by each.',
    )

    // An account whose target left the service discovery, and which no other target serves now. Only while its job has fewer targets than it
    // had for a quarter of an hour on end within the last six hours: where a target was exchanged for another that no longer serves the
    // account, its configuration was changed. Where no target is left at all, HypersenderExporterAbsent tells it.
    + alert(
      'HypersenderAccountUnwatched',
      'account',
      |||
        (
          max without (%(labels)s) (last_over_time(hypersender_up[6h]) unless %(sameTarget)s up)
          unless max without (%(labels)s) (hypersender_up)
        ) * 0 + 1
        unless on (cluster, namespace, job)
          job:up:count >= max_over_time(min_over_time(job:up:count[15m])[6h15m:5m])
        and on () %(up)s
      ||| % { labels: labels, sameTarget: sameTarget, up: up },
      'Nobody watches the WhatsApp instances' + ofAccount,
      'Within the last six hours an exporter of job {{ $labels.job }} served the instances' + ofAccount
      + '; Prometheus no longer has that target, and no other serves them.',
    )
    // Of so few, the alerts about each say it all.
    + alert(
      'HypersenderTooFewWorking',
      'account',
      |||
        account:hypersender_instances_working:last_known_ratio < %g
        and
        count without (instance_id, instance_name) (instance_id:hypersender_instance_status:last_known_code != 4) >= %d
      ||| % [config.tooFewWorkingRatio, config.tooFewWorkingInstances],
      'Only {{ $value | humanizePercentage }} of the WhatsApp instances' + ofAccount + ' work',
      'Only {{ $value | humanizePercentage }} of the instances' + ofAccount + ' are WORKING, those STOPPED not counted.',
    )
    // Ends an hour after the last one disappeared.
    + alert(
      'HypersenderInstancesDisappeared',
      'account',
      'account:hypersender_instances_disappeared:count1h > 0',
      'WhatsApp instances disappeared' + account('from') + ' within the last hour: ' + count,
      'Instances' + ofAccount + " that were there within the last hour are no longer in the API's list, " + count + ' in all:'
      + '{{ range printf "topk(10, max by (instance_id, instance_name) '
      + '(last_over_time(instance_id:hypersender_instance_status:last_known_code{job=%q,account=%q}[1h])) '
      + 'unless on (instance_id) instance_id:hypersender_instance_status:last_known_code{job=%q,account=%q})" '
      + '$labels.job $labels.account $labels.job $labels.account | query | sortByLabel "instance_name" }}'
      + ' {{ with .Labels.instance_name }}{{ . }} {{ end }}({{ .Labels.instance_id }});{{ end }} ten of them at the most are named. '
      + 'A plan that is downgraded loses the newest.',
    )
    + alert(
      'HypersenderUnknownStatus',
      'account',
      'count without (instance_id, instance_name) (instance_id:hypersender_instance_status:last_known_code == 7) > 0',
      'WhatsApp instances' + ofAccount + ' with a status the exporter does not know: ' + count,
      'Instances' + ofAccount + " have a status outside the six of the API's documentation, " + count + " in all. The exporter's log names it; "
      + 'a newer exporter may know it.',
    )
    // Exactly one of the next three for an account that cannot be seen.
    + alert(
      'HypersenderUnauthorized',
      'account',
      'account:hypersender_blind:cause == 1',
      'The Hypersender API refuses the key' + ofAccount,
      'The API answers 401, 403 or 404 to the polls' + ofAccount + ', so nothing is known of its instances. The key was revoked, '
      + 'its plan is no longer Enterprise, or the base URL is wrong.',
    )
    + alert(
      'HypersenderRateLimited',
      'account',
      'account:hypersender_blind:cause == 2',
      'The Hypersender API limits the rate' + ofAccount,
      'The API answers 429 to the polls' + ofAccount + ', so nothing is known of its instances; messages that are sent share that limit.',
    )
    + alert(
      'HypersenderPollsFailing',
      'account',
      'account:hypersender_blind:cause == 3',
      'The Hypersender API cannot be polled' + account('for'),
      'No poll' + ofAccount + ' succeeds, so nothing is known of its instances. Reasons of the last 20 minutes:'
      + '{{ range printf "max by (reason) (account_reason:hypersender_poll_failures:increase20m{job=%q,account=%q}) > 0" '
      + '$labels.job $labels.account | query | sortByLabel "reason" }} {{ .Labels.reason }}'
      + "{{ else }} none, polls no longer end; see the exporter's log{{ end }}.",
    )
    // Three outages within an hour, each too short for the alerts above. Failed polls are asked for besides, because a restarted exporter
    // says 0 until its first poll has ended. The difference of changes is that of HypersenderExporterRestarting.
    + alert(
      'HypersenderPollsUnreliable',
      'account',
      |||
        max without (%(labels)s) (changes(hypersender_up[1h]) - changes(hypersender_poll_interval_seconds[1h])) >= %(changes)d
        and ignoring (reason)
          sum without (reason, %(labels)s) (increase(hypersender_poll_failures_total[1h])) >= %(failures)d
        and account:hypersender_up:last_known
        unless account:hypersender_blind:cause
      ||| % { labels: labels, changes: config.unreliableChanges, failures: config.unreliableChanges / 2 },
      'Polls of the Hypersender API' + account('for') + ' fail again and again',
      'Polls' + ofAccount + ' changed ' + count + ' times between success and failure within an hour. What is shown may be old by some polls.',
    )

    // One incident, one alert: it goes on while FAILED follows upon SCAN_QR_CODE, since that is what happens when the codes run out.
    + ofInstance(
      'HypersenderInstanceNeedsQRScan',
      since('instance_id:hypersender_instance_scan:linked == 1'),
      'needs a QR scan',
      'waits for a QR scan' + sinceAtLeast + ' and neither sends nor receives. '
      + 'Codes run out after some three minutes: then restart the instance, or ask for a new one.',
    )
    + ofInstance(
      'HypersenderInstanceNotLinked',
      since('instance_id:hypersender_instance_scan:linked == 0'),
      'was never linked',
      'waits for its first QR scan' + sinceAtLeast + '.',
    )
    + ofInstance(
      'HypersenderInstanceFailed',
      since(code(6) + ' unless instance_id:hypersender_instance_scan:linked'),
      'has failed',
      'is FAILED' + sinceAtLeast + ', and was not asked for a QR scan before. If it fails again after a restart, look at WhatsApp '
      + 'on the phone, then log the instance out and link it anew.',
    )
    + ofInstance(
      'HypersenderInstanceStopped',
      since(code(4)),
      'is stopped',
      'is STOPPED' + sinceAtLeast + ', still logged in.',
    )
    + ofInstance(
      'HypersenderInstanceStuck',
      '%s\nor\n%s' % [stuck(2, 'STARTING'), stuck(3, 'PENDING')],
      'is stuck in {{ $labels.status }}',
      'is {{ $labels.status }}' + sinceAtLeast + ', which normally takes seconds. If a restart does not help, ask Hypersender\'s support.',
    )
    // Three short absences within half an hour: each too short for the alerts above. Of instances that still exist. A number whose codes run
    // out and that is then restarted and scanned passes through as many statuses in one absence: where a scan was asked for, only the
    // absences count.
    + ofInstance(
      'HypersenderInstanceFlapping',
      |||
        %s >= %d
        and instance_id:hypersender_instance_status:last_known_code
        unless (
          last_over_time(instance_id:hypersender_instance_scan:linked[30m])
          unless
          %s >= %d
        )
      ||| % [
        max('increase(hypersender_instance_status_changes_total[30m])'),
        config.flappingChanges,
        max('changes(hypersender_instance_up[30m])'),
        config.flappingChanges,
      ],
      'flaps',
      'changed its status ' + count + ' times within 30 minutes.',
    )
    // An instance that wanders among bad states, none of which lasts. Not STOPPED, which may be meant, and not UNKNOWN, of which
    // HypersenderUnknownStatus tells. Last, because it asks which of the above fire at this very evaluation; vmalert has an alertgroup there.
    // That it names ALERTS also keeps the order of the whole group where Prometheus evaluates independent rules side by side
    // (--enable-feature=concurrent-rule-eval): no rule of a group with such a selector counts as independent.
    + ofInstance(
      'HypersenderInstanceNotWorking',
      |||
        instance_id:hypersender_instance_status:last_known_code > 1 != 4 != 7
        unless ignoring (%s)
          ALERTS{alertstate="firing", alertname=~"HypersenderInstance(NeedsQRScan|NotLinked|Failed|Stuck|Flapping)"}
      ||| % std.join(', ', std.set(
        ['alertname', 'alertstate', 'alertgroup', 'severity', 'scope', 'status']
        + std.flattenArrays([std.objectFields(std.get(a, 'labels', {})) for a in std.objectValues(config.alerts)])
      )),
      'has not worked for ' + config.alerts.HypersenderInstanceNotWorking['for'],
      'has not been WORKING for ' + config.alerts.HypersenderInstanceNotWorking['for']
      + ', and changes among other states.',
    ),
}
