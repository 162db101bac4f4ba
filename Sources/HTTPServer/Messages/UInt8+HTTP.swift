import Basics

extension UInt8 {
    /// Whether this is an ASCII letter or digit.
    var isAlphanumeric: Bool { isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }

    /// Whether the byte may stand in a field name (RFC 9110, 5.6.2).
    var isTokenByte: Bool { isAlphanumeric || isOne(of: "!#$%&'*+-.^_`|~") }

    /// Whether the byte may stand in a field's value (RFC 9110, 5.5).
    var isFieldByte: Bool { self >= 0x20 && self != 0x7f || self == 0x09 }

    /// Whether this is one of these ASCII characters.
    func isOne(of characters: StaticString) -> Bool {
        characters.withUTF8Buffer { $0.contains(self) }
    }
}
