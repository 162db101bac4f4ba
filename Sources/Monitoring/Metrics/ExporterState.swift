public import Exposition

/// The state of the exporter itself.
public struct ExporterState: Sendable, Equatable {
    /// The exporter's version.
    public let version: String
    /// The commit the program was built from.
    public let revision: String
    /// The version of the compiler.
    public let swiftVersion: String
    /// The start of the process, in seconds since the Unix epoch.
    public let startTime: Double
    /// The number of this exporter's shard, from 0.
    public var shard = 0
    /// The configured number of shards; 1 without sharding.
    public var shards = 1
    /// A number of at most 48 bits, made of the configuration of all accounts.
    public var configurationHash: UInt64 = 0
    /// Whether the last reading of the configuration succeeded.
    public var reloadSucceeded = true
    /// The time of the last successful reading of the configuration, in seconds since the Unix epoch.
    public var reloadTime: Double
    /// The number of requests answered, by handler and status code.
    public var requests: [RequestKey: UInt64] = [:]
    /// The resources that the process uses, while the state is written.
    var usage: ProcessUsage?

    /// Describes an exporter that has answered nothing yet.
    public init(version: String, revision: String, swiftVersion: String, startTime: Double) {
        self.version = version
        self.revision = revision
        self.swiftVersion = swiftVersion
        self.startTime = startTime
        reloadTime = startTime
    }

    /// The handler and the status code by which requests are counted.
    public struct RequestKey: Sendable, Hashable {
        let handler: String
        let code: Int

        /// Names a handler and the status code of its response.
        public init(handler: String, code: Int) {
            self.handler = handler
            self.code = code
        }
    }

    /// Writes all families about the exporter.
    public func write(to writer: inout ExpositionWriter, usage: ProcessUsage) {
        var state = self
        state.usage = usage
        for metric in Self.metrics {
            writer.begin(metric.family)
            metric.write(state, &writer)
        }
    }
}
