// PromQL that rules, alerts and dashboards share.
function(config) {
  local promql = self,

  targetLabels:: std.join(', ', config.targetLabels),

  // Matches series of one target, by all labels that tell one from another.
  sameTarget:: 'on (cluster, namespace, job, %s)' % promql.targetLabels,

  // One series for all replicas, also without the labels given.
  max(expression, without=''):: 'max without (%s) (%s)' % [(if without == '' then '' else without + ', ') + promql.targetLabels, expression],

  // A text of several lines as a part of one that is indented by two more spaces.
  indented(text, by='  '):: std.strReplace(std.stripChars(text, '\n'), '\n', '\n' + by),
}
