// Panels of Grafana 11.6. Each function takes what is particular to a panel; `size` is its width and height in the grid.
local statuses = import 'statuses.libsonnet';

local datasource = { type: 'prometheus', uid: '${datasource}' };
// Carries the choices of a dashboard over to another.
local variablesQuery = '?' + std.join('&', ['${%s:queryparam}' % name for name in ['datasource', 'job', 'instance', 'account', 'label', 'value']]);

// Steps as pairs of a colour and the value from which it holds; the first one also holds without data.
local thresholds(steps) = { mode: 'absolute', steps: [{ color: step[0], value: step[1] } for step in steps] };
local neutral = [['text', null]];

local panel(type, title, description, size, unit, targets) = {
  size:: size,
  type: type,
  title: title,
  description: description,
  datasource: datasource,
  fieldConfig: {
    defaults: { unit: unit, color: { mode: 'thresholds' }, custom: {}, mappings: [], thresholds: thresholds(neutral) },
    overrides: [],
  },
  targets: std.mapWithIndex(function(i, target) target { refId: std.char(std.codepoint('A') + i) }, targets),
};

local ask(target, how) =
  { datasource: datasource, editorMode: 'code', format: 'time_series', instant: false, range: true, legendFormat: '__auto' } + how +
  (if std.isString(target) then { expr: target } else target);
local now = { instant: true, range: false };

