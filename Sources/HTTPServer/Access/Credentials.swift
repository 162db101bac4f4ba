/// A user name and a password, as a client sends them with Basic authentication (RFC 7617).
struct Credentials: Sendable, Equatable {
    /// `nil` if the name is not UTF-8, so that no user has it.
    let user: String?
    let password: [UInt8]
}

extension Credentials {
    /// Parses an `Authorization` field; `nil` if it is malformed or of another scheme.
    init?(authorization field: String) {
        guard String(field.prefix(6)).isField("basic "), let decoded = Self.decode(base64: field.utf8.dropFirst(6)),
            let colon = decoded.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        user = String(validating: decoded[..<colon], as: UTF8.self)
        password = Array(decoded[(colon + 1)...])
    }

    /// Decodes base 64 with its padding (RFC 4648, 4); returns `nil` for anything else.
    private static func decode(base64 text: Substring.UTF8View) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        for (index, character) in text.dropLast(padding).enumerated() {
            guard let digit = digits[character] else { return nil }
            bits = bits << 6 | digit
            if index % 4 > 0 {
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(6 - index % 4 * 2)))
            }
        }
        return bytes
    }

    private static let digits: [UInt8: UInt32] = Dictionary(
        uniqueKeysWithValues: zip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8, 0...))
}
