import FoundationEssentials

/// A user name and a password, as a client sends them with Basic authentication (RFC 7617).
struct Credentials: Sendable, Equatable {
    /// `nil` if the name is not UTF-8, so that no user has it.
    let user: String?
    let password: [UInt8]
}

extension Credentials {
    /// Parses an `Authorization` field; `nil` if it is malformed or of another scheme.
    init?(authorization field: String) {
        let text = String(field.dropFirst(6))
        // Decoding is lenient about padding.
        guard String(field.prefix(6)).isField("basic "), let decoded = Data(base64Encoded: text),
            decoded.base64EncodedString() == text, let colon = decoded.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        user = String(validating: decoded[..<colon], as: UTF8.self)
        password = Array(decoded[(colon + 1)...])
    }
}
