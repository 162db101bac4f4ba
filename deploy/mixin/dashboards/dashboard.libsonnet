// The frame of a dashboard: its variables, links and annotations, and its panels in the grid.
local panels = import 'panels.libsonnet';

local boards = {
  overview: ['Overview', 'All instances, trouble first'],
  instance: ['Instance', 'The history of one instance'],
  availability: ['Availability', 'All instances, to report from'],
  exporter: ['Exporter', 'Polls, the API, and the exporter itself'],
};

// Panels from left to right, a new line where one does not fit; ids by order.
local arrange(list) = std.foldl(
  function(done, panel)
    local wraps = done.x + panel.size[0] > 24;
    local x = if wraps then 0 else done.x, y = if wraps then done.y + done.h else done.y;
    {
      x: x + panel.size[0],
      y: y,
      h: if wraps then panel.size[1] else std.max(done.h, panel.size[1]),
      list: done.list + [panel { id: std.length(done.list) + 1, gridPos: { x: x, y: y, w: panel.size[0], h: panel.size[1] } }],
    },
  list,
  { x: 0, y: 0, h: 0, list: [] }
).list;

local all = { selected: true, text: 'All', value: '$__all' };

local annotation(name, color, expr, title, text) = {
  datasource: panels.datasource,
  enable: true,
  expr: expr,
  hide: false,
  iconColor: color,
  name: name,
  step: '60s',
  tagKeys: '',
  textFormat: text,
  titleFormat: title,
};

local link(icon, title, tooltip, url) = {
  type: 'link',
  icon: icon,
  title: title,
  tooltip: tooltip,
  url: url,
  asDropdown: false,
  includeVars: false,
  tags: [],
};

{
  // Variables

  query(name, label, description, query, type=1)::
    {
      type: 'query',
      name: name,
      label: label,
      description: description,
      datasource: panels.datasource,
      definition: query,
      query: { qryType: type, query: query, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
      current: {},
      hide: 0,
      includeAll: false,
      multi: false,
      options: [],
      refresh: 2,
      regex: '',
      skipUrlSync: false,
      sort: 0,
    },

  // Any number of a label's values; `allValue` is the regular expression for all.
  labels(name, label, description, query, allValue='.+')::
    self.query(name, label, description, query) + { allValue: allValue, current: all, includeAll: true, multi: true, sort: 1 },

  choice(name, label, description, values):: {
    type: 'custom',
    name: name,
    label: label,
    description: description,
    allValue: '.*',
    current: all,
    hide: 0,
    includeAll: true,
    multi: true,
    options: [all] + [{ selected: false, text: value, value: value } for value in values],
    query: std.join(',', values),
    skipUrlSync: false,
  },

  text(name, label, description):: {
    type: 'textbox',
    name: name,
    label: label,
    description: description,
    current: { selected: false, text: '', value: '' },
    hide: 0,
    options: [{ selected: true, text: '', value: '' }],
    query: '',
    skipUrlSync: false,
  },

  // Annotations at the times that the values tell.
  events(name, color, expr, title, text):: annotation(name, color, expr, title, text) + { useValueForTime: true },

  // `alerts` says which of them are annotated.
  dashboard(config, name, description, list, variables=[], annotations=[], alerts, from='now-6h', refresh='30s')::
    local q = (import 'queries.libsonnet')(config);
    {
      uid: 'hypersender-' + name,
      title: 'Hypersender / ' + boards[name][0],
      description: description,
      tags: config.dashboardTags,
      editable: false,
      fiscalYearStartMonth: 0,
      graphTooltip: 1,
      preload: false,
      refresh: refresh,
      schemaVersion: 41,
      time: { from: from, to: 'now' },
      timepicker: {},
      timezone: 'browser',
      weekStart: '',
      annotations: { list: [
        {
          builtIn: 1,
          datasource: { type: 'grafana', uid: '-- Grafana --' },
          enable: true,
          hide: true,
          iconColor: 'rgba(0, 211, 255, 1)',
          name: 'Annotations & Alerts',
          type: 'dashboard',
        },
      ] + annotations + [
        $.events('Exporter restarts', 'blue', q.ofExporter(q.select('process_start_time_seconds') + ' * 1000'), 'Exporter started', '{{instance}}'),
        annotation('Alerts', 'red', 'count by (alertname, severity) (ALERTS{alertname=~"Hypersender.+", alertstate="firing", job=~"$job", %s})' % alerts,
                   '{{alertname}}', '{{severity}}') + { tagKeys: 'severity' },
      ] },
      links: [
        link('dashboard', boards[other][0], boards[other][1], '/d/hypersender-' + other + panels.variablesQuery) + { keepTime: true, targetBlank: false }
        for other in ['overview', 'instance', 'availability', 'exporter']
        if other != name
      ] + [link('doc', 'Runbooks', 'What to do about each alert', config.runbookUrl) + { keepTime: false, targetBlank: true }],
      templating: { list: [
        {
          type: 'datasource',
          name: 'datasource',
          label: 'Data source',
          description: 'The Prometheus that scrapes hypersender-exporter.',
          current: {},
          hide: 0,
          includeAll: false,
          multi: false,
          options: [],
          query: 'prometheus',
          refresh: 1,
          regex: '',
          skipUrlSync: false,
        },
        $.labels('job', 'Job', "Prometheus's job.", 'label_values(%s, job)' % q.exporters('')),
        $.labels('instance', 'Instance', "Prometheus's target: an address of the exporter, not an instance of WhatsApp.",
                 'label_values(%s, instance)' % q.exporters('job=~"$job"')),
        $.labels('account', 'Account', 'Accounts of --config.file. With a single account there is no such label, and All is the only choice.',
                 'label_values(%s, account)' % q.select('hypersender_up'), allValue='.*'),
        // All is a label that every series has, with any value: as if there were no choice.
        $.labels('label', 'Label', 'A label of your own that accounts have, such as customer, to choose accounts by.', 'label_names(hypersender_up)', allValue='job')
        + { multi: false, regex: '/^(?!(__name__|account|job|%s)$)/' % std.join('|', config.targetLabels) },
        $.labels('value', 'Value', 'Values of that label.', 'label_values(%s, $label)' % q.select('hypersender_up'), allValue='.*'),
      ] + variables },
      panels: arrange(list),
    },
}
