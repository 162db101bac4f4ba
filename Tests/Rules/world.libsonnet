// Writes unit tests of the rules from short descriptions: what happens to instances, polls and exporters, and what fires when.
//
// A timeline is a text in which values and times alternate: 'WORKING 10m FAILED 20m WORKING' is FAILED from 10m on and WORKING again from 20m
// on. '-' stands for nothing at all.
//
// The series are those of an exporter that polls every 30 seconds and is scraped every 15, from the moment 0 on. The rules are evaluated
// at each scrape. Every scenario says what fires and from when to when; that nothing else does, at any other evaluation, is tested too.
local step = 15;
local interval = 30;
local staleAfter = 3 * interval;
local statuses = ['STOPPED', 'STARTING', 'WORKING', 'SCAN_QR_CODE', 'FAILED', 'PENDING', 'UNKNOWN'];
// Those of the table in deploy/METRICS.md, which the program's own are written to.
local reasons =
  local lines = std.split(importstr '../../deploy/METRICS.md', '\n');
  local line(text) = std.find(text, lines)[0];
  [std.split(lines[row], '`')[1] for row in std.range(line('<!-- reasons -->') + 3, line('<!-- /reasons -->') - 1)];

// The seconds of '1h10m30s'.
local seconds(text) =
  local go(place, number, sum) =
    if place == std.length(text) then sum
    else
      local char = text[place];
      local unit = { h: 3600, m: 60, s: 1 };
      if std.objectHas(unit, char) then go(place + 1, 0, sum + number * unit[char]) tailstrict
      else go(place + 1, number * 10 + std.codepoint(char) - 48, sum) tailstrict;
  go(0, 0, 0);
local duration(time) = std.floor(time / 60) + 'm' + time % 60 + 's';

// Spans [from, to) of a timeline that goes on until `end`.
local timeline(text, end) =
  local words = std.split(text, ' ');
  local times = [0] + [seconds(words[place]) for place in std.range(1, std.length(words) - 1) if place % 2 == 1] + [end];
  [{ from: times[place], to: times[place + 1], value: words[2 * place] } for place in std.range(0, std.length(times) - 2)];
// The parts of spans that lie within another span.
local within(spans, other) = [
  span { from: from, to: to }
  for span in spans
  for from in [std.max(span.from, other.from)]
  for to in [std.min(span.to, other.to)]
  if from < to
];

// A label as it stands in a selector, with a comma.
local label(name, value) = if value == '' then '' else ',' + name + '=' + std.escapeStringJson(value);

// A series in promtool's notation. It is stale where spans leave a gap, and after the last of them.
local series(name, labels, spans) =
  local gap(from, to, isFirst) =
    local count = (to - from) / step;
    if count == 0 then '' else if isFirst then '_x' + count + ' ' else if count == 1 then 'stale ' else 'stale _x' + (count - 1) + ' ';
  if spans == [] then [] else [{
    series: name + '{' + labels + '}',
    values: std.join(' ', [
      gap(if place == 0 then 0 else spans[place - 1].to, spans[place].from, place == 0)
      + spans[place].value + 'x' + ((spans[place].to - spans[place].from) / step - 1)
      for place in std.range(0, std.length(spans) - 1)
    ]) + ' stale',
  }];

