// The dashboards by file name, as mixins provide them.
{
  grafanaDashboards+:: {
    'hypersender-overview.json': (import 'overview.libsonnet')($._config),
    'hypersender-instance.json': (import 'instance.libsonnet')($._config),
    'hypersender-availability.json': (import 'availability.libsonnet')($._config),
    'hypersender-exporter.json': (import 'exporter.libsonnet')($._config),
  },
}
