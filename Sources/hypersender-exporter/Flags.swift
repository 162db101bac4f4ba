import ArgumentParser
import Settings

/// Flags about serving.
struct WebFlags: ParsableArguments {
    @Option(
        name: .customLong("web.listen-address"),
        help: ArgumentHelp(
            "Address to listen on; repeatable. (default: :10058, with --demo 127.0.0.1:10058)", valueName: "host:port"))
    var listenAddress: [String] = []

    @Option(
        name: .customLong("web.telemetry-path"),
        help: ArgumentHelp("Path of the metrics. (default: \(Settings.Default.telemetryPath))", valueName: "path"))
    var telemetryPath: String?

    @Option(
        name: .customLong("web.max-requests"),
        help: ArgumentHelp(
            "Scrapes answered at the same time, 503 beyond; 0 is no limit. (default: \(Settings.Default.maxRequests))",
            valueName: "n"))
    var maxRequests: String?

    @Option(
        name: .customLong("web.config.file"),
        help: ArgumentHelp(
            "File with TLS, basic auth, headers and a rate limit, as Prometheus's exporter-toolkit reads it.",
            valueName: "path"))
    var configFile: String?

    @Flag(name: .customLong("web.enable-lifecycle"), help: "Allow reloading the configuration by POST /-/reload.")
    var enableLifecycle = false

    @Flag(
        name: .customLong("web.systemd-socket"),
        help: "Listen on the sockets that systemd hands over, instead of --web.listen-address.")
    var systemdSocket = false

    @Flag(name: .customLong("web.disable-exporter-metrics"), help: "Leave out the metrics about the exporter itself.")
    var disableExporterMetrics = false

    @Option(
        name: .customLong("web.runbook-url"),
        help: ArgumentHelp(
            "Page that the status page's links to runbooks lead to. (default: the exporter's own /runbooks)",
            valueName: "url"))
    var runbookURL: String?

    var values: [(String, String)] {
        listenAddress.map { ("web.listen-address", $0) }
            + given([
                ("web.telemetry-path", telemetryPath), ("web.max-requests", maxRequests),
                ("web.config.file", configFile), ("web.enable-lifecycle", enableLifecycle ? "true" : nil),
                ("web.systemd-socket", systemdSocket ? "true" : nil),
                ("web.disable-exporter-metrics", disableExporterMetrics ? "true" : nil),
                ("web.runbook-url", runbookURL),
            ])
    }
}

/// Flags about the API.
struct HypersenderFlags: ParsableArguments {
    @Option(
        name: .customLong("hypersender.base-url"),
        help: ArgumentHelp("Address of the API. (default: \(Settings.Default.baseURL))", valueName: "url"))
    var baseURL: String?

    @Flag(
        name: .customLong("hypersender.allow-http"),
        help: "Allow a base URL with http to another machine: the token travels unencrypted.")
    var allowHTTP = false

    @Option(
        name: .customLong("hypersender.token-file"),
        help: ArgumentHelp("File that holds the API key, read again at every poll.", valueName: "path"))
    var tokenFile: String?

    @Option(
        name: .customLong("hypersender.filter.uuid"),
        help: ArgumentHelp("Watch only the instance with this id.", valueName: "uuid"))
    var filterUUID: String?

    @Option(
        name: .customLong("hypersender.filter.name"),
        help: ArgumentHelp("Watch only instances whose name contains this.", valueName: "text"))
    var filterName: String?

    @Option(
        name: .customLong("hypersender.filter.phone"),
        help: ArgumentHelp("Watch only the instance with this phone number.", valueName: "number"))
    var filterPhone: String?

    @Option(
        name: .customLong("hypersender.filter.status"),
        help: ArgumentHelp(
            "Watch only instances with this status, or these, with commas in between.", valueName: "status"))
    var filterStatus: String?

    @Option(
        name: .customLong("hypersender.ca-file"),
        help: ArgumentHelp("PEM file of certificate authorities to trust besides the system's.", valueName: "path"))
    var caFile: String?

