// Alerts about single instances.
local world = import 'world.libsonnet';
local instance = world.instance;
local text = world.text;

function(rules='../../deploy/prometheus/hypersender.rules.yml', prometheus=2) world.tests(
  rules,
  prometheus,
  // Each alert, and its texts.
  std.flattenArrays(std.map(world.both, [
    {
      name: 'asked for a code from 5m to 10m',
      lasts: '13m',
      status: 'WORKING 5m SCAN_QR_CODE 10m WORKING',
      fires: { 'InstanceNeedsQRScan i1': '5m30s 10m' },
      asks: { 'sum(instance_id:hypersender_instance_status:code{instance_id="i1",instance_name="Sales"})': { '4m': 1, '6m': 5, '12m': 1 } },
      texts: [text(
        'InstanceNeedsQRScan i1',
        'critical',
        '8m',
        'WhatsApp instance Sales{of} needs a QR scan',
        'Instance Sales (i1){of} waits for a QR scan since at least 1970-01-01 00:05:00 +0000 UTC and neither sends nor '
        + 'receives. Codes run out after some three minutes: then '
        + 'restart the instance, or ask for a new one.',
      )],
    },
    {
      name: 'failed from 5m to 10m',
      lasts: '13m',
      status: 'WORKING 5m FAILED 10m WORKING',
      fires: { 'InstanceFailed i1': '6m30s 10m' },
      texts: [text(
        'InstanceFailed i1',
        'critical',
        '8m',
        'WhatsApp instance Sales{of} has failed',
        'Instance Sales (i1){of} is FAILED since at least 1970-01-01 00:05:00 +0000 UTC, and was not asked for a QR scan '
        + 'before. If it fails again after a restart, look at WhatsApp on the phone, then log the instance out and link it anew.',
      )],
    },
    {
      name: 'never linked, and asked for its first code from 5m to 25m',
      lasts: '28m',
      instances: [instance('i1', 'PENDING 5m SCAN_QR_CODE 25m WORKING', 'Sales', '0 25m 1')],
      fires: { 'InstanceNotLinked i1': '20m 25m' },
      texts: [text(
        'InstanceNotLinked i1',
        'warning',
        '22m',
        'WhatsApp instance Sales{of} was never linked',
        'Instance Sales (i1){of} waits for its first QR scan since at least 1970-01-01 00:05:00 +0000 UTC.',
      )],
    },
    {
      name: 'STOPPED from 5m to 20m',
      lasts: '22m',
      status: 'WORKING 5m STOPPED 20m WORKING',
      fires: { 'InstanceStopped i1': '15m 20m' },
      texts: [text('InstanceStopped i1',
                   'info',
                   '17m',
                   'WhatsApp instance Sales{of} is stopped',
                   'Instance Sales (i1){of} is STOPPED since at least 1970-01-01 00:05:00 +0000 UTC, still logged in.')],
    },
    {
      name: 'STARTING from 5m to 20m',
      lasts: '22m',
      status: 'WORKING 5m STARTING 20m WORKING',
      fires: { 'InstanceStuck i1 STARTING': '15m 20m' },
      texts: [text('InstanceStuck i1 STARTING',
                   'warning',
                   '17m',
                   'WhatsApp instance Sales{of} is stuck in STARTING',
                   'Instance Sales (i1){of} is STARTING since at least 1970-01-01 00:05:00 +0000 UTC, which normally takes seconds. '
                   + "If a restart does not help, ask Hypersender's support.")],
    },
    {
      name: 'PENDING from 5m to 20m',
      lasts: '22m',
      status: 'WORKING 5m PENDING 20m WORKING',
      fires: { 'InstanceStuck i1 PENDING': '15m 20m' },
      texts: [text('InstanceStuck i1 PENDING',
                   'warning',
                   '17m',
                   'WhatsApp instance Sales{of} is stuck in PENDING',
                   'Instance Sales (i1){of} is PENDING since at least 1970-01-01 00:05:00 +0000 UTC, which normally takes seconds. '
                   + "If a restart does not help, ask Hypersender's support.")],
    },
    {
      name: 'wanders among bad states from 5m to 40m, each too short for its own alert',
      lasts: '42m',
      status: 'WORKING 5m STARTING 14m PENDING 23m STARTING 32m PENDING 40m WORKING',
      fires: { 'InstanceNotWorking i1': '35m 40m' },
      texts: [text('InstanceNotWorking i1',
                   'warning',
                   '37m',
                   'WhatsApp instance Sales{of} has not worked for 30m',
                   'Instance Sales (i1){of} has not been WORKING for 30m, and changes among other states.')],
    },
    {
      name: 'flaps from 5m to 10m; told for another 15m after the half hour',
      lasts: '52m',
      status: 'WORKING 5m STARTING 6m WORKING 7m STARTING 8m WORKING 9m STARTING 10m WORKING',
      fires: { 'InstanceFlapping i1': '10m 50m*' },
      texts: [text('InstanceFlapping i1',
                   'warning',
                   '20m',
                   'WhatsApp instance Sales{of} flaps',
                   'Instance Sales (i1){of} changed its status 6 times within 30 minutes.')],
    },
  ]))
  + [
    {
      name: 'without a name: called by its id',
      lasts: '7m',
      instances: [instance('i1', 'FAILED', '')],
      fires: { 'InstanceFailed i1': '1m30s' },
      texts: [text('InstanceFailed i1',
                   'critical',
                   '5m',
                   'WhatsApp instance i1 of account acme has failed',
                   'Instance i1{of} is FAILED, and was not asked for a QR scan before. If it fails again after a restart, '
                   + 'look at WhatsApp on the phone, then log the instance out and link it anew.')],
    },
    {
      name: 'a hostile name is shown as it is, and labels of the user stay',
      lasts: '7m',
      local name = 'Say "hi" {{ $x }} \\ <!channel>',
      instances: [instance('i1', 'FAILED', name)],
      targets: [world.target('a:1', self.accounts, more=',team="messaging"')],
      fires: { 'InstanceFailed i1': '1m30s' },
      texts: [text(
        'InstanceFailed i1',
        'critical',
        '5m',
        'WhatsApp instance ' + name + ' of account acme has failed',
        'Instance ' + name + ' (i1){of} is FAILED, and was not asked for a QR scan before. If it fails again after a restart, '
        + 'look at WhatsApp on the phone, then log the instance out and link it anew.',
        { team: 'messaging' },
      )],
    },

    // One incident, one alert.
    {
      name: 'the codes run out, and somebody restarts it until it is scanned: NeedsQRScan from the beginning to the end',
      lasts: '18m',
      status: 'WORKING 5m SCAN_QR_CODE 7m30s FAILED 10m STARTING 10m30s SCAN_QR_CODE 11m30s STARTING 12m WORKING',
      fires: { 'InstanceNeedsQRScan i1': '5m30s 12m' },
    },
    {
      name: 'the codes run out and nobody comes: still NeedsQRScan after an hour',
      lasts: '1h10m',
      status: 'WORKING 5m SCAN_QR_CODE 7m30s FAILED',
      fires: { 'InstanceNeedsQRScan i1': '5m30s' },
    },
    {
      name: 'FAILED while it starts: not for want of a scan',
      lasts: '10m',
      status: 'WORKING 5m STARTING 5m30s FAILED',
      fires: { 'InstanceFailed i1': '7m' },
    },
    {
      name: 'restarted after it has FAILED: another failure waits anew',
      lasts: '12m',
      status: 'WORKING 3m FAILED 6m STARTING 6m30s FAILED 8m STARTING 8m30s WORKING',
      fires: { 'InstanceFailed i1': '4m30s 6m' },
    },
    {
      name: 'FAILED a while after it was linked anew: a failure of its own',
      lasts: '14m',
      status: 'WORKING 2m SCAN_QR_CODE 4m WORKING 8m FAILED',
      fires: { 'InstanceNeedsQRScan i1': '2m30s 4m', 'InstanceFailed i1': '9m30s' },
    },
    {
      name: 'never linked, and its codes run out: NotLinked only',
      lasts: '25m',
      instances: [instance('i1', '- 2m STARTING 2m30s SCAN_QR_CODE 5m30s FAILED', 'Sales', '0')],
      fires: { 'InstanceNotLinked i1': '17m30s' },
    },
    {
      name: 'the API withdraws the token together with the session, of one that worked within ten minutes: NeedsQRScan',
      lasts: '30m',
      instances: [instance('i1', 'WORKING 12m SCAN_QR_CODE', 'Sales', '1 12m 0')],
      fires: { 'InstanceNeedsQRScan i1': '12m30s' },
    },
    {
      name: 'unlinked soon after Prometheus first saw it: NeedsQRScan',
      lasts: '20m',
      instances: [instance('i1', 'WORKING 2m SCAN_QR_CODE', 'Sales', '1 2m 0')],
      fires: { 'InstanceNeedsQRScan i1': '2m30s' },
    },
    {
      name: 'never had a token, but worked within ten minutes: NeedsQRScan',
      lasts: '16m',
      instances: [instance('i1', 'WORKING 12m SCAN_QR_CODE', 'Sales', '0')],
      fires: { 'InstanceNeedsQRScan i1': '12m30s' },
    },
    {
      name: 'asked for a code while the exporter restarts and the API fails: goes on, as does what is known of it',
      lasts: '20m',
      status: 'WORKING 2m SCAN_QR_CODE 8m FAILED',
      up: '1 5m 0 6m 1',
      polls: 'ok 10m server_error 14m ok',
      fires: { 'InstanceNeedsQRScan i1': '2m30s', PollsFailing: '11m45s 17m45s' },
    },

    // Nothing to tell.
    {
      name: 'an instance that works: nothing is even pending',
      lasts: '40m',
      nothingPending: true,
    },
    {
      name: 'two short absences are no flapping',
      lasts: '10m',
      status: 'WORKING 3m STARTING 4m WORKING 5m STARTING 6m WORKING',
    },
    {
      name: 'blips of a minute: nothing fires',
      lasts: '50m',
      status: 'WORKING 2m FAILED 3m WORKING 14m STOPPED 15m WORKING 34m PENDING 35m WORKING 46m STARTING 47m WORKING',
    },
    {
      name: 'STOPPED for more than half an hour is not NotWorking besides',
      lasts: '40m',
      status: 'WORKING 2m STOPPED',
      fires: { 'InstanceStopped i1': '12m' },
    },

    // Statuses that cannot be seen stay as they were.
    {
      name: 'the exporter restarts while an alert is pending: its wait goes on',
      lasts: '8m',
      status: 'WORKING 5m FAILED',
      up: '1 5m15s 0 5m45s 1',
      fires: { 'InstanceFailed i1': '6m30s' },
    },
    {
      name: 'the exporter restarts while an alert fires: it is not resolved',
      lasts: '15m',
      status: 'WORKING 5m FAILED',
      up: '1 10m 0 10m30s 1',
      fires: { 'InstanceFailed i1': '6m30s' },
    },
    {
      name: 'a healthy exporter restarts: nothing fires',
      lasts: '10m',
      up: '1 5m 0 6m15s 1',
    },
    {
      name: 'the exporter is down for half an hour: the alert stays; ExporterDown silences it in Alertmanager',
      lasts: '40m',
      status: 'WORKING 2m SCAN_QR_CODE',
      up: '1 5m 0 35m 1',
      fires: { 'InstanceNeedsQRScan i1': '2m30s', 'ExporterDown all a:1': '7m 35m15s' },
    },
    {
      name: 'the exporter is down for 70 minutes: after an hour the alert ends, and comes back with the exporter',
      lasts: '1h20m',
      status: 'WORKING 2m FAILED',
      up: '1 5m 0 1h15m 1',
      fires: { 'InstanceFailed i1': '3m30s 1h5m* 1h16m45s', 'ExporterDown all a:1': '7m 1h15m15s' },
    },
    {
      name: 'an outage ends: of an instance that was FAILED before it and has WORKED since, nothing is told',
      lasts: '20m',
      // WORKING for 75 seconds when the exporter is back.
      status: 'WORKING 5m FAILED 13m45s WORKING',
      up: '1 5m30s 0 15m 1',
      fires: { 'ExporterDown all a:1': '7m30s 15m15s', 'InstanceFailed i1': '6m30s 15m15s' },
    },
    {
      name: 'a new pod takes over: neither resolved nor fired twice',
      lasts: '15m',
      status: 'WORKING 2m SCAN_QR_CODE',
      targets: [
        world.target('a:1', self.accounts, '1 8m -', more=',pod="p-a"'),
        world.target('b:2', self.accounts, '- 8m 1', more=',pod="p-b"'),
      ],
      fires: { 'InstanceNeedsQRScan i1': '2m30s' },
    },
    {
      name: 'two replicas, one alert; one of them goes',
      lasts: '15m',
      status: 'WORKING 2m SCAN_QR_CODE',
      targets: [world.target('a:1', self.accounts), world.target('b:2', self.accounts, '1 8m 0')],
      fires: { 'InstanceNeedsQRScan i1': '2m30s', 'ExporterDown some b:2': '10m' },
    },
    {
      name: 'the API fails for more than an hour while an alert fires: kept, and resolved with the first good poll',
      lasts: '1h20m',
      status: 'WORKING 2m STOPPED 30m WORKING',
      polls: 'ok 13m timeout 1h15m ok',
      fires: { 'InstanceStopped i1': '12m 1h15m30s', PollsFailing: '14m30s 1h15m30s' },
    },
    {
      name: 'a deleted instance: its alert ends at once',
      lasts: '15m',
      instances: [instance('i1', 'WORKING 2m STOPPED 13m -'), instance('i2', 'WORKING')],
      fires: { 'InstanceStopped i1': '12m 13m', InstancesDisappeared: '15m' },
    },
    {
      name: 'what was deleted or renamed before an outage does not come back in it',
      lasts: '20m',
      instances: [
        instance('i1', 'WORKING 2m SCAN_QR_CODE 5m -'),
        instance('i2', 'STOPPED 5m -', 'Old'),
        instance('i2', '- 5m STOPPED', 'New'),
      ],
      polls: 'ok 10m connect',
      fires: { 'InstanceNeedsQRScan i1': '2m30s 5m', InstancesDisappeared: '7m', 'InstanceStopped i2': '15m', PollsFailing: '11m30s' },
      asks: { 'count(instance_id:hypersender_instance_status:last_known_code)': { '18m': 1 } },
    },
    {
      name: 'a reload removes the account: its alerts end at once, and nothing has disappeared',
      lasts: '20m',
      accounts: [
        world.account('acme', [instance('i1', 'STOPPED')], 'ok 12m -'),
        world.account('globex', [instance('i9', 'WORKING')]),
      ],
      fires: { 'InstanceStopped i1': '10m 12m' },
    },
  ],
)
