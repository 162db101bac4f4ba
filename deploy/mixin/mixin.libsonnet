// The monitoring of hypersender-exporter as a monitoring mixin: https://monitoring.mixins.dev.
(import 'config.libsonnet')
+ (import 'rules.libsonnet')
+ (import 'alerts.libsonnet')
+ (import 'dashboards/dashboards.libsonnet')
+ {
  // A misspelt setting changes nothing, and should not do so in silence.
  local config = $._config,
  local shipped = (import 'config.libsonnet')._config,
  local keys = ['severity', 'for', 'keepFiringFor', 'labels', 'enabled'],
  local unknown =
    [name for name in std.objectFields(config) if !std.objectHas(shipped, name)]
    + ['alerts.' + name for name in std.objectFields(config.alerts) if !std.objectHas(shipped.alerts, name)]
    + [
      'alerts.%s.%s' % [name, key]
      for name in std.objectFields(config.alerts)
      for key in std.objectFields(config.alerts[name])
      if !std.member(keys, key)
    ],
  assert unknown == [] : 'unknown settings: ' + std.join(', ', unknown),

  local group(name, interval, rules) =
    { name: name, interval: interval, rules: [rule { expr: std.rstripChars(rule.expr, '\n') } for rule in rules] },
  prometheusRules+:: {
    groups+: [
      // All alerts and all that they read are evaluated at one moment, in this order. Groups see each other up to an evaluation later, and
      // would tell of instances as if an outage had not ended, or had not begun.
      group('hypersender', $._config.evaluationInterval, $.hypersenderRecords + $.hypersenderAlerts),
      group('hypersender-availability', '5m', $.hypersenderAvailability),
    ],
  },
  prometheusAlerts+:: { groups+: [] },
}