    var values: [(String, String)] {
        given([
            ("hypersender.base-url", baseURL), ("hypersender.allow-http", allowHTTP ? "true" : nil),
            ("hypersender.token-file", tokenFile), ("hypersender.filter.uuid", filterUUID),
            ("hypersender.filter.name", filterName), ("hypersender.filter.phone", filterPhone),
            ("hypersender.filter.status", filterStatus), ("hypersender.ca-file", caFile),
        ])
    }
}

/// Flags about polling, and about what is made of it.
struct PollFlags: ParsableArguments {
    @Option(
        name: .customLong("poll.interval"),
        help: ArgumentHelp("Interval between polls. (default: 30s)", valueName: "duration"))
    var interval: String?

    @Option(
        name: .customLong("poll.timeout"),
        help: ArgumentHelp(
            "Time for a whole poll, from connecting to the last byte. (default: 10s)", valueName: "duration"))
    var timeout: String?

    @Option(
        name: .customLong("poll.stale-after"),
        help: ArgumentHelp(
            "Age of the last successful poll at which its data is withdrawn. (default: 3 intervals)",
            valueName: "duration"))
    var staleAfter: String?

    @Option(
        name: .customLong("poll.max-response-bytes"),
        help: ArgumentHelp("Largest answer that is read, decompressed. (default: 64MiB)", valueName: "size"))
    var maxResponseBytes: String?

    @Option(
        name: .customLong("metrics.status-set"),
        help: ArgumentHelp(
            "Status series of an instance: all seven, or only the current one. (default: all)", valueName: "all|current"
        ))
    var statusSet: String?

    @Option(
        name: .customLong("metrics.phone"),
        help: ArgumentHelp(
            "Phone label on hypersender_instance_info: none, a keyed hash, or the number. (default: off)",
            valueName: "off|hash|full"))
    var phone: String?

    var values: [(String, String)] {
        given([
            ("poll.interval", interval), ("poll.timeout", timeout), ("poll.stale-after", staleAfter),
            ("poll.max-response-bytes", maxResponseBytes), ("metrics.status-set", statusSet), ("metrics.phone", phone),
        ])
    }
}

/// Flags about several accounts.
struct ConfigurationFlags: ParsableArguments {
    @Option(
        name: .customLong("config.file"),
        help: ArgumentHelp("File that names several accounts, each with its own key.", valueName: "path"))
    var file: String?

    @Flag(
        name: .customLong("config.check"),
        help: "Read everything, report every mistake at once, and exit with 0 if there is none, else with 1.")
    var check = false

    @Option(
        name: .customLong("shard"),
        help: ArgumentHelp(
            "This replica's number, of those that divide the accounts of --config.file. (default: 0)", valueName: "n"))
    var shard: String?

    @Option(
        name: .customLong("total-shards"),
        help: ArgumentHelp("How many replicas there are. (default: 1)", valueName: "n"))
    var totalShards: String?

    @Flag(
        name: .customLong("shard-from-hostname"),
        help: "Take the replica's number from the end of the host name, as a Kubernetes StatefulSet gives it.")
    var shardFromHostName = false

    var values: [(String, String)] {
        given([
            ("config.file", file), ("config.check", check ? "true" : nil), ("shard", shard),
            ("total-shards", totalShards), ("shard-from-hostname", shardFromHostName ? "true" : nil),
        ])
    }
}

/// Flags about the log.
struct LogFlags: ParsableArguments {
    @Option(
        name: .customLong("log.level"),
        help: ArgumentHelp("What to log, and what is graver. (default: info)", valueName: "debug|info|warn|error"))
    var level: String?

    @Option(
        name: .customLong("log.format"),
        help: ArgumentHelp("How to write it. (default: logfmt)", valueName: "logfmt|json"))
    var format: String?

    var values: [(String, String)] {
        given([("log.level", level), ("log.format", format)])
    }
}

private func given(_ flags: [(String, String?)]) -> [(String, String)] {
    flags.compactMap { name, value in value.map { (name, $0) } }
}
