/// A text format that Prometheus scrapes.
public enum ExpositionFormat: String, Sendable, Hashable, CaseIterable {
    /// The Prometheus text format, version 0.0.4.
    case text
    /// OpenMetrics text, version 1.0.0.
    case openMetrics

    /// The media type with its parameters, for a `Content-Type` field.
    ///
    /// - Parameter escaping: the name-escaping scheme a scraper asked for, which is told back to it. All names here are of the
    ///   classic character set, so that every scheme yields the same page.
    public func contentType(escaping: EscapingScheme? = nil) -> String {
        let type =
            switch self {
            case .text: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        return escaping.map { "\(type); escaping=\($0.rawValue)" } ?? type
    }
}

/// How a scraper wants names outside the classic character set to be written.
public enum EscapingScheme: String, Sendable, Hashable, CaseIterable {
    case allowUTF8 = "allow-utf-8"
    case underscores
    case values

    /// The scheme to answer with where a scraper asks for one; nil where its name is not known.
    ///
    /// `dots` is answered with `underscores`: the two write the names here alike, and the second promises less.
    public init?(asked name: String) {
        self.init(rawValue: name == "dots" ? "underscores" : name)
    }
}
