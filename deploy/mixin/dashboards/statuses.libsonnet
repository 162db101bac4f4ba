// The statuses in the order of their codes, with their colours in all dashboards.
[
  { name: 'WORKING', color: 'green' },
  { name: 'STARTING', color: 'light-blue' },
  { name: 'PENDING', color: 'purple' },
  { name: 'STOPPED', color: '#8e8e8e' },
  { name: 'SCAN_QR_CODE', color: 'orange' },
  { name: 'FAILED', color: 'red' },
  { name: 'UNKNOWN', color: 'yellow' },
]
