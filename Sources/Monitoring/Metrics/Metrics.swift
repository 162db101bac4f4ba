public import Exposition
import HypersenderAPI

extension MetricFamily {
    /// All families in the order of the page. A metric is added to one of the lists below, and nowhere else.
    public static let all =
        AccountReading.metrics.map(\.family) + InstanceMetrics.all.families.map(\.family)
        + ExporterState.metrics.map(\.family)
}

extension AccountState {
    /// Names that no label of the user's own may have.
    ///
    /// They are those of our families, and those with a meaning to Prometheus or to the shipped rules and dashboards.
    public static let reservedLabels = Set(MetricFamily.all.flatMap(\.labels)).union([
        "account", "job", "le", "quantile", "alertname", "alertstate", "alertgroup", "severity", "scope", "extent",
        "cluster", "namespace", "pod", "container", "endpoint", "node", "host", "hostname", "pod_template_hash",
        "controller_revision_hash", "shard", "hash", "shown", "gravity",
    ])
}

/// An account with the time at which its freshness is judged.
struct AccountReading {
    let account: AccountState
    let uptime: Duration

    /// The metrics of the polls of an account, and of the number of its instances.
    static let metrics: [Metric<AccountReading>] = [
        Metric(
            "hypersender_up", .gauge,
            help:
                "1 if the last poll of the Hypersender API succeeded, else 0. The API is polled in the background, not"
                + " at each scrape: its rate limit is shared with sent messages."
        ) { $0.account.isUp(at: $0.uptime) ? 1 : 0 },
        Metric(
            "hypersender_instances", .gauge, labels: ["status"],
            help:
                "Number of instances by status in the last successful poll. Withdrawn, as all series of instances, once"
                + " that poll is older than --poll.stale-after (default: three intervals)."
        ) { reading, writer in
            guard reading.account.isFresh(at: reading.uptime) else { return }
            for status in InstanceStatus.allCases {
                writer.sample(Double(reading.account.counts[status]), Labels(["status": status.rawValue]))
            }
        },
        Metric(
            "hypersender_polls_total", .counter,
            help: "Total number of completed polls of the Hypersender API, successful or not."
        ) { Double($0.account.polls) },
        Metric(
            "hypersender_poll_failures_total", .counter, labels: ["reason"],
            help: "Total number of failed polls of the Hypersender API, by reason."
        ) { reading, writer in
            for reason in APIError.Reason.allCases {
                writer.sample(Double(reading.account.failures[reason] ?? 0), Labels(["reason": reason.rawValue]))
            }
        },
        Metric(
            "hypersender_poll_duration_seconds", .histogram,
            help: "Duration of polls, from the request to the decoded list, including failed polls."
        ) { reading, writer in
            writer.sample(reading.account.durations)
        },
        Metric(
            "hypersender_last_poll_timestamp_seconds", .gauge,
            help: "Unix time at which the last poll ended; absent before the first."
        ) { $0.account.lastPoll?.unix },
        Metric(
            "hypersender_last_successful_poll_timestamp_seconds", .gauge,
            help:
                "Unix time of the last successful poll's data: the end of the poll minus the Age that caches gave its"
                + " response; absent before the first."
        ) { $0.account.lastSuccess?.unix },
        Metric(
            "hypersender_poll_interval_seconds", .gauge,
            help: "Configured interval between polls. Failing polls are spaced further apart."
        ) { $0.account.options.interval.seconds },
        Metric(
            "hypersender_api_response_bytes", .gauge,
            help: "Decompressed size of the last list of instances, over all its pages."
        ) { $0.account.responseBytes.map(Double.init) },
        Metric(
            "hypersender_api_rate_limit", .gauge,
            help: "Requests the API allows in a window, from the last poll's response; absent if it named no limit."
        ) { $0.account.rateLimit.limit.map(Double.init) },
        Metric(
            "hypersender_api_rate_limit_remaining", .gauge,
            help: "Requests left in the API's window, from the last poll's response; absent if it did not say."
        ) { $0.account.rateLimit.remaining.map(Double.init) },
        Metric(
            "hypersender_duplicate_instances", .gauge,
            help:
                "Number of elements in the last successful list that repeated an id of their page; the first of each id"
                + " is shown."
        ) { $0.account.duplicates.map(Double.init) },
        Metric(
            "hypersender_invalid_instances", .gauge,
            help:
                "Number of elements in the last successful list without a readable status, shown as UNKNOWN, or without"
                + " a readable id, not shown."
        ) { $0.account.invalid.map(Double.init) },
        Metric(
            "hypersender_unknown_statuses_total", .counter,
            help:
                "Total number of instances seen with a status outside the six that the API documents, counted in every"
                + " poll."
        ) { Double($0.account.unknownStatuses) },
    ]
}

