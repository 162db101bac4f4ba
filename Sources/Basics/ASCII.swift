extension UInt8 {
    /// Whether this is an ASCII digit.
    @inlinable public var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

    /// Whether this is an ASCII character that can be seen: no space, no control character.
    @inlinable public var isVisibleASCII: Bool { self >= 0x21 && self <= 0x7E }
}