// An account as an exporter knows it during its life: spans of good polls, and one for each failed poll until the next. Outcomes of
// polls are 'ok', a reason of failure, 'rate_limited/600' where the API says to wait so many seconds, or 'hang' where the poll does not end.
// Failed polls are spaced further and further apart.
local polls(outcomes, life) =
  local go(time, failures, good, last, done) =
    if time >= life.to then done
    else
      local span = [span for span in outcomes if span.from <= time && time < span.to][0];
      local words = std.split(span.value, '/');
      local ok = words[0] == 'ok';
      local failed = !ok && words[0] != 'hang';
      local wait =
        if !failed then interval * std.ceil((std.min(span.to, life.to) - time) / interval)
        else if std.length(words) > 1 then std.parseInt(words[1])
        else std.min(300, interval * std.pow(2, std.min(failures, 4)));
      local nowFailures = if ok then 0 else if failed then failures + 1 else failures;
      local nowGood = if ok then time + wait - interval else good;
      local nowLast = if ok then nowGood else if failed then time else last;
      go(time + wait, nowFailures, nowGood, nowLast, done + [{
        from: time,
        to: std.min(life.to, time + wait),
        ok: ok,
        reason: if failed then words[0],
        good: nowGood,
        last: nowLast,
        up: if nowFailures == 0 && nowGood != null then 1 else 0,
      }]) tailstrict;
  // The first scrape of an exporter that has just started comes before its first poll.
  local start = if life.from == 0 then 0 else life.from + step;
  [
    { from: life.from, to: std.min(start, life.to), ok: false, reason: null, good: null, last: null, up: 0 }
    for once in [null]
    if start > life.from
  ] + go(start, 0, null, null, []);

// Spans with data, from each span of good polls on: until the next, or until it is too old and withdrawn.
local fresh(polls) =
  local good = [span for span in polls if span.ok];
  [
    {
      from: good[place].from,
      to: std.min(
        good[place].good + staleAfter + step,
        if place + 1 < std.length(good) then good[place + 1].from else polls[std.length(polls) - 1].to
      ),
    }
    for place in std.range(0, std.length(good) - 1)
  ];

// A time that the exporter tells, which moves with each good poll.
local moving(polls, field, clock) = std.flattenArrays([
  if span.ok then [
    { from: from, to: std.min(from + interval, span.to), value: from + clock }
    for index in std.range(0, (span.good - span.from) / interval)
    for from in [span.from + index * interval]
  ] else [span { value: span[field] + clock }]
  for span in polls
  if span[field] != null
]);

// The number of polls that have failed for a reason, after each.
local failures(polls, reason) =
  local go(place, count, done) =
    if place == std.length(polls) then done
    else
      local now = if polls[place].reason == reason then count + 1 else count;
      go(place + 1, now, done + [{ from: polls[place].from, to: polls[place].to, value: now }]) tailstrict;
  if [null for poll in polls if poll.reason == reason] == [] then [{ from: polls[0].from, to: polls[std.length(polls) - 1].to, value: 0 }]
  else go(0, 0, []);

// The statuses of an instance while there is data, since when, and how often it changed before. Polls see a change.
local history(statuses, fresh) =
  local parts = std.flattenArrays([
    within([
      span {
        from: data.from + interval * std.ceil((span.from - data.from) / interval),
        to: if span.to >= data.to then span.to else data.from + interval * std.ceil((span.to - data.from) / interval),
      }
      for span in statuses
    ], data)
    for data in fresh
  ]);
  local go(place, status, since, changes, done) =
    if place == std.length(parts) then done
    else
      local part = parts[place];
      local same = part.value == status;
      local now = if same then since else part.from;
      local count = if status == '-' then 0 else if same then changes else changes + 1;
      go(place + 1, part.value, now, count, done + [part { since: now, changes: count }]) tailstrict;
  [part for part in go(0, '-', 0, 0, []) if part.value != '-'];

local seriesOfInstance(instance, labels, clock, statusSet, histories, token) =
  local spans = std.flattenArrays(histories);
  local whole = labels + label('instance_id', instance.id) + label('instance_name', instance.name);
  local is(status) = [{ from: span.from, to: span.to, value: if span.value == status then 1 else 0 } for span in spans];
  series('hypersender_instance_up', whole, is('WORKING'))
  + std.flattenArrays([
    series(
      'hypersender_instance_status',
      whole + ',status="' + status + '"',
      if statusSet == 'all' then is(status) else [span for span in is(status) if span.value == 1]
    )
    for status in statuses
  ])
  + series('hypersender_instance_status_changes_total', whole, [span { value: span.changes } for span in spans])
  + series('hypersender_instance_status_change_timestamp_seconds', whole, [span { value: span.since + clock } for span in spans])
  + series('hypersender_instance_access_token_present', whole, std.flattenArrays([within(token, span) for span in spans]));

