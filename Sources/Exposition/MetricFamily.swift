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

    /// The name and a brace, as samples with labels begin.
    let opening: [UInt8]
    private let textHeader: [UInt8]
    private let openMetricsHeader: [UInt8]

    /// Describes a family. The name must match `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    public init(_ name: String, _ type: MetricType, help: String) {
        self.name = name
        self.type = type
        self.help = help
        opening = Array(name.utf8) + [UInt8(ascii: "{")]
        let openMetricsName = Self.openMetricsName(name, type)
        textHeader = Self.header(name, type, help: help, unit: nil, quotes: false)
        openMetricsHeader = Self.header(
            openMetricsName, type, help: help, unit: Self.unit(openMetricsName), quotes: true)
    }

    /// The name in OpenMetrics metadata, where a counter's goes without `_total`.
    public var openMetricsName: String {
        Self.openMetricsName(name, type)
    }

    /// The base unit the name ends in, if it does: `seconds` or `bytes`.
    public var unit: String? {
        Self.unit(openMetricsName)
    }

    /// The lines that stand before the family's samples.
    func header(_ format: ExpositionFormat) -> [UInt8] {
        switch format {
        case .text: textHeader
        case .openMetrics: openMetricsHeader
        }
    }

    private static func openMetricsName(_ name: String, _ type: MetricType) -> String {
        let suffix = "_total"
        return type == .counter && name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
    }

    private static func unit(_ openMetricsName: String) -> String? {
        ["seconds", "bytes"].first { openMetricsName.hasSuffix("_" + $0) }
    }

    private static func header(_ name: String, _ type: MetricType, help: String, unit: String?, quotes: Bool) -> [UInt8]
    {
        var bytes: [UInt8] = []
        bytes.append(ascii: "# HELP ")
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: " "))
        bytes.appendEscaped(help, quotes: quotes)
        bytes.append(contentsOf: "\n# TYPE \(name) \(type.rawValue)\n".utf8)
        if let unit {
            bytes.append(contentsOf: "# UNIT \(name) \(unit)\n".utf8)
        }
        return bytes
    }
}
