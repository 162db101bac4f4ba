/// Makes text that came from a server fit to be printed.
public enum Redaction {
    /// Longest text that is passed on, in characters.
    public static let longestText = 200

    /// `text` without what looks like a credential or a phone number, on one line, cut at 200 characters.
    ///
    /// Replaced are Hypersender's tokens (`NNN|…`), bcrypt hashes, whatever follows `Bearer`, long runs without a space that hold a
    /// digit, and runs of seven digits and more.
    public static func apply(to text: String) -> String {
        let line = redacted(beginning(of: text))
        return line.count > longestText ? "\(line.prefix(longestText))…" : line
    }

    /// The part of a text that is looked at, on one line: more than is printed, so that no credential is cut into something that no longer
    /// looks like one.
    private static func beginning(of text: String) -> String {
        String(text.unicodeScalars.prefix(8 * longestText).map(printable))
    }

    private static func redacted(_ text: String) -> String {
        var words: [Substring] = []
        var followsBearer = false
        for word in text.split(separator: " ") {
            words.append(followsBearer || looksLikeCredential(word) ? mark : word)
            // "Bearer x", "Bearer: x"; "Bearer=x" is one word, and goes as a whole.
            followsBearer = word.lowercased().drop { !$0.isLetter }.split { !$0.isLetter }.last == "bearer"
        }
        return withoutNumbers(words.joined(separator: " "))
    }

    private static let mark: Substring = "<redacted>"

    /// Replaces runs of seven digits and more, whatever of the usual separators stands between the digits.
    private static func withoutNumbers(_ text: String) -> String {
        var result = ""
        var run = ""
        var digits = 0
        func end() {
            // What only surrounds the digits is punctuation of the sentence, most often.
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
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned,
            .spaceSeparator:
            " "
        default: Character(scalar)
        }
    }

    /// A value that the user gave, in quotes, for a message about it; not where it may be, or hold, a credential.
    public static func quote(_ value: String) -> String {
        let mayHold = value.contains("@") || value.split(separator: " ").contains(where: looksLikeCredential)
        // A line break would end the message's line.
        return mayHold ? String(mark) : "\"\(String(value.unicodeScalars.map(printable)))\""
    }

    /// An address that the user gave, in quotes, for a message about it, without its query and fragment: people put keys there.
    public static func quoteAddress(_ address: String) -> String {
        let shown = address.prefix { $0 != "?" && $0 != "#" }
        return quote(shown.count < address.count ? "\(shown)…" : address)
    }

    /// A value that came from a server, in quotes, with all that is not plain ASCII escaped, so that look-alikes can be told apart.
    ///
    /// Credentials and phone numbers in it are replaced, and it is cut, as `apply` does.
    public static func quoteExactly(_ text: String) -> String {
        let looked = beginning(of: text)
        guard text.unicodeScalars.count <= longestText,
            redacted(looked) == looked.split(separator: " ").joined(separator: " ")
        else {
            return "\"\(apply(to: text))\""
        }
        return "\"\(text.unicodeScalars.map { $0.escaped(asASCII: true) }.joined())\""
    }

    /// Hypersender's own form, bcrypt's, what follows `bearer` without a space, or a long run that holds a digit.
    private static func looksLikeCredential(_ word: Substring) -> Bool {
        let isDigit = { (character: Character) in character.isWholeNumber }
        if let bar = word.lastIndex(of: "|"), word[..<bar].contains(where: isDigit) {
            return true
        }
        // Its slashes would pass for a path's.
        if ["$2a$", "$2b$", "$2y$"].contains(where: { word.contains($0) }) {
            return true
        }
        let lowered = word.lowercased()
        if lowered.contains("bearer=") || lowered.contains("bearer:") && !lowered.hasSuffix("bearer:") {
            return true
        }
        return word.utf8.count >= 24 && !word.contains("/") && word.contains(where: isDigit)
            && word.contains(where: \.isLetter)
    }
}
