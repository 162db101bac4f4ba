local d = import 'dashboard.libsonnet';
local p = import 'panels.libsonnet';

function(config)
  local q = (import 'queries.libsonnet')(config);
  local blind = (import 'shared.libsonnet')(q);

  // The rate of failed and other polls by bucket of their duration.
  local duration(quantile) =
    'histogram_quantile(%s, sum by (le) (%s))' % [quantile, q.rate(q.account('hypersender_poll_duration_seconds_bucket'))];
  // A metric of each exporter, as one line.
  local each(title, description, expr, unit='short') = p.graph(title, description, [p.query(expr, '{{instance}}')], unit);

  d.dashboard(
    config,
    'exporter',
    'hypersender-exporter: its polls of the Hypersender API, and what it costs.',
    blind + [
      p.stat(
        'Configuration',
        'Whether the configuration was read with success the last time. If not, the exporter goes on with what it had, and would not start with the new one: ' +
        'run it with --config.check.',
        ['min(%s)' % q.select('hypersender_exporter_config_last_reload_successful')],
        'not told',
        steps=[['text', null]],
        mappings=p.mapping([['0', 'reload failed', 'red'], ['1', 'good', 'green']]),
      ),
      p.stat(
        'Rate limit left',
        'The part of its request budget that the API last said was left, of the account with the least. Messages that are sent share it.',
        ['min(%s / %s)' % [q.maxOfAccount('hypersender_api_rate_limit_remaining'), q.maxOfAccount('hypersender_api_rate_limit')]],
        'the API does not say',
        unit='percentunit',
        steps=[['text', null], ['red', 0], ['orange', 0.1], ['green', 0.3]],
        decimals=0,
      ),

      p.row('Polls of the API'),
      p.graph('Polls', 'Polls a minute that ended, and those of them that failed, of all accounts chosen and at all replicas.', [
        p.query('sum(%s) * 60' % q.rate(q.account('hypersender_polls_total')), 'ended'),
        p.query('sum(%s) * 60' % q.rate(q.account('hypersender_poll_failures_total')), 'failed'),
      ], 'opm') + p.colors({ ended: 'green', failed: 'red' }),
      p.bars(
        'Failures by reason',
        "Polls that failed, by reason; the runbook of HypersenderPollsFailing says what to look at for each. Empty while none fails.",
        [p.query('sum by (reason) (%s) > 0' % q.increase(q.account('hypersender_poll_failures_total')), '{{reason}}')],
      ) + p.stacked + p.defaults({ noValue: 'no poll failed' }),
      p.graph(
        'Age of data',
        'Age of the last successful poll in poll intervals, of the 20 accounts where it is longest ago at each moment. Below 2 is normal, from 3 on the data is withdrawn.',
        [p.query('topk(20, %s)' % q.dataAgeInIntervals, '{{account}} intervals')],
      ) + p.defaults({ decimals: 1 }) + p.thresholds([['green', null], ['red', 3]]),
      p.graph('API latency', "How long polls took from the request to the decoded list, failed ones included. Quantiles as far as the histogram's buckets tell.", [
        p.query(duration('0.5'), 'median'),
        p.query(duration('0.9'), '90 %'),
        p.query(duration('0.99'), '99 %'),
        p.query('sum(%s) / sum(%s)' % [q.rate(q.account('hypersender_poll_duration_seconds_' + part)) for part in ['sum', 'count']], 'mean'),
      ], 's'),
      p.heatmap(
        'API latency by bucket',
        'How many polls took how long.',
        [p.query('sum by (le) (%s)' % q.increase(q.account('hypersender_poll_duration_seconds_bucket')), '{{le}}')],
      ) + p.maxDataPoints(120),
      p.graph(
        'Rate limit',
        'The requests that the API allows in its window, and those left, of the 20 accounts with the fewest left. Empty where the API does not say.',
        [
          p.query('bottomk(20, %s)' % q.maxOfAccount('hypersender_api_rate_limit_remaining'), '{{account}} left'),
          p.query('max(%s)' % q.maxOfAccount('hypersender_api_rate_limit'), 'allowed, at most'),
        ],
      ) + p.defaults({ noValue: 'the API does not say' }),
      p.graph(
        'Size of the list',
        'Size of the last list as decompressed, of the 20 accounts with the largest. Beyond --poll.max-response-bytes a poll fails.',
        [p.query('topk(20, %s)' % q.maxOfAccount('hypersender_api_response_bytes'), '{{account}} size')],
        'bytes',
      ),
      p.graph(
        'Odd elements of the list',
        "Elements without a readable id or status, ids that came twice, and statuses outside the six of the API's documentation. " +
        'Above 0: the API has changed, or is at fault.',
        [
          p.query('sum(%s)' % q.maxOfAccount('hypersender_invalid_instances'), 'invalid'),
          p.query('sum(%s)' % q.maxOfAccount('hypersender_duplicate_instances'), 'duplicate'),
          p.query('sum(%s)' % q.max(q.increase(q.account('hypersender_unknown_statuses_total'))), 'unknown status'),
        ],
      ) + p.custom({ lineInterpolation: 'stepAfter' }),
      p.graph(
        'Poll interval',
        'The configured interval, of the 20 accounts with the longest.',
        [p.query('topk(20, %s)' % q.maxOfAccount('hypersender_poll_interval_seconds'), '{{account}} interval')],
        's',
      ),

      p.row('The exporter itself'),
      p.table(
        'Builds',
        'Version, revision and compiler of each exporter.',
        [q.select('hypersender_exporter_build_info')],
        [[name, {}] for name in ['job', 'instance', 'version', 'revision', 'swift_version']],
        [12, 6],
        hidden=['Value', '__name__'],
      ),
      p.stat(
        'Started',
        'When each exporter was started.',
        [p.query(q.ofExporter(q.select('process_start_time_seconds') + ' * 1000'), '{{instance}}')],
        'not told',
        [6, 6],
        'dateTimeFromNow',
        text='value_and_name',
      ),
      p.stat(
        'Configuration read',
        'When each exporter last read its configuration with success.',
        [p.query(q.select('hypersender_exporter_config_last_reload_success_timestamp_seconds') + ' * 1000', '{{instance}}')],
        'not told',
        [6, 6],
        'dateTimeFromNow',
        text='value_and_name',
      ),
      each('CPU', 'Processor time a second; 100 % is one core.', q.ofExporter(q.rate(q.select('process_cpu_seconds_total'))), 'percentunit'),
      each('Memory', 'Resident memory.', q.ofExporter(q.select('process_resident_memory_bytes')), 'bytes'),
      p.graph('File descriptors', 'Open file descriptors, and how many the process may have.', [
        p.query(q.ofExporter(q.select('process_open_fds')), '{{instance}} open'),
        p.query(q.ofExporter(q.select('process_max_fds')), '{{instance}} allowed'),
      ]) + p.overrides([p.override('/allowed$/', { 'custom.axisPlacement': 'right' }, 'byRegexp')]),
      each('Threads', 'Threads of the process.', q.ofExporter(q.select('process_threads'))) + p.defaults({ decimals: 0 }),
      p.graph(
        'Requests',
        'Requests to the exporter by handler and status code.',
        [p.query('sum by (handler, code) (%s)' % q.rate(q.select('hypersender_exporter_http_requests_total')), '{{handler}} {{code}}')],
        'reqps',
      ),
      each(
        'Scrapes',
        "How long Prometheus's scrapes take. Beyond the scrape timeout the exporter counts as down.",
        q.ofExporter(q.select('scrape_duration_seconds')),
        's',
      ),
      each(
        'Samples a scrape',
        'How many samples a scrape brings. With --metrics.status-set=current it is less than half.',
        q.ofExporter(q.select('scrape_samples_scraped')),
      ),
      each('Virtual memory', 'Address space of the process. Large is normal.', q.ofExporter(q.select('process_virtual_memory_bytes')), 'bytes'),
    ],
    alerts='scope=~"account|exporter"',
  )