local seriesOfAccount(account, target, statusSet, end, lives) =
  local outcomes = timeline(account.polls, end);
  // A reload may add and remove the account.
  local known = [
    polls(outcomes, life)
    for place in std.range(0, std.length(outcomes) - 1)
    if outcomes[place].value != '-' && (place == 0 || outcomes[place - 1].value == '-')
    for life in within(lives, {
      from: outcomes[place].from,
      to: std.foldl(std.min, [span.from for span in outcomes[place:] if span.value == '-'], end),
    })
  ];
  local all = std.flattenArrays(known);
  local data = [fresh(polls) for polls in known];
  local instances = account.instances;
  local histories = [[history(statuses, spans) for spans in data] for instance in instances for statuses in [timeline(instance.status, end)]];
  local labels = target.labels + label('account', account.account)
                 + std.join('', [label(name, account.labels[name]) for name in std.objectFields(account.labels)]);
  local named(name, spans, more='') = series('hypersender_' + name, labels + more, spans);
  local counts(status) = std.flattenArrays([
    local changes = std.set([
      time
      for spans in [own[life] for own in histories] + [data[life]]
      for span in spans
      for time in [span.from, span.to]
    ]);
    [
      {
        from: changes[place],
        to: changes[place + 1],
        value: std.length([
          null
          for own in histories
          for part in own[life]
          if part.value == status && part.from <= changes[place] && changes[place] < part.to
        ]),
      }
      for place in std.range(0, std.length(changes) - 2)
      if [null for span in data[life] if span.from <= changes[place] && changes[place] < span.to] != []
    ]
    for life in std.range(0, std.length(data) - 1)
  ]);
  named('up', std.flattenArrays([
    // An exporter whose polls no longer end says so once its data is too old.
    if span.up == 0 || span.ok then [span { value: span.up }]
    else within([{ from: 0, to: span.good + staleAfter + step, value: 1 }, { from: span.good + staleAfter + step, to: end, value: 0 }], span)
    for span in all
  ]))
  + named('poll_interval_seconds', [{ from: polls[0].from, to: polls[std.length(polls) - 1].to, value: interval } for polls in known])
  + named('polls_total', [span { value: if span.last == null then 0 else 1 } for span in all])
  + named('last_poll_timestamp_seconds', moving(all, 'last', target.clock))
  + named('last_successful_poll_timestamp_seconds', moving(all, 'good', target.clock))
  + std.flattenArrays([
    named('poll_failures_total', std.flattenArrays([failures(polls, reason) for polls in known]), ',reason="' + reason + '"')
    for reason in reasons
  ])
  + std.flattenArrays([named('instances', counts(status), ',status="' + status + '"') for status in statuses])
  + std.flattenArrays([
    seriesOfInstance(instances[place], labels, target.clock, statusSet, histories[place], timeline(instances[place].token, end))
    for place in std.range(0, std.length(instances) - 1)
  ]);

// All series of a target. Each '1' of its timeline `up` is a process of its own: '1 10m 1' is restarted at 10m.
local seriesOfTarget(target, statusSet, end) =
  local up = [span for span in timeline(target.up, end) if span.value != '-'];
  local lives = [span for span in up if span.value == '1'];
  local config = timeline(target.config, end);
  local own(name, value) = series(name, target.labels, [span { value: value(span) } for span in lives]);
  series('up', target.labels, up)
  + own('process_start_time_seconds', function(span) span.from + target.clock)
  + own('process_max_fds', function(span) 1024)
  + series('hypersender_exporter_config_last_reload_successful', target.labels, std.flattenArrays([within(config, span) for span in lives]))
  + series('hypersender_exporter_config_hash', target.labels, std.flattenArrays([within(timeline(target.hash, end), span) for span in lives]))
  + (if target.shards == null then [] else
       own('hypersender_exporter_shard', function(span) target.shard) + own('hypersender_exporter_shards', function(span) target.shards))
  + std.flattenArrays([seriesOfAccount(account, target, statusSet, end, lives) for account in target.accounts]);

