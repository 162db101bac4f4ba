/// A user name and a password, as a client sends them with Basic authentication (RFC 7617).
struct Credentials: Sendable, Equatable {
    /// Nil where the name is not UTF-8, so that it is nobody's.
    let user: String?
    let password: [UInt8]

    init(user: String?, password: [UInt8]) {
        self.user = user
        self.password = password
    }

    /// Reads an `Authorization` field; nil where it is of another scheme or malformed.
    init?(authorization: String) {
        let scheme = "basic "
        let field = authorization.utf8
        guard field.count > scheme.utf8.count,
            String(Substring(field.prefix(scheme.utf8.count))).isField("basic "),
            let decoded = Self.decode(base64: field.dropFirst(scheme.utf8.count)),
            let colon = decoded.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        user = String(validating: decoded[..<colon], as: UTF8.self)
        password = Array(decoded[(colon + 1)...])
    }

    /// Base64 with its padding (RFC 4648, 4); nil for anything else.
    static func decode(base64 text: Substring.UTF8View) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        for character in text.dropLast(padding) {
            guard let digit = digit(character) else { return nil }
            bits = bits << 6 | digit
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }

    private static func digit(_ character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
