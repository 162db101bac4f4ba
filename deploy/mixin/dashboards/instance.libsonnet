local d = import 'dashboard.libsonnet';
local p = import 'panels.libsonnet';

function(config)
  local q = (import 'queries.libsonnet')(config);
  local chosen = 'instance_id="$instance_id"';
  local metric(name) = q.select('hypersender_instance_' + name, chosen);
  local value(name) = q.max(metric(name));
  local stat(title, description, expr, size, unit='none', noValue='unknown') =
    p.stat(title, description, [expr], noValue, size, unit, text='value');
  local inStatus = 'count_over_time((%s == 1)[$__range:$__interval])' % value('status');

  d.dashboard(
    config,
    'instance',
    "The history of one WhatsApp instance. To look at one that was deleted, set the time range's end to before that.",
    [
      p.row('Now'),
      p.stat(
        'Status',
        'The status at the last good poll. WORKING does not prove that messages are delivered.',
        [q.statusCode(chosen)],
        'not in the list, or no data',
        [6, 4],
        steps=[['text', null]],
        mappings=p.statusCodes,
        text='value',
      ),
      stat(
        'Since',
        'When a poll last saw another status. First sight counts: after a start of the exporter it is that start.',
        value('status_change_timestamp_seconds') + ' * 1000',
        [4, 4],
        'dateTimeFromNow',
      ),
      stat(
        'Its last good poll',
        'Age of the last successful poll of the account this instance belongs to: how old is what is shown here?',
        'max(%s and ignoring (instance_id, instance_name) %s)' % [q.dataAge(q.select), value('up')],
        [4, 4],
        's',
        'no data to trust',
      ) + p.defaults({ decimals: 0 }),
      stat(
        'Changes of status',
        'How often polls saw another status within the time range. An exporter that restarts begins anew.',
        q.max(q.increase(metric('status_changes_total'), '$__range')),
        [4, 4],
        'short',
      ) + p.defaults({ decimals: 0 }),
      stat(
        'Access token',
        'Missing while the API gives null, which it documents as not yet connected.',
        value('access_token_present'),
        [3, 4],
      ) + p.defaults({ mappings: p.mapping([['0', 'missing', 'orange'], ['1', 'present', 'green']]) }),
      stat(
        'Created',
        "When the instance was created. The API's time has no zone and is read as UTC.",
        value('created_timestamp_seconds') + ' * 1000',
        [3, 4],
        'dateTimeAsIso',
      ),

      p.row('History'),
      p.statusTimeline(
        'Status over time',
        'The status at every moment of the time range. A gap is time without data to trust, or without the instance. A renamed instance begins a second line.',
        [p.query(q.shown(q.statusCode(chosen)), '{{shown}}')],
        [24, 6],
      ),
      p.bars(
        'Changes of status over time',
        'How often polls saw another status. Six within 30 minutes are flapping.',
        [p.query(q.shown(q.max(q.increase(metric('status_changes_total')))), '{{shown}}', interval='1m')],
        [12, 8],
      ) + p.maxDataPoints(120),
      p.parts(
        'Time in each status',
        'The part of the time range that it spent in each status, of the time for which there is data.',
        [p.query('sum by (status) (%s) / on () group_left () sum(%s)' % [inStatus, inStatus], '{{status}}')],
        [6, 8],
      ) + p.statusColors + p.maxDataPoints(300),
      p.alerts('Its alerts', 'Alerts about this instance that fire or are pending.', [6, 8], '{%s}' % chosen),

      p.row('Who is it?'),
      p.table(
        'Labels',
        'The instance as the API names it, and the exporters that serve it.',
        [metric('info')],
        [[name, {}] for name in ['instance_name', 'account', 'instance_id', 'service_type', 'job', 'instance']],
        [24, 5],
        hidden=['Value', '__name__'],
      ),
    ],
    variables=[
      d.text('find', 'Find', "Part of an instance's name, or a regular expression, or the beginning of its id; empty for all."),
      local found(matcher) = q.account('hypersender_instance_up', matcher);
      d.query(
        'instance_id',
        'WhatsApp instance',
        'At most 200, those that do not work first. Narrow them down with Find.',
        'query_result(%s)' % q.shown('bottomk(200, max by (instance_id, instance_name) (%s or %s))' % [
          found('instance_name=~"(?i).*${find}.*"'),
          found('instance_id=~"${find}.*"'),
        ]),
        type=3,
      ) + { regex: '/instance_id="(?<value>[^"]*)".*,shown="(?<text>.*)"} /' },
    ],
    annotations=[
      d.events(
        'Status changes',
        'orange',
        '(%s == 1) * ignoring (status) group_left () %s * 1000' % [value('status'), value('status_change_timestamp_seconds')],
        '{{status}}',
        '{{instance_name}}',
      ),
    ],
    alerts=chosen,
    from='now-24h',
  )