// Labels of an alert as scenarios name it: 'InstanceStuck i1 STARTING', 'Unauthorized @globex', 'ExporterDown all a:1'.
local isOfInstance(name) = std.startsWith(name, 'Instance') && !std.startsWith(name, 'Instances');
local isOfExporter(name) = std.length([null for start in ['Exporter', 'Config', 'Shard'] if std.startsWith(name, start)]) > 0;
local alertLabels(text, scenario) =
  local words = std.split(text, ' ');
  std.foldl(
    function(labels, word) labels + (
      if word[0] == '@' then { account: word[1:] }
      else if std.member(statuses, word) then { status: word }
      else if std.member(['all', 'some'], word) then { extent: word }
      else if std.length(std.findSubstr(':', word)) > 0 then { instance: word }
      else { instance_id: word }
    ),
    words[1:],
    { alertname: 'Hypersender' + words[0] } + (if isOfExporter(words[0]) then {} else { account: scenario.account })
  );
local selector(labels) = '{alertname="' + labels.alertname + '"' + std.join('', [
  label(name, labels[name])
  for name in std.objectFields(labels)
  if name != 'alertname'
]) + '}';

// Asks all that fires just before and at each moment at which that changes, and in the end how often each alert fired in all.
local firingTests(scenario, end) =
  local by = 'by (alertname, account, instance_id, instance, extent, status)';
  local spans(text) =
    local moment(word) =
      local last = std.length(word) - 1;
      if word[last] == '*' then seconds(word[:last]) - (if scenario.prometheus >= 3 then step else 0) else seconds(word);
    local times = std.map(moment, std.split(text, ' ')) + [end];
    [
      { from: times[2 * place], to: std.min(times[2 * place + 1], end) }
      for place in std.range(0, std.floor(std.length(times) / 2) - 1)
    ];
  local alerts = [
    { labels: selector(alertLabels(name, scenario)), spans: spans(scenario.fires[name]) }
    for name in std.objectFields(scenario.fires)
  ];
  local moments = std.set([
    time
    for alert in alerts
    for span in alert.spans
    for edge in [span.from, span.to]
    for time in [edge - step, edge]
    if time < end
  ] + [end - step]);
  [
    {
      expr: 'group %s (ALERTS{alertstate="firing"})' % by,
      eval_time: duration(time),
      exp_samples: [
        { labels: alert.labels, value: 1 }
        for alert in alerts
        if [null for span in alert.spans if span.from <= time && time < span.to] != []
      ],
    }
    for time in moments
  ]
  + [{
    expr: 'sum %s (count_over_time(ALERTS{alertstate="firing"}[%s]))' % [by, duration(end)],
    eval_time: duration(end - step),
    exp_samples: [
      { labels: alert.labels, value: std.foldl(function(sum, span) sum + (span.to - span.from) / step, alert.spans, 0) }
      for alert in alerts
    ],
  }];

// The only alert of a name at a moment, with all its labels and texts.
local textTest(text, scenario) =
  local called = alertLabels(text.alert, scenario);
  local said(sentence) = std.foldl(
    function(sentence, word)
      std.strReplace(sentence, '{' + word + '}', if scenario.account == '' then '' else ' ' + word + ' account ' + scenario.account),
    ['of', 'for', 'from'],
    sentence
  );
  local instances = [
    instance
    for target in scenario.targets
    for account in target.accounts
    for instance in account.instances
    if instance.id == std.get(called, 'instance_id', '')
  ];
  local labels = { job: 'hypersender', severity: text.severity }
                 + (if isOfInstance(text.alert) then { scope: 'instance', instance_name: instances[0].name }
                    else { scope: if isOfExporter(text.alert) then 'exporter' else 'account' })
                 + (if isOfExporter(text.alert) then {} else scenario.labels)
                 + called
                 + text.labels;
  local variable(label, name=label) = if std.get(labels, label, '') == '' then '' else '&var-%s=%s' % [name, labels[label]];
  {
    alertname: called.alertname,
    eval_time: text.at,
    exp_alerts: [{
      exp_labels: { [name]: labels[name] for name in std.objectFields(labels) if name != 'alertname' && labels[name] != '' },
      exp_annotations: {
        summary: said(text.summary),
        description: said(text.description),
        action: (import '../../deploy/mixin/actions.libsonnet')[called.alertname],
        runbook_url: 'http://localhost:10058/runbooks#' + std.asciiLower(called.alertname),
        dashboard_url: 'http://localhost:3000/d/hypersender-' + (
          if isOfInstance(text.alert) then 'instance'
          else if std.member(['AccountUnwatched', 'TooFewWorking', 'InstancesDisappeared', 'UnknownStatus'], text.alert) then 'overview'
          else 'exporter'
        ) + '?from=now-6h' + variable('job') + variable('account')
                       + (if isOfInstance(text.alert) then variable('instance_id', 'find') + variable('instance_id') else ''),
      },
    }],
  };

