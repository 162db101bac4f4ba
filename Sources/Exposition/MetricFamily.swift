/// The meaning of a metric family's values, by its name in the text format 0.0.4 and in OpenMetrics 1.0.0.
public enum MetricType: String, Sendable {
    /// A total since the start, which only grows.
    case counter
    /// A value as it is now.
    case gauge
    /// The numbers of observed values by size, and their sum.
    case histogram
}

/// A metric family: the name, type, labels and help text that its series share.
public struct MetricFamily: Sendable, Equatable {
    /// The name as queries use it; a counter's ends in `_total`, a histogram's has no suffix.
    public let name: String
    /// The meaning of its values.
    public let type: MetricType
    /// The names of the labels that tell its series apart, without the `le` of histograms.
    public let labels: [String]
    /// One unescaped line for a person.
    public let help: String

    private let textHeader: [UInt8]
    private let openMetricsHeader: [UInt8]

    /// Describes a family. The name must match `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    public init(_ name: String, _ type: MetricType, labels: [String] = [], help: String) {
        self.name = name
        self.type = type
        self.labels = labels
        self.help = help
        let shortName = Self.openMetricsName(name, type)
        textHeader = Self.header(name, type, help: help, quotes: false)
        openMetricsHeader =
            Self.header(shortName, type, help: help, quotes: true)
            + (Self.unit(shortName).map { Array("# UNIT \(shortName) \($0)\n".utf8) } ?? [])
    }

    /// Returns the lines that stand before the family's samples.
    public func header(_ format: ExpositionFormat) -> [UInt8] {
        format == .text ? textHeader : openMetricsHeader
    }

    private static func openMetricsName(_ name: String, _ type: MetricType) -> String {
        let suffix = "_total"
        return type == .counter && name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
    }

    private static func unit(_ openMetricsName: String) -> String? {
        ["seconds", "bytes"].first { openMetricsName.hasSuffix("_" + $0) }
    }

    private static func header(_ name: String, _ type: MetricType, help: String, quotes: Bool) -> [UInt8] {
        var bytes = Array("# HELP \(name) ".utf8)
        bytes.appendEscaped(help, quotes: quotes)
        bytes.append(contentsOf: "\n# TYPE \(name) \(type.rawValue)\n".utf8)
        return bytes
    }
}

/// A metric family with the rule by which a subject, such as an account, fills it.
public struct Metric<Subject>: Sendable {
    /// The name, type, labels and help text.
    public let family: MetricFamily
    /// Writes the subject's samples, after `begin` was called and the labels of the subject were set.
    public let write: @Sendable (Subject, inout ExpositionWriter) -> Void

    /// Describes a metric with any number of samples per subject.
    public init(
        _ name: String, _ type: MetricType, labels: [String] = [], help: String,
        samples: @escaping @Sendable (Subject, inout ExpositionWriter) -> Void
    ) {
        family = MetricFamily(name, type, labels: labels, help: help)
        write = samples
    }

    /// Describes a metric with at most one sample per subject.
    public init(
        _ name: String, _ type: MetricType, labels: [String] = [], help: String,
        value: @escaping @Sendable (Subject) -> Double?
    ) {
        self.init(name, type, labels: labels, help: help) { subject, writer in
            if let value = value(subject) { writer.sample(value) }
        }
    }
}
