local d = import 'dashboard.libsonnet';
local p = import 'panels.libsonnet';
local statuses = import 'statuses.libsonnet';

function(config)
  local q = (import 'queries.libsonnet')(config);
  local blind = (import 'shared.libsonnet')(q);
  local named = 'instance_name=~"(?i).*${name}.*"';
  local troubled = named + ', status=~"$status", status!="WORKING"';
  local shownTrouble = 'instance_id=~"$trouble"';
  local changedAt = 'hypersender_instance_status_change_timestamp_seconds';
  local changes = q.account('hypersender_instance_status_changes_total', named);
  local counts(extra='') = q.maxOfAccount('hypersender_instances', extra);

  local nameColumn = ['shown', { displayName: 'Name', links: p.historyLinks('__data.fields.instance_id') }];
  local accountColumn = ['account', { displayName: 'Account' }];

  // The accounts of the table, failing ones first, and what is known of these.
  local accounts = 'bottomk(100, %s)' % q.maxOfAccount('hypersender_up');
  local ofAccounts(expr) = '%s and %s' % [expr, accounts];

  // The gravest first: a table sorts by the label `gravity`.
  local byGravity(expr) = std.foldl(
    function(inner, step) 'label_replace(\n%s,\n"gravity", "%s", "status", "%s")' % [inner, step[0], step[1]],
    [['1', 'FAILED'], ['2', 'SCAN_QR_CODE'], ['3', 'UNKNOWN'], ['4', 'PENDING'], ['5', 'STARTING'], ['6', 'STOPPED']],
    expr
  );

  d.dashboard(
    config,
    'overview',
    'WhatsApp instances at Hypersender: are we blind, what is wrong, how did it come?',
    blind + [
      p.stat(
        'Working',
        'Part of the instances that are WORKING. Stopped ones do not count, since that may be meant. WORKING does not prove that messages are delivered.',
        // Not a division by 0, which VictoriaMetrics takes for no data.
        ['sum(%(working)s) / (sum(%(wanted)s) > 0) or sum(%(wanted)s) - 1' % { working: counts('status="WORKING"'), wanted: counts('status!="STOPPED"') }],
        'no data to trust',
        unit='percentunit',
        steps=[['red', null], ['orange', 0.5], ['green', 1]],
        mappings=p.mapping([['-1', 'none to work', 'text']]),
        decimals=0,
      ),
      p.stat('Instances', 'Instances of all accounts chosen, whatever their status.', ['sum(%s)' % counts()], 'no data to trust', decimals=0),

      p.row('What is wrong?'),
      p.stat(
        'Instances by status',
        'How many instances have each status now. Nothing is shown while the exporter has no data it can trust.',
        [p.query('sum by (status) (%s)' % counts('status=~"$status"'), '{{status}}')],
        'no data to trust',
        [24, 4],
        text='value_and_name',
        decimals=0,
      ) + p.statusThresholds,
      p.table(
        'Instances in trouble',
        'Every instance that is not WORKING, gravest first: FAILED, SCAN_QR_CODE, UNKNOWN, PENDING, STARTING, STOPPED. ' +
        'At most 50 of each status, those that changed last. Since when: as far as the exporter has seen; first sight after its start counts. ' +
        "A click on a name opens the instance's history. Empty while the exporter has no data: look at the first row.",
        [q.shown(byGravity('topk by (status) (\n  50,\n  %s\n) * 1000' % q.max(
          '(%s == 1) * ignoring (status) group_left () %s' % [
            q.account('hypersender_instance_status', troubled),
            q.account(changedAt, named),
          ]
        )))],
        [
          ['status', {
            displayName: 'Status',
            'custom.cellOptions': { mode: 'basic', type: 'color-background' },
            mappings: p.statusNames,
            'custom.width': 150,
          }],
          nameColumn,
          accountColumn,
          ['Value', { displayName: 'Since', unit: 'dateTimeFromNow', 'custom.width': 150 }],
          ['job', {}],
          ['instance_id', {}],
        ],
        [16, 11],
        hidden=['gravity', 'instance_name'],
        before=[{ id: 'sortBy', options: { fields: {}, sort: [{ desc: false, field: 'gravity' }] } }],
        filterable=true,
      ),
      p.alerts('Alerts', 'Alerts of the shipped rules that fire or are pending, at most 50.', [8, 11]),
      p.statusTimeline(
        'Instances in trouble over time',
        'The statuses of instances that are in trouble at the end of the time range, at most 50: those that changed last. A gap is time without data to trust.',
        [p.query(q.shown(q.statusCode(shownTrouble)), '{{shown}} {{account}}')],
        [24, 11],
      ) + p.maxDataPoints(300) + p.defaults({ links: p.historyLinks('__field.labels.instance_id') }) + { options+: { perPage: 25 } },

      p.row('How did it come?'),
      p.graph(
        'Instances by status over time',
        'How many instances had each status. A gap is time without data to trust.',
        [p.query('sum by (status) (%s)' % counts('status=~"$status"'), '{{status}}')],
        size=[12, 9],
      ) + p.custom({ fillOpacity: 60, lineInterpolation: 'stepAfter' }) + p.stacked + p.defaults({ decimals: 0 }) + p.statusColors,
      p.bars(
        'Changes of status',
        'How many instances changed their status, as the polls saw it. At most 30 bars, whatever the time range, because large accounts make this dear.',
        [p.query(q.max('sum without (instance_id, instance_name) (%s)' % q.increase(changes)), '{{account}} changes', interval='1m')],
        [12, 9],
      ) + p.stacked + p.maxDataPoints(30),
      p.table(
        'Most changes in the last hour',
        'The 20 instances whose status changed most often within the hour before the end of the time range. Six changes within 30 minutes are flapping.',
        [q.shown('topk(20, %s >= 0.5)' % q.max(q.increase(changes, '1h')))],
        [nameColumn, accountColumn, ['Value', { displayName: 'Changes', 'custom.width': 110 }], ['job', {}], ['instance_id', {}]],
        unit='short',
        hidden=['instance_name'],
        sort={ desc: true, displayName: 'Changes' },
      ) + p.defaults({ decimals: 0 }),
      p.table(
        'Accounts',
        'What is known of each account, at most 100, failing ones first: whether its last poll succeeded, how old its data is, how many instances it has, ' +
        'and how many of them work. An empty cell: no data to trust.',
        [
          accounts,
          ofAccounts(q.dataAge()),
          ofAccounts('sum without (status) (%s)' % counts()),
          ofAccounts('max without (status) (%s)' % counts('status="WORKING"')),
        ],
        [
          accountColumn,
          ['Value #A', {
            displayName: 'Last poll',
            'custom.cellOptions': { type: 'color-text' },
            mappings: p.mapping([['0', 'failed', 'red'], ['1', 'good', 'green']]),
          }],
          ['Value #B', { displayName: 'Age of data', unit: 's' }],
          ['Value #C', { displayName: 'Instances' }],
          ['Value #D', { displayName: 'Working' }],
          ['job', {}],
        ],
        unit='short',
        before=[{ id: 'merge', options: {} }],
        sort={ desc: false, displayName: 'Last poll' },
      ) + p.defaults({ decimals: 0 }),
    ],
    variables=[
      d.choice('status', 'Status', 'Statuses to show.', [s.name for s in statuses]),
      d.text('name', 'WhatsApp instance', "Part of an instance's name, or a regular expression; empty for all."),
      d.query(
        'trouble',
        'In trouble',
        'Ids of the instances that the timeline shows.',
        'query_result(topk(50, max by (instance_id) (%s and on (instance_id) (%s == 1))))' % [
          q.account(changedAt, named),
          q.account('hypersender_instance_status', troubled),
        ],
        type=3,
      ) + {
        current: { selected: true, text: 'All', value: '$__all' },
        hide: 2,
        includeAll: true,
        multi: true,
        regex: '/instance_id="([^"]*)"/',
        skipUrlSync: true,
      },
    ],
    annotations=[
      d.events('Status changes', 'orange', q.max(q.select(changedAt, shownTrouble)) + ' * 1000', 'Status changed', '{{instance_name}} {{account}}'),
    ],
    alerts=q.chosen,
  )
