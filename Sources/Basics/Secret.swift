/// A credential that prints as `<redacted>`.
///
/// It becomes text only where a request's header is made.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    /// Creates a credential from a text, without the white space around it.
    ///
    /// - Throws: `Problem` if the text is blank, is more than a key, or cannot stand in a header field.
    public init(_ text: String) throws(Problem) {
        let scalars = text.unicodeScalars.trimming { $0.properties.isWhitespace || $0 == "\u{FEFF}" }
        guard !scalars.isEmpty else {
            throw Problem("is blank: put the API key there, as the Hypersender dashboard shows it")
        }
        if let mistake = Self.mistake(in: Substring(scalars)) {
            throw Problem("\(mistake): put the API key alone there, as the Hypersender dashboard shows it")
        }
        self.text = String(Substring(scalars))
    }

    /// The mistake in a text that is more than a key; `nil` if it is a key alone.
    private static func mistake(in text: Substring) -> String? {
        let quotes = "\"'`\u{2018}\u{2019}\u{201C}\u{201D}«»"
        let afterBearer = text.lowercased().hasPrefix("bearer") ? text.dropFirst(6) : nil
        return if isAssignment(text) {
            "begins with a variable's name and =, as a line NAME=value does"
        } else if [text.first, text.last].contains(where: { $0.map(quotes.contains) ?? false }) {
            "has quotes around it"
        } else if afterBearer.map({ $0.first.map { $0 == ":" || $0.isWhitespace } ?? true }) ?? false {
            "begins with \"Bearer\""
        } else if [("<", ">"), ("{{", "}}"), ("${", "}")].contains(where: { text.hasPrefix($0) && text.hasSuffix($1) })
        {
            "is a placeholder"
        } else if text.contains(where: \.isWhitespace) {
            "holds white space or a line break"
        } else if ["\\n", "\\r", "\\t"].contains(where: { text.contains($0) }) {
            "holds a backslash and a letter instead of a line break"
        } else if !text.unicodeScalars.allSatisfy({ (0x21...0x7E).contains($0.value) }) {
            "holds a character that no key has: a control character, or one outside ASCII"
        } else {
            nil
        }
    }

    /// Whether a text has the form `NAME=value`, with the name in capitals. A key may end in `=`, too, as Base64 does.
    private static func isAssignment(_ text: Substring) -> Bool {
        let name = text.prefix { $0 != "=" }
        guard name.count < text.count, name.first?.isNumber == false,
            name.unicodeScalars.allSatisfy({ ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "_" })
        else { return false }
        return name.contains("_") || text[name.endIndex...].contains { $0 != "=" }
    }

    /// The value of an `Authorization` field (RFC 6750).
    public var authorization: String { "Bearer \(text)" }

    /// Returns the code of a message, with the credential as its key.
    public func code(of message: String) -> MessageCode {
        MessageCode(of: Array(message.utf8), key: Array(text.utf8))
    }

    /// Returns a text with the credential replaced wherever it stands.
    public func redacted(in other: String) -> String {
        other.replacing(text, with: description)
    }

    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
