import Basics

/// What to answer a scrape with, from what its header fields say it takes.
///
/// Follows RFC 9110, section 12.5, and asks for no more than that: a field that cannot be satisfied or read is answered with the
/// text format, or with no encoding, and never with an error.
public struct Negotiation: Sendable, Equatable {
    /// The format to answer with.
    public let format: ExpositionFormat
    /// The name-escaping scheme that was asked for with it, told back in the `Content-Type`.
    public let escaping: EscapingScheme?
    /// Whether to answer with gzip.
    public let gzip: Bool

    /// Decides from the fields of a request; nil where a field is missing.
    public init(accept: String?, acceptEncoding: String?) {
        let ranges = WeightedElement.list(accept ?? "")
        var best: (format: ExpositionFormat, match: Match)?
        // Our order: a tie stays with the older format, which every reader of `*/*` knows.
        for format in [ExpositionFormat.text, .openMetrics] {
            guard let match = Match(format, in: ranges), match.weight > 0 else {
                continue
            }
            if let best, (best.match.weight, best.match.specificity) >= (match.weight, match.specificity) {
                continue
            }
            best = (format, match)
        }
        format = best?.format ?? .text
        escaping = best?.match.escaping
        gzip = Self.takesGzip(acceptEncoding)
    }

    /// Gzip where it is accepted at least as gladly as no encoding is.
    private static func takesGzip(_ acceptEncoding: String?) -> Bool {
        let codings = WeightedElement.list(acceptEncoding ?? "")
        func weight(_ names: [String]) -> Int? {
            codings.last { names.contains($0.value) }?.weight
        }
        let gzip = weight(["gzip", "x-gzip"]) ?? weight(["*"]) ?? 0
        return gzip > 0 && gzip >= weight(["identity"]) ?? 0
    }

    /// How well a format fits the media range that speaks of it most precisely.
    private struct Match {
        var weight: Int
        var specificity: Int
        var escaping: EscapingScheme?

        init?(_ format: ExpositionFormat, in ranges: [WeightedElement]) {
            var found: Match?
            for range in ranges {
                guard let specificity = Self.specificity(of: range, for: format) else {
                    continue
                }
                if let found, (found.specificity, found.weight) >= (specificity, range.weight) {
                    continue
                }
                found = Match(
                    weight: range.weight, specificity: specificity,
                    escaping: specificity >= 2 ? range.parameters["escaping"].flatMap(EscapingScheme.init(asked:)) : nil
                )
            }
            guard let found else {
                return nil
            }
            self = found
        }

        private init(weight: Int, specificity: Int, escaping: EscapingScheme?) {
            self.weight = weight
            self.specificity = specificity
            self.escaping = escaping
        }

        /// 3 for the type with its version, 2 for the type, 1 for `type/*`, 0 for `*/*`, nil for no match.
        private static func specificity(of range: WeightedElement, for format: ExpositionFormat) -> Int? {
            let (type, wildcard, version) =
                switch format {
                case .text: ("text/plain", "text/*", "0.0.4")
                case .openMetrics: ("application/openmetrics-text", "application/*", "1.0.0")
                }
            switch range.value {
            case type:
                guard let asked = range.parameters["version"] else {
                    return 2
                }
                return asked == version ? 3 : nil
            case wildcard: return 1
            case "*/*": return 0
            default: return nil
            }
        }
    }
}

/// One element of a list such as `Accept` carries: a value, its parameters and its weight.
struct WeightedElement: Equatable {
    /// In lower case, as all names in these fields are compared without regard to case.
    var value: String
    /// Names in lower case; without `q`.
    var parameters: [String: String] = [:]
    /// The weight in thousandths, 0 to 1000.
    var weight = 1000

    /// Reads a field's elements. One that cannot be read is left out.
    static func list(_ field: String) -> [WeightedElement] {
        split(field, at: UInt8(ascii: ",")).compactMap(WeightedElement.init)
    }

    private init?(_ text: Substring.UTF8View) {
        let parts = Self.split(Substring(text), at: UInt8(ascii: ";")).map(Self.trimmed)
        guard let first = parts.first, !first.isEmpty else {
            return nil
        }
        value = first.lowercased()
        for part in parts.dropFirst() {
            guard let equals = part.utf8.firstIndex(of: UInt8(ascii: "=")) else {
                continue
            }
            let name = Self.trimmed(part.utf8[..<equals]).lowercased()
            let text = Self.unquoted(Self.trimmed(part.utf8[part.utf8.index(after: equals)...]))
            if name == "q" {
                guard let weight = Self.weight(text) else {
                    return nil
                }
                self.weight = weight
            } else {
                parameters[name] = text
            }
        }
    }

    /// A `qvalue` in thousandths: 0 to 1 with at most three digits after the point; more are cut.
    private static func weight(_ text: String) -> Int? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1] : ""[...].utf8
        guard let whole = parts.first, whole.elementsEqual("0".utf8) || whole.elementsEqual("1".utf8),
            fraction.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else {
            return nil
        }
        var thousandths = whole.elementsEqual("1".utf8) ? 1 : 0
        let digits = fraction.prefix(3).map { Int($0 - UInt8(ascii: "0")) }
        for index in 0..<3 {
            thousandths = thousandths * 10 + (index < digits.count ? digits[index] : 0)
        }
        return min(thousandths, 1000)
    }

    /// Splits at a separator that stands outside quoted strings.
    private static func split(_ text: some StringProtocol, at separator: UInt8) -> [Substring.UTF8View] {
        var pieces: [Substring.UTF8View] = []
        let utf8 = Substring(text).utf8
        var start = utf8.startIndex
        var quoted = false
        var escaped = false
        for index in utf8.indices {
            let byte = utf8[index]
            if escaped {
                escaped = false
            } else if quoted && byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                quoted.toggle()
            } else if byte == separator && !quoted {
                pieces.append(utf8[start..<index])
                start = utf8.index(after: index)
            }
        }
        pieces.append(utf8[start...])
        return pieces
    }

    private static func trimmed(_ text: Substring.UTF8View) -> String {
        String(Substring(text.trimming { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }))
    }

    private static func unquoted(_ text: String) -> String {
        guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else {
            return text
        }
        var value = ""
        var escaped = false
        for character in text.unicodeScalars.dropFirst().dropLast() {
            if character == "\\" && !escaped {
                escaped = true
            } else {
                value.unicodeScalars.append(character)
                escaped = false
            }
        }
        return value
    }
}
