// Rule groups as the text of a rule file, laid out as people write them. (std.manifestYamlDoc sorts the keys, and puts expressions of several
// lines into quotes.)
local fields(object, indent) = std.join('', [
  '\n%s%s: %s' % [indent, key, std.escapeStringJson(object[key])]
  for key in std.objectFields(object)
]);

local rule(r) =
  (if std.objectHas(r, 'record') then '- record: ' + r.record else '- alert: ' + r.alert)
  + '\n        expr: |-\n          ' + std.strReplace(r.expr, '\n', '\n          ')
  + std.join('', ['\n        %s: %s' % [key, r[key]] for key in ['for', 'keep_firing_for'] if std.objectHas(r, key)])
  + std.join('', ['\n        %s:%s' % [key, fields(r[key], '          ')] for key in ['labels', 'annotations'] if std.objectHas(r, key)]);

function(rules) 'groups:\n' + std.join('\n', [
  '  - name: %s\n    interval: %s\n    rules:\n      ' % [group.name, group.interval]
  + std.join('\n      ', std.map(rule, group.rules))
  for group in rules.groups
])
