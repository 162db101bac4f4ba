import Basics

/// HTML, in which string literals are markup and interpolated text is escaped.
///
///     let html: HTML = "<p>\(name)</p>"
struct HTML: ExpressibleByStringInterpolation {
    private(set) var bytes: [UInt8]

    init(stringLiteral markup: String) {
        bytes = Array(markup.utf8)
    }

    init(stringInterpolation: StringInterpolation) {
        bytes = stringInterpolation.bytes
    }

    static func += (html: inout HTML, other: HTML) {
        html.bytes += other.bytes
    }

    /// Returns a `time` element, with the full time in its tooltip.
    static func time(_ unix: Double, title: String = "", showing text: String) -> HTML {
        let utc = UTCTime(unix)
        return "<time datetime=\"\(utc.rfc3339)\" title=\"\(title + utc.full)\">\(text)</time>"
    }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var bytes: [UInt8] = []

        init(literalCapacity: Int, interpolationCount: Int) {
            bytes.reserveCapacity(literalCapacity + 32 * interpolationCount)
        }

        mutating func appendLiteral(_ markup: String) {
            bytes += markup.utf8
        }

        /// Appends text, escaped, and with nothing in it that is invisible or moves other text.
        ///
        /// Control characters, and the formatting ones by which a name could pose as another, are shown by their code.
        mutating func appendInterpolation(_ text: some StringProtocol) {
            append(text, showsInvisible: true)
        }

        /// Appends text for a quoted attribute; invisible characters stay, so that a form sends them back.
        mutating func appendInterpolation(attribute text: String) {
            append(text, showsInvisible: false)
        }

        mutating func appendInterpolation(_ number: some BinaryInteger) {
            bytes += String(number).utf8
        }

        mutating func appendInterpolation(html: HTML) {
            bytes += html.bytes
        }

        mutating func appendInterpolation(each html: [HTML]) {
            for html in html { bytes += html.bytes }
        }

        /// Appends a file that belongs to the program, as it is.
        mutating func appendInterpolation(resource: [UInt8]) {
            bytes += resource
        }

        private mutating func append(_ text: some StringProtocol, showsInvisible: Bool) {
            for scalar in text.unicodeScalars {
                switch scalar {
                case "&": bytes += "&amp;".utf8
                case "<": bytes += "&lt;".utf8
                case ">": bytes += "&gt;".utf8
                case "\"": bytes += "&quot;".utf8
                case "'": bytes += "&#39;".utf8
                case " "..."~": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
                case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}":
                    // HTML allows few of them, and turns some into others.
                    bytes += (showsInvisible ? scalar.code : "\u{FFFD}").utf8
                case _ where showsInvisible && scalar.isDeceptive: bytes += scalar.code.utf8
                default: bytes += scalar.utf8
                }
            }
        }
    }
}

extension Unicode.Scalar {
    /// The scalar's number, such as `[U+202E]`.
    fileprivate var code: String {
        let digits = String(value, radix: 16, uppercase: true)
        return "[U+\(String(repeating: "0", count: max(0, 4 - digits.utf8.count)))\(digits)]"
    }

    /// Whether this reorders text, breaks lines, or takes no place at all.
    ///
    /// Joiners and direction marks are not among them: names in Arabic, Persian or Hindi, and emoji, need those.
    fileprivate var isDeceptive: Bool {
        switch self {
        case "\u{AD}", "\u{200B}", "\u{2028}"..."\u{202E}", "\u{2060}"..."\u{206F}", "\u{FEFF}",
            "\u{FFF9}"..."\u{FFFB}":
            true
        default: false
        }
    }
}
