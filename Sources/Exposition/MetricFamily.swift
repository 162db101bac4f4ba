/// What a metric family's values mean to a reader.
///
/// The names are those of the Prometheus text format 0.0.4 and of OpenMetrics 1.0.0, for the types both share.
public enum MetricType: String, Sendable {
    case counter
    case gauge
    case histogram
}

/// A metric family: the name, type and explanation that a group of series shares.
public struct MetricFamily: Sendable, Equatable {
    /// The name as queries use it; a counter's ends in `_total`, a histogram's carries no suffix.
    public let name: String
    /// What its values mean.
    public let type: MetricType
    /// One line for a person, unescaped.
    public let help: String

    /// Describes a family. The name must match `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    public init(_ name: String, _ type: MetricType, help: String) {
        self.name = name
        self.type = type
        self.help = help
    }

    /// The name in OpenMetrics metadata, where a counter's goes without `_total`.
    public var openMetricsName: String {
        let suffix = "_total"
        return type == .counter && name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
    }

    /// The base unit the name ends in, if it does: `seconds` or `bytes`.
    public var unit: String? {
        ["seconds", "bytes"].first { openMetricsName.hasSuffix("_" + $0) }
    }
}
