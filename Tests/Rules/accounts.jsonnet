// Alerts about accounts: what the API says of all their instances, and whether it can be asked.
local world = import 'world.libsonnet';
local instance = world.instance;
local text = world.text;
// Instances i1, i2, … with the same timeline of statuses.
local instances(count, status) = [instance('i' + number, status) for number in std.range(1, count)];

function(rules='../../deploy/prometheus/hypersender.rules.yml', prometheus=2) world.tests(
  rules,
  prometheus,
  std.flattenArrays(std.map(world.both, [
    // Each alert, and its texts.
    {
      name: 'from 2m to 15m one of four works, a stopped one not counted',
      lasts: '17m',
      instances: [instance('i1', 'WORKING')] + instances(5, 'WORKING 2m FAILED 15m WORKING')[1:4] + [instance('i5', 'STOPPED')],
      fires: {
        TooFewWorking: '7m 15m',
        'InstanceFailed i2': '3m30s 15m',
        'InstanceFailed i3': '3m30s 15m',
        'InstanceFailed i4': '3m30s 15m',
        'InstanceStopped i5': '10m',
      },
      asks: { 'sum(account:hypersender_instances_working:ratio)': { '10m': 0.25 }, 'sum(account:hypersender_instances:sum)': { '10m': 5 } },
      texts: [text(
        'TooFewWorking',
        'critical',
        '10m',
        'Only 25% of the WhatsApp instances{of} work',
        'Only 25% of the instances{of} are WORKING, those STOPPED not counted.',
      )],
    },
    {
      name: 'two of five vanish at 2m, one is renamed: told for an hour',
      lasts: '1h3m',
      instances:
        instances(2, 'WORKING 2m -') + [
          instance('i3', 'WORKING 2m -', 'Old'),
          instance('i3', '- 2m WORKING', 'New'),
          instance('i4', 'WORKING'),
          instance('i5', 'WORKING'),
        ],
      fires: { InstancesDisappeared: '4m 1h2m*' },
      asks: { 'sum(account:hypersender_instances_disappeared:count1h)': { '1m': null, '30m': 2 } },
      texts: [text(
        'InstancesDisappeared',
        'warning',
        '10m',
        'WhatsApp instances disappeared{from} within the last hour: 2',
        "Instances{of} that were there within the last hour are no longer in the API's list, 2 in all: N1 (i1); N2 (i2); ten "
        + 'of them at the most are named. A plan that is downgraded loses the newest.',
      )],
    },
    {
      name: 'all vanish: the list is empty, but good',
      lasts: '6m',
      status: 'WORKING 2m -',
      fires: { InstancesDisappeared: '4m' },
      asks: { 'sum(account:hypersender_instances:sum)': { '1m': 1, '5m': 0 } },
    },
    {
      name: 'an unknown status from 2m to 15m',
      lasts: '17m',
      status: 'WORKING 2m UNKNOWN 15m WORKING',
      fires: { UnknownStatus: '12m 15m' },
      texts: [text(
        'UnknownStatus',
        'warning',
        '13m',
        'WhatsApp instances{of} with a status the exporter does not know: 1',
        "Instances{of} have a status outside the six of the API's documentation, 1 in all. The exporter's log names it; a "
        + 'newer exporter may know it.',
      )],
    },
    {
      name: 'the API answers 401 from 5m to 12m',
      lasts: '14m',
      polls: 'ok 5m unauthorized 12m ok',
      fires: { Unauthorized: '6m 12m30s' },
      texts: [text(
        'Unauthorized',
        'critical',
        '10m',
        'The Hypersender API refuses the key{of}',
        'The API answers 401, 403 or 404 to the polls{of}, so nothing is known of its instances. The key was '
        + 'revoked, its plan is no longer Enterprise, or the base URL is wrong.',
      )],
    },
    {
      name: 'the API answers 429 from 5m to 12m',
      lasts: '14m',
      polls: 'ok 5m rate_limited 12m ok',
      fires: { RateLimited: '6m15s 12m30s' },
      texts: [text(
        'RateLimited',
        'critical',
        '10m',
        'The Hypersender API limits the rate{of}',
        'The API answers 429 to the polls{of}, so nothing is known of its instances; messages that are sent share that '
        + 'limit.',
      )],
    },
    {
      name: 'polls time out from 5m to 12m',
      lasts: '14m',
      polls: 'ok 5m timeout 12m ok',
      fires: { PollsFailing: '6m30s 12m30s' },
      texts: [text(
        'PollsFailing',
        'critical',
        '10m',
        'The Hypersender API cannot be polled{for}',
        'No poll{of} succeeds, so nothing is known of its instances. Reasons of the last 20 minutes: timeout.',
      )],
    },
    {
      name: 'polls no longer end from 5m to 12m: told once the data is too old',
      lasts: '14m',
      polls: 'ok 5m hang 12m ok',
      fires: { PollsFailing: '7m15s 12m' },
      texts: [text(
        'PollsFailing',
        'critical',
        '10m',
        'The Hypersender API cannot be polled{for}',
        'No poll{of} succeeds, so nothing is known of its instances. Reasons of the last 20 minutes: none, polls no longer '
        + "end; see the exporter's log.",
      )],
    },
    {
      name: '401 and time-outs alternate: one alert, the first in order',
      lasts: '14m',
      polls: 'ok 5m timeout 5m30s unauthorized 6m timeout 8m unauthorized 12m ok',
      fires: { Unauthorized: '6m 12m30s' },
    },
    {
      name: '429 and 503 alternate',
      lasts: '14m',
      polls: 'ok 5m server_error 5m30s rate_limited 6m server_error 8m rate_limited 12m ok',
      fires: { RateLimited: '6m15s 12m30s' },
    },
    {
      name: '503 and time-outs alternate',
      lasts: '14m',
      polls: 'ok 5m server_error 5m30s timeout 6m server_error 8m timeout 12m ok',
      fires: { PollsFailing: '6m30s 12m30s' },
      texts: [text(
        'PollsFailing',
        'critical',
        '10m',
        'The Hypersender API cannot be polled{for}',
        'No poll{of} succeeds, so nothing is known of its instances. Reasons of the last 20 minutes: server_error timeout.',
      )],
    },
    {
      name: 'three short outages within an hour, and more',
      lasts: '50m',
      polls: 'ok 5m timeout 5m30s ok 15m timeout 15m30s ok 25m timeout 25m30s ok 35m timeout 35m30s ok',
      fires: { PollsUnreliable: '30m30s' },
      texts: [text(
        'PollsUnreliable',
        'warning',
        '34m',
        'Polls of the Hypersender API{for} fail again and again',
        'Polls{of} changed 6 times between success and failure within an hour. What is shown may be old by some polls.',
      )],
    },
  ]))

  // Why polls fail.
  + [
    {
      name: reason + ': ' + alert,
      lasts: '9m',
      polls: 'ok 5m ' + reason + ' 8m30s ok',
      fires: { [alert]: (if alert == 'Unauthorized' then '6m' else '6m30s') + ' 8m30s' },
    }
    for alert in ['Unauthorized', 'PollsFailing']
    for reason in if alert == 'Unauthorized' then ['forbidden', 'not_found'] else ['blocked', 'incomplete', 'connect', 'token']
  ]
  + [
    {
      name: 'one poll is told to wait for ten minutes: RateLimited once the data is withdrawn',
      lasts: '17m',
      polls: 'ok 5m rate_limited/600 6m ok',
      fires: { RateLimited: '7m 15m' },
    },
    {
      name: 'one poll of two that are told to wait for fifteen minutes is good: still the same cause',
      lasts: '22m',
      polls: 'ok 2m rate_limited/900 3m ok',
      fires: { RateLimited: '4m 17m' },
    },
    {
      name: 'the cause changes: never two alerts at a time, and the first in order counts for 20 minutes',
      lasts: '40m',
      polls: 'ok 5m timeout 12m unauthorized 22m timeout',
      fires: { PollsFailing: '6m30s 12m30s 38m30s*', Unauthorized: '13m 37m30s*' },
    },
    {
      name: 'one failed poll, and the next is good: nothing fires',
      lasts: '10m',
      polls: 'ok 5m unauthorized 5m30s ok',
      nothingPending: true,
    },
    {
      name: 'two polls in a row are refused: Unauthorized, for that is what the API says',
      lasts: '10m',
      polls: 'ok 5m unauthorized 6m ok',
      fires: { Unauthorized: '6m 6m30s' },
    },
    {
      name: 'two failed polls, and the third is good: nothing fires',
      lasts: '10m',
      polls: 'ok 5m timeout 6m ok',
    },
  ]

  // Clocks of exporters are not that of Prometheus.
  + [
    {
      name: std.format('the clock of the exporter is %s, %s', [clock[0], case.what]),
      lasts: '14m',
      targets: [world.target('a:1', [world.account('acme', [instance('i1', 'WORKING')], case.polls)], clock=clock[1])],
      fires: case.fires,
    }
    for clock in [['an hour fast', 3600], ['an hour slow', -3600]]
    for case in [
      { what: 'and the key is refused', polls: 'ok 5m unauthorized', fires: { Unauthorized: '6m' } },
      { what: 'and polls time out', polls: 'ok 5m timeout', fires: { PollsFailing: '6m30s' } },
      { what: 'and polls no longer end', polls: 'ok 5m hang', fires: { PollsFailing: '7m15s' } },
      { what: 'and one poll fails', polls: 'ok 5m timeout 5m30s ok', fires: {} },
    ]
  ]

  // Outages, restarts and reloads.
  + [
    {
      name: 'restarts alone are no unreliable polls',
      lasts: '30m',
      up: '1 5m 0 6m 1 15m 0 16m 1 25m 0 26m 1',
    },
    {
      name: 'the exporter restarts while the API refuses the key: not resolved',
      lasts: '20m',
      polls: 'ok 5m unauthorized',
      up: '1 10m 0 11m 1',
      fires: { Unauthorized: '6m' },
    },
    {
      name: 'the exporter restarts after the API refused the key, and polls time out: still the same cause',
      lasts: '20m',
      polls: 'ok 5m unauthorized 10m timeout',
      up: '1 10m 0 11m 1',
      fires: { Unauthorized: '6m' },
    },
    {
      name: 'the exporter is down for 40 minutes meanwhile: the cause stays',
      lasts: '55m',
      polls: 'ok 5m unauthorized',
      up: '1 10m 0 50m 1',
      fires: { Unauthorized: '6m', 'ExporterDown all a:1': '12m 50m15s' },
    },
    {
      name: 'a new pod finds the key refused too: not resolved, not twice',
      lasts: '20m',
      polls: 'ok 5m unauthorized',
      targets: [
        world.target('a:1', self.accounts, '1 10m -', more=',pod="p-a"'),
        world.target('b:2', self.accounts, '- 10m 1', more=',pod="p-b"'),
      ],
      fires: { Unauthorized: '6m' },
    },
    {
      name: 'the key is wrong from the start: failures from before the first scrape count',
      lasts: '10m',
      polls: 'unauthorized 7m ok',
      fires: { Unauthorized: '30s 7m30s' },
    },
    {
      name: 'one account of two fails',
      lasts: '10m',
      accounts: [
        world.account('acme', [instance('i1', 'WORKING')], 'ok 5m unauthorized'),
        world.account('globex', [instance('i1', 'WORKING')]),
      ],
      fires: { Unauthorized: '6m' },
    },
    {
      name: 'a failing account is removed by a reload: resolved at once',
      lasts: '20m',
      accounts: [
        world.account('acme', [instance('i1', 'WORKING')], 'ok 5m unauthorized 10m -'),
        world.account('globex', [instance('i9', 'WORKING')]),
      ],
      fires: { Unauthorized: '6m 10m' },
    },
    {
      name: 'a healthy account is removed by a reload: nothing has disappeared, nothing is unwatched',
      lasts: '20m',
      accounts: [
        world.account('acme', [instance('i1', 'WORKING')], 'ok 10m -'),
        world.account('globex', [instance('i9', 'WORKING')]),
      ],
      nothingPending: true,
    },
    {
      name: 'the labels of an account are changed by a reload: its alert begins anew, and nothing has disappeared or is unwatched',
      lasts: '20m',
      accounts: [
        world.account('acme', [instance('i1', 'FAILED')], 'ok 10m -', { customer: 'old' }),
        world.account('acme', [instance('i1', 'FAILED')], '- 10m ok', { customer: 'new', team: 'a' }),
      ],
      fires: { 'InstanceFailed i1': '1m30s 10m 11m45s' },
      asks: { 'sum(account:hypersender_instances:sum{customer="old"})': { '9m': 1, '10m': null } },
    },
    {
      name: 'a pod that replaces another gives an account other labels: it is not unwatched',
      lasts: '20m',
      targets: [
        world.target('a:1', [world.account('acme', [instance('i1', 'WORKING')], labels={ customer: 'a' })], '1 8m -', more=',pod="p-a"'),
        world.target('b:2', [world.account('acme', [instance('i1', 'WORKING')], labels={ team: 'a' })], '- 8m 1', more=',pod="p-b"'),
      ],
    },
    {
      name: 'accounts of other labels, one of which has ended no poll: their exporter is not down',
      lasts: '10m',
      accounts: [
        world.account('acme', [instance('i1', 'WORKING')], labels={ customer: 'a' }),
        world.account('globex', [instance('i2', 'WORKING')], 'hang', { customer: 'b' }),
      ],
      fires: { 'PollsFailing @globex': '1m' },
    },
    {
      name: 'two of three have vanished when the API is back after an outage',
      lasts: '20m',
      instances: instances(2, 'WORKING 8m -') + [instance('i3', 'WORKING')],
      polls: 'ok 5m timeout 12m ok',
      fires: { PollsFailing: '6m30s 12m30s', InstancesDisappeared: '14m30s' },
    },
    {
      name: 'too few work: kept through a restart and while the API fails',
      lasts: '25m',
      instances: instances(4, 'WORKING 2m FAILED'),
      up: '1 10m 0 11m 1',
      polls: 'ok 15m timeout',
      fires: {
        TooFewWorking: '7m',
        'InstanceFailed i1': '3m30s',
        'InstanceFailed i2': '3m30s',
        'InstanceFailed i3': '3m30s',
        'InstanceFailed i4': '3m30s',
        PollsFailing: '16m45s',
      },
    },
    {
      name: 'of three, none works: the alerts about each say it',
      lasts: '10m',
      instances: instances(3, 'WORKING 2m FAILED'),
      fires: { 'InstanceFailed i1': '3m30s', 'InstanceFailed i2': '3m30s', 'InstanceFailed i3': '3m30s' },
    },
    {
      name: 'all are stopped: no ratio',
      lasts: '12m',
      instances: instances(4, 'STOPPED'),
      fires: { 'InstanceStopped i1': '10m', 'InstanceStopped i2': '10m', 'InstanceStopped i3': '10m', 'InstanceStopped i4': '10m' },
      asks: { 'account:hypersender_instances_working:ratio': { '5m': null } },
    },
    {
      name: 'all restart for four minutes: nothing fires',
      lasts: '10m',
      instances: instances(5, 'WORKING 2m STARTING 6m WORKING'),
    },
  ],
)
