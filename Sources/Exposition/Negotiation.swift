import Basics

/// The choice of a format and an encoding, from a scrape's header fields.
///
/// Follows RFC 9110, section 12.5, except that nothing is ever refused: a field that cannot be satisfied or read is
/// answered with the text format, or without an encoding.
public struct Negotiation: Sendable, Equatable {
    /// The format to answer with.
    public let format: ExpositionFormat
    /// The name-escaping scheme that was asked for with the format, to be repeated in the `Content-Type`.
    public let escaping: EscapingScheme?
    /// Whether to answer with gzip.
    public let gzip: Bool

    /// Decides from the fields of a request; `nil` for a missing field.
    public init(accept: String?, acceptEncoding: String?) {
        let ranges = WeightedElement.list(accept ?? "")
        let matches = [ExpositionFormat.text, .openMetrics].compactMap { format in
            // The most precise media range decides on a format.
            ranges.compactMap { Match(format, $0) }.max { ($0.precision, $0.weight) < ($1.precision, $1.weight) }
        }
        // The first of equals is the older format, which every client that sends `*/*` can read.
        let best = matches.filter { $0.weight > 0 }.max { ($0.weight, $0.precision) < ($1.weight, $1.precision) }
        format = best?.format ?? .text
        escaping = best?.escaping
        gzip = Self.acceptsGzip(acceptEncoding ?? "")
    }

    /// Returns whether gzip is preferred to no encoding, or accepted equally.
    private static func acceptsGzip(_ acceptEncoding: String) -> Bool {
        let codings = WeightedElement.list(acceptEncoding)
        func weight(_ names: String...) -> Int? { codings.last { names.contains($0.value) }?.weight }
        let gzip = weight("gzip", "x-gzip") ?? weight("*") ?? 0
        return gzip > 0 && gzip >= weight("identity") ?? 0
    }

    /// A format that a media range accepts.
    private struct Match {
        let format: ExpositionFormat
        let weight: Int
        /// 3 for the type with its version, 2 for the type, 1 for `type/*`, 0 for `*/*`.
        let precision: Int
        let escaping: EscapingScheme?

        init?(_ format: ExpositionFormat, _ range: WeightedElement) {
            let (type, wildcard, version) =
                switch format {
                case .text: ("text/plain", "text/*", "0.0.4")
                case .openMetrics: ("application/openmetrics-text", "application/*", "1.0.0")
                }
            switch range.value {
            case type:
                let asked = range.parameters["version"]
                guard asked == nil || asked == version else { return nil }
                precision = asked == nil ? 2 : 3
            case wildcard: precision = 1
            case "*/*": precision = 0
            default: return nil
            }
            self.format = format
            weight = range.weight
            escaping = precision >= 2 ? range.parameters["escaping"].flatMap(EscapingScheme.init(asked:)) : nil
        }
    }
}

/// An element of a list field such as `Accept`: a value, its parameters and its weight.
private struct WeightedElement {
    /// The value in lower case, as these fields are compared without regard to case.
    let value: String
    /// The parameters by their names in lower case, without `q`.
    private(set) var parameters: [String: String] = [:]
    /// The weight in thousandths, 0 to 1000.
    private(set) var weight = 1000

    /// Returns the elements of a field, without those that cannot be read.
    static func list(_ field: String) -> [WeightedElement] {
        split(field[...], at: UInt8(ascii: ",")).compactMap(WeightedElement.init)
    }

    private init?(_ text: Substring) {
        let parts = Self.split(text, at: UInt8(ascii: ";"))
        guard let first = parts.first, !first.isEmpty else { return nil }
        value = first.lowercased()
        for part in parts.dropFirst() {
            guard let equals = part.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = Self.trimmed(part[..<equals]).lowercased()
            let text = Self.unquoted(Self.trimmed(part[part.utf8.index(after: equals)...]))
            if name == "q" {
                guard let weight = Self.weight(text) else { return nil }
                self.weight = weight
            } else {
                parameters[name] = text
            }
        }
    }

    /// Returns a `qvalue` in thousandths: 0 to 1, with digits after the third cut off.
    private static func weight(_ text: String) -> Int? {
        let (whole, point, fraction) = (text.utf8.first, text.utf8.dropFirst().first, text.utf8.dropFirst(2))
        guard whole == UInt8(ascii: "0") || whole == UInt8(ascii: "1"), point == nil || point == UInt8(ascii: "."),
            fraction.allSatisfy(\.isDigit)
        else { return nil }
        let digits = Array(text.utf8.prefix(1)) + Array(fraction.prefix(3)) + Array("000".utf8)
        return min(1000, digits.prefix(4).reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
    }

    /// Splits at a separator outside quoted strings, and trims the parts.
    private static func split(_ text: Substring, at separator: UInt8) -> [Substring] {
        var (isQuoted, isEscaped) = (false, false)
        let parts = text.utf8.split(omittingEmptySubsequences: false) { byte in
            if isEscaped {
                isEscaped = false
            } else if isQuoted && byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else {
                return byte == separator && !isQuoted
            }
            return false
        }
        return parts.map { trimmed(Substring($0)) }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        Substring(text.utf8.trimming { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return String(text) }
        var isEscaped = false
        let scalars = text.unicodeScalars.dropFirst().dropLast().filter { scalar in
            isEscaped = scalar == "\\" && !isEscaped
            return !isEscaped
        }
        return String(Substring(scalars))
    }
}
