/// A credential. It prints as `<redacted>` wherever it is printed, and becomes text only where a request's header is made.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    /// Takes a credential with the white space around it removed.
    ///
    /// - Throws: `TokenError` where nothing is left, or where it holds what cannot stand in a header field.
    public init(_ text: String) throws(TokenError) {
        let isBlank = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace || scalar == "\u{FEFF}" }
        var scalars = text.unicodeScalars[...]
        scalars = scalars.drop(while: isBlank)
        while let last = scalars.last, isBlank(last) {
            scalars.removeLast()
        }
        guard !scalars.isEmpty else {
            throw TokenError("is blank: put the API key there, as the Hypersender dashboard shows it")
        }
        guard scalars.allSatisfy({ (0x21...0x7E).contains($0.value) }) else {
            throw TokenError(
                "holds white space, a line break or a character outside ASCII: put the API key alone there, without \"Bearer\""
            )
        }
        self.text = String(Substring(scalars))
    }

    /// The value of an `Authorization` field (RFC 6750).
    var authorization: String {
        "Bearer \(text)"
    }

    /// The bytes, for use as the key of a keyed hash.
    public func withUTF8<Result>(_ body: ([UInt8]) -> Result) -> Result {
        body(Array(text.utf8))
    }

    /// Whether the credential stands somewhere in a text.
    func occurs(in other: String) -> Bool {
        other.contains(text)
    }

    public var description: String { "<redacted>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why there is no usable token. It never quotes what was found.
public struct TokenError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
