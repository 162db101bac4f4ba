// Everything there is to tune. Override it from a file of your own, as deploy/prometheus/README.md shows.
{
  _config+:: {
    // Finds the targets of the exporter among all others.
    selector: 'job=~".*hypersender.*"',

    // The time between two evaluations of the rules.
    evaluationInterval: '15s',

    // Labels of a scrape's target. Recording rules and alerts about accounts and instances drop them, so that a series goes on when the
    // exporter moves to another pod, and two replicas make one series. All other labels stay. Add those that change with your pods.
    targetLabels: ['instance', 'pod', 'container', 'endpoint', 'node', 'host', 'hostname', 'pod_template_hash', 'controller_revision_hash'],

    // The address of the runbooks, which the exporter serves. Give the address at which your people reach it; '#' and the alert's name are added.
    runbookUrl: 'http://localhost:10058/runbooks',

    // The address of Grafana, for the link of each alert to its dashboard; '' leaves the links out.
    grafanaUrl: 'http://localhost:3000',

    dashboardTags: ['hypersender'],

    // Thresholds.
    tooFewWorkingRatio: 0.5,  // less than this part of the instances works
    tooFewWorkingInstances: 4,  // and there are at least so many, STOPPED ones not counted
    flappingChanges: 6,  // changes of status within 30 minutes
    unreliableChanges: 6,  // changes between success and failure within an hour
    exporterRestarts: 4,  // within an hour

    // For each alert: severity, 'for', keepFiringFor, labels (more of them), enabled. Severity is critical (somebody must act now), warning
    // (today) or info. With a poll interval of 30s, add up to half a minute until a poll sees a change.
    alerts: {
      // A restart or a new pod takes less.
      HypersenderExporterDown: { severity: 'critical', 'for': '2m' },
      // A rollout may leave no target for a moment.
      HypersenderExporterAbsent: { severity: 'critical', 'for': '3m' },
      // Pods start one after the other.
      HypersenderShardMissing: { severity: 'critical', 'for': '3m' },
      // The expression looks back an hour.
      HypersenderExporterRestarting: { severity: 'warning' },
      // Files may be replaced one after the other.
      HypersenderConfigReloadFailed: { severity: 'warning', 'for': '2m' },
      // A rollout exchanges one pod after the other.
      HypersenderConfigsDiffer: { severity: 'warning', 'for': '30m' },

      // Not before HypersenderShardMissing, which silences it.
      HypersenderAccountUnwatched: { severity: 'critical', 'for': '3m' },
      // A deploy at Hypersender may restart all sessions at once.
      HypersenderTooFewWorking: { severity: 'critical', 'for': '5m' },
      // One odd answer of the API is no disappearance.
      HypersenderInstancesDisappeared: { severity: 'warning', 'for': '2m' },
      // Nobody can do anything about it at night.
      HypersenderUnknownStatus: { severity: 'warning', 'for': '10m' },
      // Two polls in a row have failed before these are pending. The API itself has said no: nothing to wait for.
      HypersenderUnauthorized: { severity: 'critical', 'for': '30s' },
      HypersenderRateLimited: { severity: 'critical', 'for': '45s' },
      HypersenderPollsFailing: { severity: 'critical', 'for': '1m' },
      // Should the last outage be the one that lasts, the alert about it comes first.
      HypersenderPollsUnreliable: { severity: 'warning', 'for': '5m', keepFiringFor: '15m' },

      // Two polls in a row. Codes are shown for less than three minutes, and a blip is STARTING or STOPPED, not this.
      HypersenderInstanceNeedsQRScan: { severity: 'critical', 'for': '30s' },
      // Whoever sets a number up has it in hand.
      HypersenderInstanceNotLinked: { severity: 'warning', 'for': '15m' },
      // A session that is restarted passes through FAILED at times.
      HypersenderInstanceFailed: { severity: 'critical', 'for': '90s' },
      // May be meant, and is short in every restart.
      HypersenderInstanceStopped: { severity: 'info', 'for': '10m' },
      // Normal for seconds; for five minutes it may still come.
      HypersenderInstanceStuck: { severity: 'warning', 'for': '10m' },
      // The expression looks back half an hour. Flapping comes in waves.
      HypersenderInstanceFlapping: { severity: 'warning', keepFiringFor: '15m' },
      // Longer than any of the above needs.
      HypersenderInstanceNotWorking: { severity: 'warning', 'for': '30m' },
    },
  },
}
