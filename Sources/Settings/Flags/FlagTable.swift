import Basics
import HTTPServer
import HypersenderAPI
import Monitoring

extension Flag {
    /// The table of all flags, in the order of the documentation. A flag is decoded after those before it.
    static let all = [
        Flag(
            name: "web.listen-address", placeholder: "host:port",
            defaultText: "`\(FlagValues.defaultAddress)`, with `--demo` `\(FlagValues.demoAddress)`",
            help: "Address to listen on, such as `[::1]:10058`, `unix:/run/exporter.sock`, or `127.0.0.1:0` for any"
                + " free port. Repeatable.", property: \.listenAddresses, isRepeatable: true
        ) { (text, values) throws(Problem) in try values.listen(on: text) },
        Flag(
            "web.telemetry-path", .path, \.telemetryPath, "Path of the metrics; `/` replaces the status page."
        ),
        Flag(
            "web.max-requests", .integer(0...1_000_000), \.maximumScrapes,
            "Maximum number of concurrent scrapes; further ones get 503. A scrape whose client stops reading for a"
                + " second does not count. 0 disables the limit."),
        Flag(
            "web.config.file", .text("path"), \.webConfigFile,
            "File with TLS, basic auth, headers and a rate limit, in the format of Prometheus's exporter-toolkit."),
        Flag(
            "web.enable-lifecycle", .boolean, \.enablesLifecycle,
            "Enable reloading the configuration by `POST /-/reload`."),
        Flag(
            "web.systemd-socket", .boolean, \.usesSystemdSockets,
            "Listen on sockets passed by systemd instead of `--web.listen-address`."),
        Flag(
            "web.disable-exporter-metrics", .boolean, \.disablesExporterMetrics,
            "Exclude metrics about the exporter itself."),
        Flag(
            "web.runbook-url", .runbookURL, \.runbookURL,
            "Page that runbook links on the status page lead to, with the alert's name in lower case as the anchor."
        ).with { $0.defaultText = "the exporter's own `/runbooks`" },
        Flag(
            "hypersender.allow-http", .boolean, \.allowsHTTP,
            "Allow a base URL with `http` to another machine. The token is then sent unencrypted."),
        Flag(
            name: "hypersender.base-url", placeholder: "url", defaultText: "`\(FlagValues.api)`",
            help: "Base URL of the API; `http` only on loopback unless `--hypersender.allow-http` is set.",
            accountKey: "base_url", property: \.baseURL, text: { "\($0.baseURL)" }, quote: Redaction.quoteAddress
        ) { (text, values) throws(Problem) in
            values.baseURL = try BaseURL(text, allowHTTP: values.allowsHTTP)
        },
        Flag(
            "hypersender.token-file", .text("path"), \.tokenFile,
            "File with the API key. It is read again at every poll."),
        Flag(
            "hypersender.filter.uuid", .text("uuid"), \.filter.uuid, account: "filter.uuid",
            "Only export the instance with this id."),
        Flag(
            "hypersender.filter.name", .text("text"), \.filter.name, account: "filter.name",
            "Only export instances whose name contains this text."),
        Flag(
            "hypersender.filter.phone", .text("number"), \.filter.phone, account: "filter.phone",
            "Only export the instance with this phone number."),
        Flag(
            "hypersender.filter.status", .statuses, \.filter.status, account: "filter.status",
            "Only export instances with one of these comma-separated statuses."),
        Flag(
            "hypersender.ca-file", .text("path"), \.caFile,
            "PEM file of certificate authorities to trust besides the system's. It is read again at a reload."),
        Flag(
            "poll.interval", .duration(.seconds(1)...(.seconds(86400))), \.options.interval, account: "poll_interval",
            "Interval between polls, at least `1s`."
        ).with { $0.defaultText? += ", with `--demo` `\(PrometheusDuration.format(FlagValues.demoInterval))`" },
        Flag(
            "poll.timeout", .duration(.milliseconds(100)...(.seconds(600))), \.timeout, account: "poll_timeout",
            "Timeout of a whole poll, from connecting to the last byte."),
        Flag(
            "poll.stale-after", .duration(.seconds(1)...(.seconds(7 * 86400))), \.options.staleAfter,
            account: "poll_stale_after", "Age of the last successful poll at which its data is withdrawn."
        ).with { $0.defaultText = "3 intervals" },
        Flag(
            "poll.max-response-bytes", .size(1024...(1 << 32)), \.maximumResponseBytes,
            "Maximum size of a response, decompressed."),
        Flag(
            "metrics.status-set", .choice(), \.options.statusSet,
            "Status series of an instance: all seven, or only the `current` one."),
        Flag(
            "metrics.phone", .choice(), \.phone,
            "Phone label of `hypersender_instance_info`: none, a keyed hash, or the full number."),
        Flag(
            name: "metrics.label", placeholder: "name=value",
            help: "Label of all series of the account, such as `customer=acme`. Repeatable.", accountKey: "labels",
            property: \.options.labels,
            text: { $0.options.labels.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "\n") },
            isRepeatable: true
        ) { (text, values) throws(Problem) in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw Problem("is not a label: write it like customer=acme") }
            try values.label(String(parts[0]), String(parts[1]))
        },
        Flag(
            "config.file", .text("path"), \.accountsFile, "File that lists several accounts, each with its own API key."
        ),
        Flag(
            "config.auto-reload", .boolean, \.reloadsOnChange,
            "Reload the configuration whenever the file of `--config.file` changes."),
        Flag(
            "config.check", .boolean, \.checksOnly,
            "Check the whole configuration, report every mistake, and exit with 0 if there is none, else with 1."),
        Flag(
            "shard", .integer(0...99_999), \.shardIndex,
            "Number of this replica, from 0, among those that divide the accounts of `--config.file`."),
        Flag("total-shards", .integer(1...100_000), \.totalShards, "Total number of shards."),
        Flag(
            "shard-from-hostname", .boolean, \.derivesShardFromHostname,
            "Derive `--shard` from the hostname's trailing ordinal (Kubernetes StatefulSet)."),
        Flag("log.level", .choice(), \.logLevel, "Minimum level of messages to log."),
        Flag("log.format", .choice(), \.logFormat, "Log format."),
        Flag(
            "once", .boolean, \.pollsOnce,
            "Poll each account once, write the metrics to standard output and a table of the accounts to standard"
                + " error, and exit with 0 if every poll succeeded, else with 1. Opens no port."),
        Flag("demo", .boolean, \.isDemo, "Export a built-in simulated account, which needs no API key, on loopback."),
        Flag(
            "healthcheck", .boolean, \.checksHealth,
            "Check the running exporter with the same flags, and exit with 0 if it is healthy, else with 1."),
    ]
}

