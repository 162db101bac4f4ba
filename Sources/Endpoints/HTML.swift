/// HTML under construction, in which text is escaped wherever it is put in.
struct HTML {
    private(set) var text = ""

    /// Appends markup as it is; it takes no text from outside.
    mutating func markup(_ markup: StaticString) {
        text += "\(markup)"
    }

    /// Appends text, escaped for element content and for quoted attribute values alike.
    mutating func text(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": self.text += "&amp;"
            case "<": self.text += "&lt;"
            case ">": self.text += "&gt;"
            case "\"": self.text += "&quot;"
            case "'": self.text += "&#39;"
            // What HTML does not allow, such as NUL and most control characters.
            case "\u{0}"..."\u{8}", "\u{B}", "\u{C}", "\u{E}"..."\u{1F}", "\u{7F}"..."\u{9F}": self.text += "\u{FFFD}"
            default: self.text.unicodeScalars.append(scalar)
            }
        }
    }

    /// Appends an element around escaped text.
    mutating func element(_ open: StaticString, _ text: String, _ close: StaticString) {
        markup(open)
        self.text(text)
        markup(close)
    }
}