local test(scenario) = local end = seconds(scenario.lasts) + step; {
  name: scenario.name,
  interval: step + 's',
  input_series: std.flattenArrays([seriesOfTarget(target, scenario.statusSet, end) for target in scenario.targets]),
  promql_expr_test:
    firingTests(scenario, end)
    + [
      { expr: expr, eval_time: time, exp_samples: [{ labels: '{}', value: value } for value in [scenario.asks[expr][time]] if value != null] }
      for expr in std.objectFields(scenario.asks)
      for time in std.objectFields(scenario.asks[expr])
    ]
    + [
      { expr: 'count_over_time(ALERTS[%s])' % duration(end), eval_time: scenario.lasts, exp_samples: [] }
      for once in [null]
      if scenario.nothingPending
    ],
  alert_rule_test: [textTest(text, scenario) for text in scenario.texts],
};

{
  instance(id, status, name='N' + id[1:], token='1'):: { id: id, name: name, status: status, token: token },
  account(name, instances, polls='ok', labels={}):: { account: name, instances: instances, polls: polls, labels: labels },
  target(instance, accounts, up='1', job='hypersender', more='', clock=0, config='1', shard=null, shards=null, hash='7'):: {
    labels: 'job="' + job + '",instance="' + instance + '"' + more,
    accounts: accounts,
    up: up,
    clock: clock,  // seconds by which the exporter's clock is fast
    config: config,  // whether its configuration was read with success
    shard: shard,
    shards: shards,
    hash: hash,  // of the configuration
  },

  // All that an alert says at a moment, and labels besides those it always has. {of}, {for} and {from} stand for the account, where it has a
  // name: ' of account acme'.
  text(alert, severity, at, summary, description, labels={})::
    { alert: alert, severity: severity, at: at, summary: summary, description: description, labels: labels },

  // A scenario: one exporter with one account and one instance that works, unless said.
  scenario:: {
    local this = self,
    name: error 'a scenario needs a name',
    lasts: error 'a scenario needs an end',
    account: 'acme',
    labels: {},  // of the account, the user's own
    statusSet: 'all',
    status: 'WORKING',
    polls: 'ok',
    up: '1',
    instances: [$.instance('i1', this.status, 'Sales')],
    accounts: [$.account(this.account, this.instances, this.polls, this.labels)],
    targets: [$.target('a:1', this.accounts, this.up)],
    // Alerts without 'Hypersender', and from when to when they fire: '10m 20m', or '10m' if to the end. Times at which something is exactly
    // as old as a range have a '*': the range still holds it in Prometheus 2, and no longer in Prometheus 3.
    fires: {},
    // Alerts with all that they say.
    texts: [],
    // Values of expressions without labels, by time; null for none.
    asks: {},
    nothingPending: false,
  },
  // A scenario in both forms in which the exporter may write it.
  both(scenario):: [
    scenario { name+: '; without account, status set all', account: '', statusSet: 'all' },
    scenario { name+: '; with account and labels of its own, status set current', account: 'acme', labels: { customer: 'Acme', team: 'a' }, statusSet: 'current' },
  ],
  // The file of tests, about a file of rules, for a major version of Prometheus.
  tests(rules, prometheus, scenarios):: {
    rule_files: [rules],
    evaluation_interval: step + 's',
    tests: [test($.scenario + scenario + { prometheus: prometheus }) for scenario in scenarios],
  },
}
