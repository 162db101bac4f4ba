/// A credential that prints as `<redacted>`.
///
/// It becomes text only where a request's header is made.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    /// Creates a credential from a text, without the white space around it.
    ///
    /// - Throws: `TokenError` if the text is blank, is more than a key, or cannot stand in a header field.
    public init(_ text: String) throws(TokenError) {
        let scalars = text.unicodeScalars.trimming { $0.properties.isWhitespace || $0 == "\u{FEFF}" }
        guard !scalars.isEmpty else {
            throw TokenError("is blank: put the API key there, as the Hypersender dashboard shows it")
        }
        if let mistake = Self.mistake(in: Substring(scalars)) {
            throw TokenError("\(mistake): put the API key alone there, as the Hypersender dashboard shows it")
        }
        self.text = String(Substring(scalars))
    }

    /// The mistake in a text that is more than a key; `nil` if it is a key alone.
    private static func mistake(in text: Substring) -> String? {
        if isAssignment(text) {
            return "begins with a variable's name and =, as a line NAME=value does"
        }
        let quotes: Set<Character> = ["\"", "'", "`", "\u{2018}", "\u{2019}", "\u{201C}", "\u{201D}", "«", "»"]
        if let first = text.first, let last = text.last, quotes.contains(first) || quotes.contains(last) {
            return "has quotes around it"
        }
        if text.lowercased().hasPrefix("bearer"), text.dropFirst(6).first.map({ $0 == ":" || $0.isWhitespace }) ?? true
        {
            return "begins with \"Bearer\""
        }
        let isPlaceholder = [("<", ">"), ("{{", "}}"), ("${", "}")].contains {
            text.hasPrefix($0) && text.hasSuffix($1)
        }
        if isPlaceholder {
            return "is a placeholder"
        }
        if text.contains(where: \.isWhitespace) {
            return "holds white space or a line break"
        }
        if ["\\n", "\\r", "\\t"].contains(where: { text.contains($0) }) {
            return "holds a backslash and a letter in the place of a line break"
        }
        guard text.unicodeScalars.allSatisfy({ (0x21...0x7E).contains($0.value) }) else {
            return "holds a character that no key has: a control character, or one outside ASCII"
        }
        return nil
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

    /// The bytes, for use as the key of a keyed hash.
    public func withUTF8<Result>(_ body: ([UInt8]) -> Result) -> Result {
        body(Array(text.utf8))
    }

    /// Returns a text with the credential replaced wherever it stands.
    public func redacted(in other: String) -> String {
        other.replacing(text, with: description)
    }

    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The problem with a token, never quoting what was found.
public struct TokenError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    /// Creates an error with the end of a sentence that names the token's place.
    public init(_ description: String) {
        self.description = description
    }
}