/// The choice of status series written for an instance.
public enum StatusSet: String, Sendable, CaseIterable {
    /// All seven, one of them 1 and the others 0.
    case all
    /// Only the one that is 1.
    case current
}

/// The metrics of instances, in two lists by what they follow.
struct InstanceMetrics {
    /// The metrics of facts that most polls leave as they are.
    let facts: [Metric<TrackedInstance>]
    /// The metrics that follow the status or its history.
    let statuses: [Metric<TrackedInstance>]
    /// The families in the order of the page, with the place of each among `facts` or `statuses`.
    let families: [(family: MetricFamily, followsStatus: Bool, place: Int)]

    /// The metrics with all status series.
    static let all = InstanceMetrics(.all)
    /// The metrics with the current status only.
    static let current = InstanceMetrics(.current)

    private init(_ statusSet: StatusSet) {
        let metrics = Self.metrics(statusSet)
        facts = metrics.filter { !$0.followsStatus }.map(\.metric)
        statuses = metrics.filter(\.followsStatus).map(\.metric)
        families = metrics.indices.map { index in
            let place = metrics[..<index].count { $0.followsStatus == metrics[index].followsStatus }
            return (metrics[index].metric.family, metrics[index].followsStatus, place)
        }
    }

    private static func metrics(_ statusSet: StatusSet) -> [(followsStatus: Bool, metric: Metric<TrackedInstance>)] {
        let labels = ["instance_id", "instance_name"]
        let statuses = InstanceStatus.allCases.map { ($0, Labels(["status": $0.rawValue])) }
        let up = Metric<TrackedInstance>(
            "hypersender_instance_up", .gauge, labels: labels,
            help:
                "1 if the instance's status is WORKING, else 0. WORKING means that the session is up; it does not prove"
                + " that messages are delivered."
        ) { $0.instance.status == .working ? 1 : 0 }
        let status = Metric<TrackedInstance>(
            "hypersender_instance_status", .gauge, labels: labels + ["status"],
            help:
                "1 for the instance's status, 0 for the others. UNKNOWN stands for a status the API does not document."
        ) { tracked, writer in
            let current = tracked.instance.status
            for (status, label) in statuses where statusSet == .all || status == current {
                writer.sample(status == current ? 1 : 0, label)
            }
        }
        let info = Metric<TrackedInstance>(
            "hypersender_instance_info", .gauge, labels: labels + ["service_type", "phone"],
            help: "Further properties of the instance as labels; always 1."
        ) { tracked, writer in
            var extra = Labels(["service_type": tracked.instance.details.serviceType])
            if let phone = tracked.instance.details.phone { extra.append("phone", phone) }
            writer.sample(1, extra)
        }
        let created = Metric<TrackedInstance>(
            "hypersender_instance_created_timestamp_seconds", .gauge, labels: labels,
            help: "Unix time at which the instance was created. The API gives no time zone: UTC is assumed."
        ) { $0.instance.details.createdAt }
        let accessToken = Metric<TrackedInstance>(
            "hypersender_instance_access_token_present", .gauge, labels: labels,
            help:
                "1 if the API lists an access token for the instance, 0 if it gives null, which means that the instance"
                + " is not yet connected."
        ) { $0.instance.details.hasAccessToken.map { $0 ? 1 : 0 } }
        let statusChange = Metric<TrackedInstance>(
            "hypersender_instance_status_change_timestamp_seconds", .gauge, labels: labels,
            help:
                "Unix time at which a poll last found a changed status. The first sight of an instance counts as a"
                + " change, also after a restart of the exporter."
        ) { $0.statusChangedAt }
        let statusChanges = Metric<TrackedInstance>(
            "hypersender_instance_status_changes_total", .counter, labels: labels,
            help: "Total number of status changes seen from poll to poll. Changes between two polls are missed."
        ) { Double($0.statusChanges) }
        return [
            (true, up), (true, status), (false, info), (false, created), (false, accessToken), (true, statusChange),
            (true, statusChanges),
        ]
    }
}

