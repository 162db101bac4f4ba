/// A text format that Prometheus scrapes.
public enum ExpositionFormat: String, Sendable, Hashable, CaseIterable {
    /// The Prometheus text format, version 0.0.4.
    case text
    /// OpenMetrics text, version 1.0.0.
    case openMetrics

    /// Returns the media type with its parameters, for a `Content-Type` field.
    ///
    /// - Parameter escaping: the name-escaping scheme that the scraper asked for. All names here are of the classic
    ///   character set, so every scheme yields the same page.
    public func contentType(escaping: EscapingScheme? = nil) -> String {
        let type =
            switch self {
            case .text: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        return escaping.map { "\(type); escaping=\($0.rawValue)" } ?? type
    }
}

/// A scheme for writing names outside the classic character set.
public enum EscapingScheme: String, Sendable, Hashable, CaseIterable {
    /// Names stand as they are, in UTF-8.
    case allowUTF8 = "allow-utf-8"
    /// An underscore stands for each other character.
    case underscores
    /// Its code point stands for each other character.
    case values

    /// Returns the scheme to answer with; `nil` if the name is unknown.
    ///
    /// `dots` is answered with `underscores`: both write the names here alike, and the second promises less.
    init?(asked name: String) {
        self.init(rawValue: name == "dots" ? "underscores" : name)
    }
}
