// Alerts about exporters, and about accounts that no exporter serves.
local world = import 'world.libsonnet';
local text = world.text;
local target = world.target;
local works(account) = world.account(account, [world.instance('i1', 'WORKING')]);
// A target of a Kubernetes pod.
local pod(name, up, accounts, shard=null, shards=null, hash='7') =
  target(name + ':1', accounts, up, more=',pod="' + name + '"', shard=shard, shards=shards, hash=hash);

function(rules='../../deploy/prometheus/hypersender.rules.yml', prometheus=2) world.tests(
  rules,
  prometheus,
  std.flattenArrays(std.map(world.both, [
    {
      name: 'the only exporter is down from 5m to 10m',
      lasts: '13m',
      up: '1 5m 0 10m 1',
      fires: { 'ExporterDown all a:1': '7m 10m15s' },
      texts: [text(
        'ExporterDown all a:1',
        'critical',
        '8m',
        'hypersender-exporter a:1 is down, and no other of job hypersender is up',
        'Prometheus has not been able to scrape a:1 (job hypersender), nor any other target of the job, for 2m: nothing is '
        + 'known of any instance.',
      )],
    },
    {
      name: 'the configuration is bad from 5m to 10m',
      lasts: '12m',
      targets: [target('a:1', self.accounts, config='1 5m 0 10m 1')],
      fires: { 'ConfigReloadFailed a:1': '7m 10m' },
      texts: [text(
        'ConfigReloadFailed a:1',
        'warning',
        '8m',
        'hypersender-exporter a:1 could not reload its configuration',
        'a:1 (job hypersender) still runs with the configuration it had, and would not start with the new one.',
      )],
    },
    {
      name: 'one of two targets leaves the service discovery at 20m, for good: its account is unwatched, its alerts end after 10m',
      lasts: '32m',
      targets: [target('a:1', [works('initech')]), target('b:2', [world.account(self.account, [world.instance('i2', 'STOPPED')], labels=self.labels)], '1 20m -')],
      fires: { 'InstanceStopped i2': '10m 30m*', AccountUnwatched: '23m' },
      texts: [text(
        'AccountUnwatched',
        'critical',
        '30m',
        'Nobody watches the WhatsApp instances{of}',
        'Within the last six hours an exporter of job hypersender served the instances{of}; Prometheus no longer has that '
        + 'target, and no other serves them.',
      )],
    },
  ]))
  + [
    {
      name: 'a healthy exporter: nothing is even pending',
      lasts: '10m',
      nothingPending: true,
    },
    {
      name: 'the configuration is bad for 90 seconds',
      lasts: '8m',
      targets: [target('a:1', self.accounts, config='1 5m 0 6m30s 1')],
    },
    {
      name: 'one of two is down',
      lasts: '12m',
      targets: [target('a:1', self.accounts, '1 5m 0 10m 1'), target('b:2', [works('globex')])],
      fires: { 'ExporterDown some a:1': '7m 10m15s' },
      texts: [text(
        'ExporterDown some a:1',
        'critical',
        '8m',
        'hypersender-exporter a:1 is down',
        'Prometheus has not been able to scrape a:1 for 2m; others of job hypersender are up. If accounts are divided among '
        + 'them, nothing new is known of those of this one.',
      )],
    },
    {
      name: 'two are down: both alerts say that all are',
      lasts: '12m',
      targets: [target('a:1', self.accounts, '1 5m 0 10m 1'), target('b:2', self.accounts, '1 5m 0 10m 1')],
      fires: { 'ExporterDown all a:1': '7m 10m15s', 'ExporterDown all b:2': '7m 10m15s' },
    },
    {
      name: 'no target from 5m to 12m',
      lasts: '15m',
      up: '1 5m - 12m 1',
      fires: { ExporterAbsent: '8m 12m' },
      texts: [text('ExporterAbsent',
                   'critical',
                   '11m',
                   'Prometheus has no hypersender-exporter to scrape',
                   "No target fits job=~'.*hypersender.*': nothing is known of any instance.",
                   { job: '' })],
    },
    {
      name: 'four restarts within an hour',
      lasts: '1h10m',
      up: '1 5m 1 15m 1 20m 1 25m 1',
      fires: { 'ExporterRestarting a:1': '25m 1h5m*' },
      texts: [text(
        'ExporterRestarting a:1',
        'warning',
        '30m',
        'hypersender-exporter a:1 restarts again and again',
        'a:1 (job hypersender) started 4 times within an hour.',
      )],
    },
    {
      name: 'three restarts are deploys',
      lasts: '30m',
      up: '1 5m 1 15m 1 20m 1',
    },
    {
      name: 'four restarts of something else',
      lasts: '30m',
      targets: [target('a:1', self.accounts), target('c:3', [], '1 5m 1 15m 1 20m 1 25m 1', job='hypersender-webhooks')],
    },

    // Targets that are gone for good.
    {
      name: 'an account is unwatched: told for almost six hours',
      lasts: '6h10m',
      targets: [target('a:1', [works('acme')]), target('b:2', [works('globex')], '1 20m -')],
      fires: { 'AccountUnwatched @globex': '23m' },
    },
    {
      name: 'a shard of three leaves the service discovery at 20m: it is missing, and its account unwatched',
      lasts: '30m',
      targets: [
        pod('x-0', '1', [works('acme')], 0, 3),
        pod('x-1', '1', [works('globex')], 1, 3),
        pod('x-2', '1 20m -', [works('initech')], 2, 3),
      ],
      fires: { 'AccountUnwatched @initech': '23m', ShardMissing: '23m' },
      texts: [text(
        'ShardMissing',
        'critical',
        '25m',
        'hypersender-exporter of job hypersender should have 3 shards, and has fewer',
        'The accounts are divided among 3 exporters (--total-shards), but Prometheus has targets of fewer in job '
        + 'hypersender: nobody watches the accounts of the missing one.',
      )],
    },
    {
      name: 'a shard of three never started',
      lasts: '6m',
      targets: [pod('x-0', '1', [works('acme')], 0, 3), pod('x-1', '1', [works('globex')], 1, 3)],
      fires: { ShardMissing: '3m' },
    },
    {
      name: 'a shard that is down is not missing',
      lasts: '30m',
      targets: [pod('x-0', '1', [works('acme')], 0, 2), pod('x-1', '1 20m 0', [works('globex')], 1, 2)],
      fires: { 'ExporterDown some x-1:1': '22m' },
    },
    {
      name: 'two replicas of each of two shards; one replica goes',
      lasts: '30m',
      targets: [
        pod(name + '-' + shard, up, [works(['acme', 'globex'][shard])], shard, 2)
        for shard in [0, 1]
        for name in ['x', 'y']
        for up in [if name == 'y' && shard == 1 then '1 20m -' else '1']
      ],
    },
    {
      name: 'two shards of three get another configuration, the third half an hour later',
      lasts: '50m',
      targets: [
        pod('x-0', '1', [works('acme')], 0, 3, '7 5m 281474976710655'),
        pod('x-1', '1', [works('globex')], 1, 3, '7 6m 281474976710655'),
        pod('x-2', '1', [works('initech')], 2, 3, '7 40m 281474976710655'),
      ],
      fires: { ConfigsDiffer: '35m 40m' },
      texts: [text(
        'ConfigsDiffer',
        'warning',
        '37m',
        'The hypersender-exporters of job hypersender have 2 different configurations',
        'The exporters of job hypersender share accounts or divide them, but have had 2 different configurations for 30m: an account may be '
        + 'watched by none of them, or shown differently by each.',
      )],
    },
    {
      name: 'three replicas of one account, each with another configuration, neighbouring numbers',
      lasts: '35m',
      targets: [
        pod('x-' + n, '1', [world.account('acme', [world.instance('i1', 'WORKING')], labels={ team: 't' + n })], hash=std.toString(281474976710655 - n))
        for n in [0, 1, 2]
      ],
      fires: { ConfigsDiffer: '30m' },
    },
    {
      name: 'a rollout of 20 minutes',
      lasts: '50m',
      targets: [pod('x-0', '1', [works('acme')], 0, 2, '7 5m 8'), pod('x-1', '1', [works('globex')], 1, 2, '7 25m 8')],
    },
    {
      name: 'exporters of different accounts, with one job, and of one account, with two',
      lasts: '40m',
      targets: [
        target('a:1', [works('acme')], hash='7'),
        target('b:2', [works('globex')], hash='8'),
        target('c:3', [works('globex')], job='other-hypersender', hash='9'),
      ],
    },
    {
      name: 'a job is removed while the exporter of another stays',
      lasts: '30m',
      targets: [target('a:1', [works('acme')]), target('b:2', [works('globex')], '1 20m -', job='old-hypersender')],
      // No target of its job is left to compare with.
      fires: { 'AccountUnwatched @globex': '23m' },
    },

    // Changes that are meant.
    {
      name: 'a rollout: the new pod comes some minutes before the old one goes',
      lasts: '40m',
      targets: [pod('p-a', '1 23m -', [works('acme')]), pod('p-b', '- 20m 1', [works('acme')])],
    },
    {
      name: 'a rollout with a surge of two that also removes an account from the configuration',
      lasts: '40m',
      targets: [
        pod('p-a', '1 24m -', [works('acme'), works('globex')]),
        pod('p-b', '1 26m -', [works('acme'), works('globex')]),
        pod('p-c', '- 20m 1', [works('acme')]),
        pod('p-d', '- 20m 1', [works('acme')]),
      ],
    },
    {
      name: 'a reload removes an account',
      lasts: '40m',
      accounts: [works('acme'), works('globex') { polls: 'ok 20m -' }],
      nothingPending: true,
    },
    {
      name: 'from two replicas to one',
      lasts: '40m',
      targets: [pod('p-a', '1', [works('acme')]), pod('p-b', '1 20m -', [works('acme')])],
      nothingPending: true,
    },
    {
      name: 'a pod moves to another node, with a gap of two minutes',
      lasts: '40m',
      targets: [pod('p-a', '1 20m -', [works('acme')]), pod('p-b', '- 22m 1', [works('acme')])],
    },
  ],
)
