public import Exposition

/// What is known of the exporter itself.
public struct ExporterState: Sendable, Equatable {
    public var version: String
    /// The commit the program was built from.
    public var revision: String
    public var swiftVersion: String
    /// When the process started, in seconds since the Unix epoch.
    public var startTime: Double
    /// The number of this exporter's shard, from 0.
    public var shard: Int
    /// The configured number of shards; 1 without sharding.
    public var shards: Int
    /// Whether the last reading of the configuration succeeded.
    public var reloadSucceeded = true
    /// When the configuration was last read with success, in seconds since the Unix epoch.
    public var reloadTime: Double
    /// Requests answered, by handler and status code.
    public var requests: [RequestKey: UInt64] = [:]

    public init(
        version: String, revision: String, swiftVersion: String, startTime: Double, shard: Int = 0, shards: Int = 1
    ) {
        self.version = version
        self.revision = revision
        self.swiftVersion = swiftVersion
        self.startTime = startTime
        self.shard = shard
        self.shards = shards
        reloadTime = startTime
    }

    /// What requests are counted by.
    public struct RequestKey: Sendable, Hashable {
        public var handler: String
        public var code: Int

        public init(handler: String, code: Int) {
            self.handler = handler
            self.code = code
        }
    }

    /// Writes all families about the exporter.
    public func write(to writer: inout ExpositionWriter, usage: ProcessUsage) {
        for family in ExporterFamily.all {
            writer.begin(family.family)
            family.write(self, usage, &writer)
        }
    }

    /// All families that `write` may write, in its order.
    public static let families = ExporterFamily.all.map(\.family)
}

/// A metric family about the exporter, and how its state fills it.
private struct ExporterFamily: Sendable {
    let family: MetricFamily
    let write: @Sendable (ExporterState, ProcessUsage, inout ExpositionWriter) -> Void

    init(
        _ name: String, _ type: MetricType, help: String,
        _ write: @escaping @Sendable (ExporterState, ProcessUsage, inout ExpositionWriter) -> Void
    ) {
        family = MetricFamily(name, type, help: help)
        self.write = write
    }

    /// A family with at most one sample.
    init(
        _ name: String, _ type: MetricType, help: String,
        value: @escaping @Sendable (ExporterState, ProcessUsage) -> Double?
    ) {
        self.init(name, type, help: help) { state, usage, writer in
            if let value = value(state, usage) {
                writer.sample(value)
            }
        }
    }

    static let all: [ExporterFamily] = [
        ExporterFamily(
            "hypersender_exporter_build_info", .gauge, help: "The running version, as labels; always 1."
        ) { state, _, writer in
            writer.sample(
                1,
                Labels(["version": state.version, "revision": state.revision, "swift_version": state.swiftVersion]))
        },
        ExporterFamily(
            "hypersender_exporter_shard", .gauge, help: "Shard number of this exporter, counted from 0."
        ) { state, _ in
            Double(state.shard)
        },
        ExporterFamily(
            "hypersender_exporter_shards", .gauge,
            help: "Configured number of shards that divide the accounts among them; 1 without sharding."
        ) { state, _ in
            Double(state.shards)
        },
        ExporterFamily(
            "hypersender_exporter_config_last_reload_successful", .gauge,
            help:
                "1 if the configuration was read with success when it was last read, else 0 and the one before is in use."
        ) { state, _ in
            state.reloadSucceeded ? 1 : 0
        },
        ExporterFamily(
            "hypersender_exporter_config_last_reload_success_timestamp_seconds", .gauge,
            help: "When the configuration was last read with success, in Unix time."
        ) { state, _ in
            state.reloadTime
        },
        ExporterFamily(
            "hypersender_exporter_http_requests_total", .counter,
            help: "HTTP requests that the exporter answered, by handler and status code; the present one not included."
        ) { state, _, writer in
            for (key, count) in state.requests.sorted(by: {
                ($0.key.handler, $0.key.code) < ($1.key.handler, $1.key.code)
            }) {
                writer.sample(Double(count), Labels(["handler": key.handler, "code": "\(key.code)"]))
            }
        },
        ExporterFamily(
            "process_cpu_seconds_total", .counter, help: "Total user and system CPU time spent in seconds."
        ) { _, usage in
            usage.cpuSeconds
        },
        ExporterFamily("process_resident_memory_bytes", .gauge, help: "Resident memory size in bytes.") { _, usage in
            usage.residentBytes.map(Double.init)
        },
        ExporterFamily("process_virtual_memory_bytes", .gauge, help: "Virtual memory size in bytes.") { _, usage in
            usage.virtualBytes.map(Double.init)
        },
        ExporterFamily("process_open_fds", .gauge, help: "Number of open file descriptors.") { _, usage in
            usage.openFiles.map(Double.init)
        },
        ExporterFamily("process_max_fds", .gauge, help: "Maximum number of open file descriptors.") { _, usage in
            usage.maxFiles.map(Double.init)
        },
        ExporterFamily("process_threads", .gauge, help: "Number of threads in the process.") { _, usage in
            usage.threads.map(Double.init)
        },
        ExporterFamily(
            "process_start_time_seconds", .gauge, help: "Start time of the process since the Unix epoch in seconds."
        ) { state, _ in
            state.startTime
        },
    ]
}