extension ValueParser where Value == String {
    /// The path of a URL, below which nothing of ours is.
    fileprivate static let path = ValueParser(placeholder: "path", format: { $0 }) { (text) throws(Problem) in
        guard text.isPath else { throw Problem("is not a path: write it like /metrics") }
        guard !text.hasPrefix("/-/") else { throw Problem("is below /-/, where health and readiness are") }
        guard text != "/runbooks" else { throw Problem("is where the runbooks are") }
        return text
    }

    /// Statuses that the API documents, with commas in between.
    fileprivate static let statuses = ValueParser(placeholder: "status", format: { $0 }) {
        (text) throws(Problem) in
        let known = InstanceStatus.documented.map(\.rawValue)
        for name in text.split(separator: ",", omittingEmptySubsequences: false) where !known.contains(String(name)) {
            throw Problem("is not one or more of \(known.joined(separator: ",")), with commas in between")
        }
        return text
    }
}

extension ValueParser where Value == String? {
    /// An address with http or https; `nil` for an empty text.
    fileprivate static let runbookURL = ValueParser(placeholder: "url", format: { $0 ?? "" }) {
        (text) throws(Problem) in
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        let isURL =
            parts.count == 3 && ["http:", "https:"].contains(parts[0].lowercased()) && parts[1].isEmpty
            && !parts[2].isEmpty && !parts[2].hasPrefix("/") && text.isVisibleASCII
        guard text.isEmpty || isURL else {
            throw Problem("is not an address with http or https: write it like https://wiki.example/runbooks")
        }
        guard !text.contains("#") else { throw Problem("has a # in it, which the links add themselves") }
        return text.isEmpty ? nil : text
    }
}

extension String {
    fileprivate var isVisibleASCII: Bool { utf8.allSatisfy(\.isVisibleASCII) }

    /// Whether this is the path of a URL, without query and fragment.
    var isPath: Bool { hasPrefix("/") && isVisibleASCII && !contains { "?#".contains($0) } }
}
