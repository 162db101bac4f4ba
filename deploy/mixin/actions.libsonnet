// The first thing to do about each alert, in one sentence: the line **First** of its runbook.
{
  HypersenderExporterDown: 'Look whether the exporter runs, start it again if it does not, and read the end of its log.',
  HypersenderExporterAbsent:
    'Look in Prometheus under Status, Targets for a job with hypersender in its name, and put its scrape configuration back.',
  HypersenderShardMissing: 'Find the shard that Prometheus has no target for, then start its replica or add its target.',
  HypersenderExporterRestarting: "Read the end of the previous run's log, and look whether a memory limit or a probe kills it.",
  HypersenderConfigReloadFailed: 'Run the exporter with --config.check, correct what it reports, and reload.',
  HypersenderAccountUnwatched: 'Look in Prometheus under Status, Targets which target of the job is gone, and bring it back.',
  HypersenderTooFewWorking: "Look at Hypersender's status page before you touch single instances: so many at once have one cause.",
  HypersenderInstancesDisappeared: "Ask whether somebody deleted them, and look whether the account's plan was downgraded.",
  HypersenderUnknownStatus: "Look at these instances in Hypersender's dashboard, and do not make them anew: they still exist.",
  HypersenderUnauthorized: "Read the API's answer on the exporter's status page, and make a new key if this one was revoked.",
  HypersenderRateLimited: 'Find what else sends requests with this key, and slow it down.',
  HypersenderPollsFailing: "Look at Hypersender's status page, then read the error on the exporter's status page.",
  HypersenderPollsUnreliable: 'Look at the failures by reason on the dashboard Exporter.',
  HypersenderInstanceNeedsQRScan: 'Take the phone in hand, then scan the code in WhatsApp under Settings, Linked devices.',
  HypersenderInstanceNotLinked: 'With the phone in hand, ask for a code and scan it, or delete the instance if nobody needs it.',
  HypersenderInstanceFailed: 'Restart the instance, and see whether it asks for a scan.',
  HypersenderInstanceStopped: 'Start the instance, or silence this alert if it is meant to be stopped.',
  HypersenderInstanceStuck: 'Restart the instance once, and wait for two minutes.',
  HypersenderInstanceFlapping: 'Keep the phone online with WhatsApp open for ten minutes, then restart the instance once.',
  HypersenderInstanceNotWorking: 'Restart the instance, and scan its code if it asks for one.',
}