{
  datasource: datasource,
  variablesQuery: variablesQuery,

  // A query with more than its expression.
  query(expr, legend, interval=null):: { expr: expr, legendFormat: legend } + (if interval == null then {} else { interval: interval }),

  row(title):: { size:: [24, 1], type: 'row', title: title, collapsed: false, panels: [] },

  // One number, or one for each series. Steps make it a coloured tile.
  stat(title, description, targets, noValue, size=[4, 4], unit='none', steps=null, mappings=[], text='auto', decimals=null)::
    panel('stat', title, description, size, unit, [ask(target, now) for target in targets]) + {
      fieldConfig+: { defaults+: {
        noValue: noValue,
        mappings: mappings,
        thresholds: thresholds(if steps == null then neutral else steps),
        [if decimals != null then 'decimals']: decimals,
      } },
      options: {
        colorMode: if steps == null then 'value' else 'background',
        graphMode: 'none',
        justifyMode: 'auto',
        orientation: 'auto',
        percentChangeColorMode: 'standard',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        showPercentChange: false,
        textMode: text,
        wideLayout: true,
      },
    },

  graph(title, description, targets, unit='short', size=[8, 8])::
    panel('timeseries', title, description, size, unit, [ask(target, {}) for target in targets]) + {
      fieldConfig+: { defaults+: {
        color: { mode: 'palette-classic' },
        custom: {
          drawStyle: 'line',
          fillOpacity: 0,
          lineInterpolation: 'linear',
          lineWidth: 1,
          showPoints: 'never',
          spanNulls: false,
          stacking: { group: 'A', mode: 'none' },
        },
        min: 0,
      } },
      options: {
        legend: { calcs: ['lastNotNull', 'max'], displayMode: 'table', placement: 'bottom', showLegend: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      },
    },

  // Counts within each step, as bars, to be summed up.
  bars(title, description, targets, size=[8, 8])::
    self.graph(title, description, targets, size=size) + self.custom({ drawStyle: 'bars', fillOpacity: 60, lineWidth: 0 }) +
    { options+: { legend+: { calcs: ['sum'] } } },

  // A table of the columns named, in their order: pairs of a field, and properties of it as `override` takes them.
  table(title, description, targets, columns, size=[12, 9], unit='none', hidden=[], before=[], sort=null, filterable=false)::
    panel('table', title, description, size, unit, [ask(target, now { format: 'table' }) for target in targets]) + {
      fieldConfig+: {
        defaults+: { custom: { align: 'auto', cellOptions: { type: 'auto' }, filterable: filterable, inspect: false } },
        overrides: [
          // If no other query of the table finds anything, the first one's field has no letter.
          $.override(if c[0] == 'Value #A' then '/^Value( #A)?$/' else c[0], c[1], if c[0] == 'Value #A' then 'byRegexp' else 'byName')
          for c in columns
          if c[1] != {}
        ],
      },
      options: {
        cellHeight: 'sm',
        footer: { countRows: false, fields: '', reducer: ['sum'], show: false },
        showHeader: true,
        [if sort != null then 'sortBy']: [sort],
      },
      transformations: before + [{
        id: 'organize',
        options: {
          excludeByName: { [name]: true for name in ['Time'] + hidden },
          includeByName: {},
          indexByName: { [columns[i][0]]: i for i in std.range(0, std.length(columns) - 1) },
          renameByName: {},
        },
      }],
    },

  statusTimeline(title, description, targets, size)::
    panel('state-timeline', title, description, size, 'none', [ask(target, {}) for target in targets]) + {
      fieldConfig+: { defaults+: { custom: { fillOpacity: 80, lineWidth: 0 }, mappings: $.statusCodes } },
      options: {
        alignValue: 'left',
        legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
        mergeValues: true,
        rowHeight: 0.9,
        showValue: 'auto',
        tooltip: { mode: 'single', sort: 'none' },
      },
    },

  // Parts of a whole, as horizontal bars.
  parts(title, description, targets, size)::
    panel('bargauge', title, description, size, 'percentunit', [ask(target, now) for target in targets]) + {
      fieldConfig+: { defaults+: { decimals: 1, min: 0, max: 1 } },
      options: {
        displayMode: 'basic',
        legend: { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: false },
        maxVizHeight: 300,
        minVizHeight: 16,
        minVizWidth: 8,
        namePlacement: 'left',
        orientation: 'horizontal',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        showUnfilled: true,
        sizing: 'auto',
        valueMode: 'color',
      },
    },

  heatmap(title, description, targets, size=[8, 8])::
    panel('heatmap', title, description, size, 'short', [ask(target, { format: 'heatmap' }) for target in targets]) + {
      options: {
        calculate: false,
        cellGap: 1,
        cellValues: { unit: 'short' },
        color: { exponent: 0.5, fill: 'dark-orange', mode: 'scheme', reverse: false, scale: 'exponential', scheme: 'Oranges', steps: 64 },
        exemplars: { color: 'rgba(255,0,255,0.7)' },
        filterValues: { le: 1e-9 },
        legend: { show: true },
        rowsFrame: { layout: 'auto' },
        tooltip: { mode: 'single', showColorScale: false, yHistogram: false },
        yAxis: { axisPlacement: 'left', reverse: false, unit: 's' },
      },
    },

  // Grafana's own list of the alerts that have these labels.
  alerts(title, description, size, labels='')::
    local base = panel('alertlist', title, description, size, 'none', []);
    { [key]: base[key] for key in std.objectFields(base) if key != 'datasource' && key != 'targets' } + {
      size:: size,
      description: description +
                   ' Grafana asks Prometheus for them: the data source\'s setting "Manage alerts via Alerting UI" has to be on, as the provisioning file has it.',
      options: {
        alertInstanceLabelFilter: labels,
        alertName: 'Hypersender',
        dashboardAlerts: false,
        folder: '',
        groupBy: [],
        groupMode: 'default',
        maxItems: 50,
        showInactiveAlerts: false,
        sortOrder: 3,
        stateFilter: { 'error': true, firing: true, noData: false, normal: false, pending: true },
        viewMode: 'list',
      },
    },

  // Additions to a panel.
  defaults(fields):: { fieldConfig+: { defaults+: fields } },
  custom(fields):: self.defaults({ custom+: fields }),
  stacked:: self.custom({ stacking+: { mode: 'normal' } }),
  maxDataPoints(points):: { maxDataPoints: points },
  overrides(list):: { fieldConfig+: { overrides+: list } },

  // Properties of a field, by their ids.
  override(name, properties, matcher='byName')::
    { matcher: { id: matcher, options: name }, properties: [{ id: id, value: properties[id] } for id in std.objectFields(properties)] },
  colors(byName):: self.overrides([self.override(name, { color: { mode: 'fixed', fixedColor: byName[name] } }) for name in std.objectFields(byName)]),
  statusColors:: self.overrides([self.override(s.name, { color: { mode: 'fixed', fixedColor: s.color } }) for s in statuses]),
  statusThresholds:: self.overrides([self.override(s.name, { thresholds: thresholds(neutral + [[s.color, 1]]) }) for s in statuses]),
  thresholds(steps):: self.defaults({ thresholds: thresholds(steps) }),

  // Words and colours in the place of values, from triples of a value, a text and a colour.
  mapping(list):: [{
    type: 'value',
    options: { [list[i][0]]: { text: list[i][1], color: list[i][2], index: i } for i in std.range(0, std.length(list) - 1) },
  }],
  statusCodes:: self.mapping(std.mapWithIndex(function(i, s) ['%d' % (i + 1), s.name, s.color], statuses)),
  statusNames:: self.mapping([[s.name, s.name, s.color] for s in statuses]),

  // A link to an instance's history, where `field` gives its id.
  historyLinks(field):: [{
    targetBlank: false,
    title: 'History of this instance',
    url: '/d/hypersender-instance%(query)s&var-find=${%(field)s}&var-instance_id=${%(field)s}&${__url_time_range}' % { query: variablesQuery, field: field },
  }],
}
