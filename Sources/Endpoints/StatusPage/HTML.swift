import Basics

/// HTML under construction, in which text is escaped wherever it is put in.
struct HTML {
    private(set) var bytes: [UInt8] = []

    /// Appends markup as it is; it takes no text from outside.
    mutating func markup(_ markup: StaticString) {
        markup.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Appends text for element content: escaped, and with nothing in it that is invisible or moves other text.
    ///
    /// Control characters, and the formatting ones by which a name could pose as another, are shown by their code.
    mutating func text(_ text: String) {
        append(text, showsInvisible: true)
    }

    /// Appends text for a quoted attribute value, escaped for it; invisible characters stay, so that a form gives them back.
    mutating func attribute(_ text: String) {
        append(text, showsInvisible: false)
    }

    /// Appends an element around escaped text.
    mutating func element(_ open: StaticString, _ text: String, _ close: StaticString) {
        markup(open)
        self.text(text)
        markup(close)
    }

    /// Appends a point in time as a `time` element: what it shows, and the whole of it in the tooltip.
    mutating func time(_ unix: Double, title: String = "", showing text: String) {
        let utc = UTCTime(unix)
        markup("<time datetime=\"")
        attribute(utc.rfc3339)
        markup("\" title=\"")
        attribute(title + utc.full)
        element("\">", text, "</time>")
    }

    private mutating func append(_ text: String, showsInvisible: Bool) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": markup("&amp;")
            case "<": markup("&lt;")
            case ">": markup("&gt;")
            case "\"": markup("&quot;")
            case "'": markup("&#39;")
            case " "..."~": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}":
                // HTML allows few of them, and turns some into others.
                showsInvisible ? code(scalar) : markup("\u{FFFD}")
            case _ where showsInvisible && scalar.isDeceptive: code(scalar)
            default: bytes.append(contentsOf: scalar.utf8)
            }
        }
    }

    private mutating func code(_ scalar: Unicode.Scalar) {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let zeros = String(repeating: "0", count: max(0, 4 - digits.utf8.count))
        bytes.append(contentsOf: "[U+\(zeros)\(digits)]".utf8)
    }
}

extension Unicode.Scalar {
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
