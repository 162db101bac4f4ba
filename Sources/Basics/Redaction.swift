/// Makes text that came from a server fit to be printed.
public enum Redaction {
    /// The length of the longest text that is passed on, in characters.
    private static let maximumLength = 200

    /// Returns a text on one line, cut at 200 characters, with credentials and phone numbers replaced.
    ///
    /// A credential is a token of Hypersender (`NNN|…`), a bcrypt hash, the word after `Bearer`, or a long word of
    /// letters and digits; a phone number is a run of seven digits or more.
    public static func apply(to text: String) -> String {
        let line = redacted(beginning(of: text))
        return line.count > maximumLength ? "\(line.prefix(maximumLength))…" : line
    }

    /// Returns the part of a text that is searched, on one line.
    ///
    /// It is longer than what is printed: a credential that is cut would not be recognized.
    private static func beginning(of text: String) -> String {
        if text.utf8.count <= 8 * maximumLength, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        return String(text.unicodeScalars.prefix(8 * maximumLength).map(printable))
    }

    private static func redacted(_ text: String) -> String {
        var words: [Substring] = []
        var followsBearer = false
        for word in text.split(separator: " ") {
            words.append(followsBearer || looksLikeCredential(word) ? mark : word)
            // "Bearer x", "Bearer: x"; "Bearer=x" is one word, and goes as a whole.
            followsBearer =
                word.utf8.contains(where: "bB".utf8.contains)
                && word.lowercased().split { !$0.isLetter }.last == "bearer"
        }
        return withoutNumbers(words.joined(separator: " "))
    }

    private static let mark: Substring = "<redacted>"

    /// Replaces runs of seven digits and more, with or without the usual separators between them.
    private static func withoutNumbers(_ text: String) -> String {
        guard text.unicodeScalars.count(where: { ("0"..."9").contains($0) || !$0.isASCII }) >= 7 else { return text }
        var result = ""
        var run = ""
        var digits = 0
        func end() {
            // A space or period behind the digits is the sentence's, most often.
            let tail = run.reversed().prefix { $0 == " " || $0 == "." }.reversed()
            result += digits >= 7 ? mark + String(tail) : run
            run = ""
            digits = 0
        }
        for character in text {
            if character.isWholeNumber {
                digits += 1
                run.append(character)
            } else if character == "+" || digits > 0 && " -_./()\u{2010}\u{2011}\u{2012}\u{2013}".contains(character) {
                run.append(character)
            } else {
                end()
                result.append(character)
            }
        }
        end()
        return result
    }

    private static func printable(_ scalar: Unicode.Scalar) -> Character {
        let isSpace = !scalar.isASCII && scalar.properties.generalCategory == .spaceSeparator
        return scalar.isHidden || isSpace ? " " : Character(scalar)
    }

    /// Returns a value of the user's, put in quotes for a message; `<redacted>` if it may hold a credential.
    public static func quote(_ value: String) -> String {
        let mayHold = value.contains("@") || value.split(separator: " ").contains(where: looksLikeCredential)
        // A line break would end the message's line.
        return mayHold ? String(mark) : "\"\(String(value.unicodeScalars.map(printable)))\""
    }

    /// Returns an address of the user's, put in quotes without query and fragment, since people put keys there.
    public static func quoteAddress(_ address: String) -> String {
        let shown = address.prefix { $0 != "?" && $0 != "#" }
        return quote(shown.count < address.count ? "\(shown)…" : address)
    }

    /// Returns a value from a server in quotes, redacted as by `apply`, with characters outside ASCII escaped.
    ///
    /// Look-alikes can be told apart then.
    public static func quoteExactly(_ text: String) -> String {
        let looked = beginning(of: text)
        guard text.unicodeScalars.count <= maximumLength,
            redacted(looked) == looked.split(separator: " ").joined(separator: " ")
        else {
            return "\"\(apply(to: text))\""
        }
        return "\"\(text.unicodeScalars.map { $0.escaped(asASCII: true) }.joined())\""
    }

    /// Whether a word has the form of a credential; see `apply`.
    private static func looksLikeCredential(_ word: Substring) -> Bool {
        // Most words: short, and without a sign that a short credential would have.
        guard word.utf8.count >= 24 || word.utf8.contains(where: "|$=:".utf8.contains) else { return false }
        if let bar = word.lastIndex(of: "|"), word[..<bar].contains(where: \.isWholeNumber) { return true }
        // A bcrypt hash: its slashes would pass for a path's below.
        if ["$2a$", "$2b$", "$2y$"].contains(where: { word.contains($0) }) { return true }
        let lowered = word.lowercased()
        if lowered.contains("bearer=") || lowered.contains("bearer:") && !lowered.hasSuffix("bearer:") { return true }
        return word.utf8.count >= 24 && !word.contains("/") && word.contains(where: \.isWholeNumber)
            && word.contains(where: \.isLetter)
    }
}

extension Unicode.Scalar {
    /// Whether this would not show in a line of text, or would end it, or is no character.
    public var isHidden: Bool {
        // Nearly all text, and known without a look into the tables.
        if isASCII { return self < " " || self == "\u{7F}" }
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: true
        default: false
        }
    }
}
