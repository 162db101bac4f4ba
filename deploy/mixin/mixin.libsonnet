// The monitoring of hypersender-exporter as a mixin.
(import 'config.libsonnet') + (import 'rules.libsonnet')
