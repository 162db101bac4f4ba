// Apart from the Overview, which asks every half a minute: a table of all instances is long.
local d = import 'dashboard.libsonnet';
local p = import 'panels.libsonnet';
local statuses = import 'statuses.libsonnet';

function(config)
  local q = (import 'queries.libsonnet')(config);
  local named = 'instance_name=~"(?i).*${name}.*"';
  // A record has no labels of targets, so what there is now says which of its series are wanted.
  local ratio(range) = '%s and %s' % [
    q.max('instance_id:hypersender_instance_working:ratio%s{job=~"$job", %s, %s}' % [range, q.chosen, named]),
    q.max(q.account('hypersender_instance_status', named + ', status=~"$status"') + ' == 1', 'status'),
  ];
  local part(days) = { displayName: days, unit: 'percentunit', decimals: 2, 'custom.width': 150 };

  d.dashboard(
    config,
    'availability',
    'Every WhatsApp instance: its status, and how much of the last day and of the last 30 days it worked.',
    [
      p.table(
        'All instances',
        'Every instance in the list of its account: its status, since when as far as the exporter has seen, and the part of the last day and of the last ' +
        '30 days that it was WORKING, of the time for which there is data. Empty cells: the recording rules are not loaded, or have not seen it yet. ' +
        'For a CSV file: Inspect, Data, with the data options "Apply panel transformations" and "Formatted data".',
        [
          q.shown(q.max('(%s == 1) * ignoring (status) group_left () %s' % [
            q.account('hypersender_instance_status', named + ', status=~"$status"'),
            q.account('hypersender_instance_status_change_timestamp_seconds', named),
          ])) + ' * 1000',
          ratio('1d'),
          ratio('30d'),
        ],
        [
          ['account', { displayName: 'Account' }],
          ['shown', { displayName: 'Name', links: p.historyLinks('__data.fields.instance_id') }],
          ['instance_id', { displayName: 'Id' }],
          ['status', {
            displayName: 'Status',
            'custom.cellOptions': { mode: 'basic', type: 'color-background' },
            mappings: p.statusNames,
            'custom.width': 150,
          }],
          ['Value #A', { displayName: 'Since', unit: 'dateTimeAsIso', 'custom.width': 200 }],
          ['Value #B', part('Last day')],
          ['Value #C', part('Last 30 days')],
          ['job', {}],
        ],
        [24, 24],
        hidden=['instance_name'],
        before=[{ id: 'merge', options: {} }],
        sort={ desc: false, displayName: 'Last 30 days' },
        filterable=true,
      ),
    ],
    variables=[
      d.choice('status', 'Status', 'Statuses to show.', [s.name for s in statuses]),
      d.text('name', 'WhatsApp instance', "Part of an instance's name, or a regular expression; empty for all."),
    ],
    alerts=q.chosen,
    refresh='5m',
  )
