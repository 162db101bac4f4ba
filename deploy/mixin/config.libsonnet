{
  _config+:: {
    // Matchers that every selector gets besides those of its own, such as 'cluster="prod"'.
    selector: '',

    // Labels of the scrape's target, which differ between replicas and change with the pod.
    targetLabels: [
      'instance',
      'pod',
      'container',
      'endpoint',
      'node',
      'host',
      'hostname',
      'pod_template_hash',
      'controller_revision_hash',
    ],

    // Address of the runbooks.
    runbookUrl: 'https://github.com/hypersender-exporter/hypersender-exporter/blob/main/deploy/RUNBOOKS.md',

    // Tags of the dashboards.
    dashboardTags: ['hypersender'],
  },
}