extension ExporterState {
    /// The metrics of the exporter and its process.
    static let metrics: [Metric<ExporterState>] = [
        Metric(
            "hypersender_exporter_build_info", .gauge, labels: ["version", "revision", "swift_version"],
            help: "Version of the exporter as labels; always 1."
        ) { state, writer in
            writer.sample(
                1, Labels(["version": state.version, "revision": state.revision, "swift_version": state.swiftVersion]))
        },
        Metric("hypersender_exporter_shard", .gauge, help: "Shard number of this exporter, counted from 0.") {
            Double($0.shard)
        },
        Metric(
            "hypersender_exporter_shards", .gauge,
            help: "Configured number of shards that divide the accounts among them; 1 without sharding."
        ) { Double($0.shards) },
        Metric(
            "hypersender_exporter_config_hash", .gauge,
            help: "Hash of the configuration of all accounts, also of those of other shards, without their keys."
        ) { Double($0.configurationHash) },
        Metric(
            "hypersender_exporter_config_last_reload_successful", .gauge,
            help: "1 if the last reload of the configuration succeeded, else 0: the previous one is in use."
        ) { $0.reloadSucceeded ? 1 : 0 },
        Metric(
            "hypersender_exporter_config_last_reload_success_timestamp_seconds", .gauge,
            help: "Unix time of the last successful reload of the configuration."
        ) { $0.reloadTime },
        Metric(
            "hypersender_exporter_http_requests_total", .counter, labels: ["handler", "code"],
            help: "Total number of HTTP requests answered by a handler. Requests refused earlier are not counted."
        ) { state, writer in
            let requests = state.requests.sorted { ($0.key.handler, $0.key.code) < ($1.key.handler, $1.key.code) }
            for (key, count) in requests {
                writer.sample(Double(count), Labels(["handler": key.handler, "code": "\(key.code)"]))
            }
        },
        Metric("process_cpu_seconds_total", .counter, help: "Total user and system CPU time spent in seconds.") {
            $0.usage?.cpuSeconds
        },
        Metric("process_resident_memory_bytes", .gauge, help: "Resident memory size in bytes.") {
            $0.usage?.residentBytes.map(Double.init)
        },
        Metric("process_virtual_memory_bytes", .gauge, help: "Virtual memory size in bytes.") {
            $0.usage?.virtualBytes.map(Double.init)
        },
        Metric("process_open_fds", .gauge, help: "Number of open file descriptors.") {
            $0.usage?.openFiles.map(Double.init)
        },
        Metric("process_max_fds", .gauge, help: "Maximum number of open file descriptors.") {
            $0.usage?.maxFiles.map(Double.init)
        },
        Metric("process_threads", .gauge, help: "Number of threads in the process.") {
            $0.usage?.threads.map(Double.init)
        },
        Metric(
            "process_start_time_seconds", .gauge, help: "Start time of the process since the Unix epoch in seconds."
        ) { $0.startTime },
    ]
}
